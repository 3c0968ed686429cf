import { object, options, type Rules } from 'spindle/options'
import { type ObjectStore, openStore, type StoreOptions } from 'spindle/source'
import type { Ledger } from '../contract/ledger.ts'
import { ObjectEntries } from '../entries/object-entries.ts'
import { ClusterError } from '../errors.ts'
import { StoreLedger } from '../store/store-ledger.ts'
import { isServerUrl, openServerLedger } from './open-server-ledger.ts'

/** Options of {@link openLedger}. */
export interface OpenLedgerOptions {
  /** Options of the store, if the place is a folder or a bucket. */
  readonly store?: StoreOptions
}

const ledgerOptions = options(
  'OpenLedgerOptions',
  { store: object() } satisfies Rules<OpenLedgerOptions>,
  ClusterError,
)

/**
 * Opens a ledger: a folder (`./run`), a bucket (`s3://bucket/run`, `gs:`, `az:`), a store that
 * `openStore` of `spindle/source` made, or a server: `redis://host/0` (BullMQ on Redis or Valkey),
 * `postgres://host/database` (BullMQ on PostgreSQL), `nats://host` (JetStream). `?ledger=name`
 * tells ledgers of one server apart. Nothing is read before the first call.
 *
 * @throws `ERR_BAD_OPTION` for a place that cannot hold a ledger
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { openLedger } from '@spindle/cluster'
 *
 * const ledger = await openLedger(mkdtempSync(join(tmpdir(), 'ledger-')))
 * assert.equal(await ledger.join(), undefined)
 * ```
 */
export async function openLedger(
  place: string | URL | ObjectStore,
  options: OpenLedgerOptions = {},
): Promise<Ledger> {
  const { store } = ledgerOptions.check(options)
  if (typeof place === 'object' && !(place instanceof URL))
    return new StoreLedger(new ObjectEntries(place))
  const url = String(place)
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase()
  if (isServerUrl(url)) return await openServerLedger(url)
  if (scheme === 'hf' || scheme === 'http' || scheme === 'https')
    throw new ClusterError(
      'ERR_BAD_OPTION',
      `a ledger needs a place that can be written, and ${scheme}: cannot: use a folder, s3:, gs:, az:, redis:, postgres: or nats:`,
    )
  return new StoreLedger(new ObjectEntries(openStore(url, store)))
}

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { durationMs, func, is, object, options, type Rules, signal, text } from 'spindle/options'
import type { StoreOptions } from 'spindle/source'
import type { Ledger } from '../contract/ledger.ts'
import { ClusterError } from '../errors.ts'

/** Options of {@link runWorker}. */
export interface WorkerOptions {
  /** Folder, URL, or a ledger that is open. */
  readonly ledger: string | Ledger
  /** Options of the store, if the ledger is a folder or a bucket. */
  readonly store?: StoreOptions
  /**
   * Id of the worker, unique to this run of the process: letters, digits, `.`, `_`, `-`. Default:
   * host name, process id and a random part.
   */
  readonly worker?: string
  /**
   * Stops the worker: it takes no more shards, commits what its pipelines have given, and releases
   * its shards at their cursors.
   */
  readonly signal?: AbortSignal
  /** How long a stop may take. Then shards are released at their last commits. Default 25 000. */
  readonly graceMs?: number
  /**
   * How long code may block the event loop of this thread before the worker counts as hung and its
   * leases are no longer renewed. Default 900 000 (15 minutes).
   */
  readonly maxBlockedMs?: number
  /** Called when something happened. Errors that it throws are ignored. */
  readonly onEvent?: (event: WorkerEvent) => void
  /** Address of the page about this worker, for `spindle status`. */
  readonly page?: string
}

/** What a worker tells. */
export interface WorkerEvent {
  readonly kind: 'leased' | 'done' | 'stopped' | 'failed' | 'dead' | 'lost'
  readonly worker: string
  /** Name of the shard. */
  readonly shard: string
  readonly key: string
  readonly error?: unknown
}

const workerOptions = options(
  'WorkerOptions',
  {
    ledger: is(
      'a folder, a URL, or a ledger that openLedger() made',
      (value) =>
        (typeof value === 'string' && value !== '') ||
        typeof (value as Partial<Ledger> | null)?.lease === 'function',
      { required: true },
    ),
    store: object(),
    worker: is(
      'a text of letters, digits, ".", "_" and "-"',
      (value) => typeof value === 'string' && /^[\w.-]+$/.test(value),
      { defaultOf: defaultName },
    ),
    signal: signal(),
    graceMs: durationMs({ min: 0, default: 25_000 }),
    maxBlockedMs: durationMs({ min: 1000, default: 900_000 }),
    onEvent: func(),
    page: text(),
  } satisfies Rules<WorkerOptions>,
  ClusterError,
)

/** {@link WorkerOptions} with their defaults. */
export interface CheckedWorker {
  readonly worker: string
  readonly graceMs: number
  readonly maxBlockedMs: number
}

/** @throws `ERR_BAD_OPTION` */
export function checkWorker(given: WorkerOptions): CheckedWorker {
  return workerOptions.check(given)
}

function defaultName(): string {
  const host = hostname().replaceAll(/[^\w.-]/g, '-')
  return `${host}-${process.pid}-${randomBytes(3).toString('hex')}`
}

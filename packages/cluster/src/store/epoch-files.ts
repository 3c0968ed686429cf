import type { Epoch, EpochPlan, ShardSpec } from '../contract/epoch.ts'
import type { LedgerCallOptions } from '../contract/ledger.ts'
import type { EntryStore } from '../entries/entry-store.ts'
import { ClusterError } from '../errors.ts'
import { dateMs } from '../timers.ts'
import { badLedger, parseJson } from './entry.ts'
import { CHUNK_SIZE, EPOCH, manifestName } from './names.ts'

/** The epoch of a ledger; `undefined` if there is none. */
export async function readEpoch(
  entries: EntryStore,
  options?: LedgerCallOptions,
): Promise<Epoch | undefined> {
  const text = await entries.read(EPOCH, options)
  if (text === undefined) return undefined
  const epoch = parseJson(entries.url, EPOCH, text) as Partial<Epoch>
  if (typeof epoch.id !== 'string' || !Number.isSafeInteger(epoch.shardCount))
    throw badLedger(entries.url, EPOCH, 'it is no epoch')
  return epoch as Epoch
}

/**
 * Makes the epoch of a ledger, or finds that it exists. The manifest is written first, under a name
 * with the epoch's id, so that two plans cannot mix.
 *
 * @throws `ERR_EPOCH_MISMATCH`
 */
export async function makeEpoch(
  entries: EntryStore,
  plan: EpochPlan,
  options?: LedgerCallOptions,
): Promise<Epoch> {
  const found = await readEpoch(entries, options)
  if (found !== undefined) return same(entries, plan, found)
  const { id, job, settings, shardCount, leaseMs, maxLosses } = plan
  await writeManifest(entries, plan, options)
  const epoch: Epoch = {
    id,
    job,
    ...(settings !== undefined && { settings }),
    shardCount,
    leaseMs,
    maxLosses,
    createdMs: dateMs(),
  }
  if (await entries.createIfAbsent(EPOCH, `${JSON.stringify(epoch)}\n`, options)) return epoch
  return same(entries, plan, (await readEpoch(entries, options)) ?? epoch)
}

async function writeManifest(
  entries: EntryStore,
  plan: EpochPlan,
  options?: LedgerCallOptions,
): Promise<void> {
  let count = 0
  let chunk: ShardSpec[] = []
  const write = async (): Promise<void> => {
    const number = Math.ceil(count / CHUNK_SIZE) - 1
    await entries.createIfAbsent(manifestName(plan.id, number), JSON.stringify(chunk), options)
    chunk = []
  }
  for await (const shard of plan.shards()) {
    chunk.push(shard)
    count++
    if (chunk.length === CHUNK_SIZE) await write()
  }
  if (chunk.length > 0) await write()
  if (count !== plan.shardCount)
    throw new ClusterError(
      'ERR_BAD_OPTION',
      `the job lists ${count} shards now, and listed ${plan.shardCount} before: \`shards\` must give the same list each time`,
    )
}

function same(entries: EntryStore, plan: EpochPlan, found: Epoch): Epoch {
  if (found.id === plan.id) return found
  throw new ClusterError(
    'ERR_EPOCH_MISMATCH',
    `${entries.url} holds the job "${found.job}" with ${found.shardCount} shards, and this is "${plan.job}" with ${plan.shardCount} shards or other settings: continue that job, or choose another ledger`,
  )
}

/** The shards of one chunk. */
export async function readChunk(
  entries: EntryStore,
  epoch: Epoch,
  chunk: number,
  options?: LedgerCallOptions,
): Promise<readonly ShardSpec[]> {
  const name = manifestName(epoch.id, chunk)
  const text = await entries.read(name, options)
  if (text === undefined) throw badLedger(entries.url, name, 'it is missing')
  const shards = parseJson(entries.url, name, text)
  if (!Array.isArray(shards)) throw badLedger(entries.url, name, 'it is no list of shards')
  return shards as ShardSpec[]
}

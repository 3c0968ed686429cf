import type { Json } from 'spindle/source'
import { type EpochPlan, epochId, type ShardSpec } from '../contract/epoch.ts'
import { ClusterError } from '../errors.ts'
import type { CheckedJob } from './define-job.ts'
import type { ShardLike } from './job.ts'

/**
 * The plan of a job's epoch. It goes through the list of shards once for the id, so a list may be
 * larger than memory.
 *
 * @throws `ERR_BAD_OPTION` for a shard without a name
 */
export async function planOf(checked: CheckedJob): Promise<EpochPlan> {
  const { job, leaseMs, maxLosses } = checked
  const shards = await listOf(checked)
  const { id, shardCount } = await epochId(settingsOf(checked), shards())
  const settings = await settingsId(checked)
  return { id, job: job.name ?? 'job', settings, shardCount, leaseMs, maxLosses, shards }
}

/** Identifies the settings of a job, whatever its shards are. */
export async function settingsId(checked: CheckedJob): Promise<string> {
  return (await epochId(settingsOf(checked), [])).id
}

function settingsOf({ job, seed }: CheckedJob): Json {
  return { seed, settings: job.settings ?? null }
}

async function listOf({ job }: CheckedJob): Promise<() => AsyncIterable<ShardSpec>> {
  const { shards } = job
  if (typeof shards === 'function') return () => specs(shards())
  // An iterator can be gone through only once.
  const isOnce = !Array.isArray(shards) && !(shards instanceof Set)
  const list = isOnce ? await collected(shards) : shards
  return () => specs(list)
}

async function collected(shards: Iterable<ShardLike> | AsyncIterable<ShardLike>) {
  const list: ShardLike[] = []
  for await (const shard of shards) list.push(shard)
  return list
}

async function* specs(
  listing:
    | Iterable<ShardLike>
    | AsyncIterable<ShardLike>
    | Promise<Iterable<ShardLike> | AsyncIterable<ShardLike>>,
): AsyncGenerator<ShardSpec, void, void> {
  let at = 0
  for await (const shard of await listing) {
    const spec = typeof shard === 'string' ? { name: shard } : shard
    if (typeof (spec as Partial<ShardSpec> | null)?.name !== 'string' || spec.name === '')
      throw new ClusterError(
        'ERR_BAD_OPTION',
        `shard ${at} of the job must be a name or an object with a \`name\``,
      )
    yield spec
    at++
  }
}

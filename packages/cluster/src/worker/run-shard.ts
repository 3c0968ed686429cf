import type { Sink } from 'spindle/sinks'
import type { Json } from 'spindle/source'
import type { Lease } from '../contract/ledger.ts'
import type { CheckedJob } from '../job/define-job.ts'
import type { FunctionJob, JobShard, PipelineJob } from '../job/job.ts'
import { pause } from '../timers.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import { rowsIn, seedOf, stateOf } from './resume-point.ts'
import { ShardRows } from './shard-rows.ts'

/** What became of a lease: the shard is done, or was stopped at its last commit. */
export type ShardOutcome = 'done' | 'stopped'

/** Records that a shard committed while this worker had it. */
export type OnRecords = (count: number) => void

/**
 * Folder of a lease's outputs. Each lease has its own, so that removing what earlier leases left
 * never touches a later one, also if the worker that removes was stopped meanwhile.
 */
export function folderOf({ key }: Lease, fence: number): string {
  return `${key.replaceAll('+', '_')}/${String(fence).padStart(6, '0')}/`
}

/**
 * Works on one shard until it is done.
 *
 * @param stop aborted when the worker is to stop: what is consumed is committed
 */
export async function runShard(
  checked: CheckedJob,
  keeper: LeaseKeeper,
  stop: AbortSignal,
  onRecords: OnRecords,
): Promise<ShardOutcome> {
  const { job } = checked
  return 'run' in job
    ? await runFunction(job, keeper, stop, onRecords)
    : await runPipeline(checked, job, keeper, stop, onRecords)
}

async function runFunction(
  job: FunctionJob,
  keeper: LeaseKeeper,
  stop: AbortSignal,
  onRecords: OnRecords,
): Promise<ShardOutcome> {
  const { shard, index, progress, range } = keeper.lease
  const signal = AbortSignal.any([keeper.lost, stop])
  const countOf = (outputs: readonly { readonly count: number }[] = []): number =>
    outputs.reduce((sum, { count }) => sum + count, 0)
  try {
    const last = await job.run({
      ...shard,
      index,
      rowsOf: (source) => new ShardRows(range).of(source),
      progress,
      range,
      prefix: folderOf(keeper.lease, keeper.lease.fence),
      signal,
      commit: async (commit) => {
        await keeper.commit(commit)
        onRecords(countOf(commit.outputs))
      },
    })
    keeper.lost.throwIfAborted()
    const { cursor, state } = keeper.lease.progress
    await keeper.complete(last ?? { cursor, ...(state !== undefined && { state }) })
    onRecords(countOf(last?.outputs))
    return 'done'
  } catch (error) {
    if (stop.aborted && !keeper.lost.aborted) return 'stopped'
    throw error
  }
}

async function runPipeline(
  { seed, splitAlign }: CheckedJob,
  job: PipelineJob<unknown>,
  keeper: LeaseKeeper,
  stop: AbortSignal,
  onRecords: OnRecords,
): Promise<ShardOutcome> {
  const { lease } = keeper
  // Outputs of earlier leases that no commit names.
  const kept = new Set(lease.progress.outputs.map(({ name }) => name))
  for (const fence of lease.earlier)
    await job.sink.shared!.removeOrphans(folderOf(lease, fence), kept)
  const rows = new ShardRows(lease.range)
  const shard: JobShard = {
    ...lease.shard,
    index: lease.index,
    rowsOf: (source) => rows.of(source),
  }
  const builder = await job.pipeline(shard)
  const options = { seed: seedOf(seed, lease.index) }
  const state = stateOf(lease, () => {
    const unused = builder.build({ ...options, resumable: true })
    void unused.stop()
    return unused.state()
  })
  const sink: Sink<unknown, unknown> = {
    open: (opening) =>
      job.sink.open({
        ...opening,
        commits: {
          prefix: folderOf(lease, lease.fence),
          state,
          commit: async (outputs, now, isComplete) => {
            const commit = {
              cursor: rowsIn(now, keeper.lease),
              ...(now !== undefined && { state: now as unknown as Json }),
              outputs,
            }
            await (isComplete ? keeper.complete(commit) : keeper.commit(commit))
            onRecords(outputs.reduce((sum, { count }) => sum + count, 0))
          },
        },
      }),
  }
  const pipeline = builder.build(options)
  const end = new AbortController()
  const halt = (): void => void pipeline.stop().catch(() => {})
  if (stop.aborted) return 'stopped'
  stop.addEventListener('abort', halt, { once: true })
  const splitting = splitWhenAsked(keeper, rows, splitAlign, AbortSignal.any([end.signal, stop]))
  try {
    const result = await pipeline.writeTo(sink, { resume: true, signal: keeper.lost })
    return result === undefined ? 'stopped' : 'done'
  } finally {
    stop.removeEventListener('abort', halt)
    end.abort()
    await splitting
  }
}

/** Pause between two looks for requests to split, in lease times. */
const SPLIT_LOOKS_PER_LEASE = 10

/** Gives the upper half of the rest away whenever an idle worker asks for it. */
async function splitWhenAsked(
  keeper: LeaseKeeper,
  rows: ShardRows,
  align: number,
  end: AbortSignal,
): Promise<void> {
  while (!end.aborted && !keeper.lost.aborted) {
    await pause(keeper.leaseMs / SPLIT_LOOKS_PER_LEASE, end)
    if (end.aborted || rows.middle(align) === undefined) continue
    const isAsked = await keeper.isSplitRequested().catch(() => false)
    const at = rows.middle(align)
    if (!isAsked || at === undefined || end.aborted) continue
    // Both in one turn: the pipeline cannot complete the shard in between.
    rows.endAt(at)
    await keeper.split(at).catch((error) => keeper.lose(error))
  }
}

import type { PipelineState } from 'spindle'
import type { Lease } from '../contract/ledger.ts'

/** The state from which the pipeline of a lease starts; `undefined`: from the beginning. */
export function stateOf(lease: Lease, fresh: () => PipelineState): PipelineState | undefined {
  const { state } = lease.progress
  if (state !== undefined) return state as unknown as PipelineState
  const { start } = lease.range
  if (start === 0) return undefined
  // A part of a split shard: the rows before it are done, by another worker.
  const begin = fresh()
  const sources = begin.sources.map((source) => ({ ...source, epochs: [{ epoch: 0, low: start }] }))
  return { ...begin, sources }
}

/** Number of rows of the lease that a state covers. */
export function rowsIn(state: PipelineState | undefined, { range, progress }: Lease): number {
  let rows = 0
  for (const { epochs } of state?.sources ?? []) {
    const first = epochs.find(({ epoch }) => epoch === 0)
    // The first epoch is over: all rows are done, and their number is not in the state.
    rows += Math.max(0, (first?.low ?? 0) - range.start)
  }
  return Math.max(rows, progress.cursor)
}

/** A seed for each shard, which depends on nothing else. */
export function seedOf(seed: number, index: number): number {
  let mixed = Math.imul(seed ^ (index + 1), 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

import { isDeepStrictEqual } from 'node:util'
import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import {
  type DoneRun,
  type EpochState,
  type PipelineState,
  type SourceState,
  versionOf,
} from '../resume-state.ts'
import { checkState, MOST_OPEN_EPOCHS } from './check-state.ts'
import { joinIntervals } from './done-runs.ts'
import { firstDifference } from './graph-shape.ts'
import { firstFrom } from './progress.ts'

/**
 * Merges the states of all ranks of a run into one. Any number of ranks can resume from it: each is
 * built with the merged state and its own rank. The state has positions, so it does not matter
 * which rank did them.
 *
 * @throws `ERR_BAD_OPTION` if there is not exactly one state of each rank; `ERR_OTHER_STATE` if the
 *   states come from different pipelines or data; `ERR_BAD_STATE` if a state has partly committed
 *   batches, or if the ranks are too many epochs apart.
 */
export function mergeStates(states: readonly PipelineState[]): PipelineState {
  if (!Array.isArray(states) || states.length === 0)
    badOption('states', 'an array of states, one of each rank', states)
  for (const state of states) checkState(state)
  const first = states[0] as PipelineState
  for (const state of states) {
    const difference =
      firstDifference(first.graph, state.graph) ??
      (state.sources.length === first.sources.length
        ? undefined
        : 'they have different numbers of sources') ??
      (state.seed === first.seed ? undefined : `a seed is ${state.seed}, another ${first.seed}`)
    if (difference !== undefined)
      throw new SpindleError(
        'ERR_OTHER_STATE',
        `\`states\` are of different pipelines: ${difference}`,
      )
  }
  if (states.some(({ batches = [] }) => batches.length > 0) && states.length > 1)
    throw new SpindleError(
      'ERR_BAD_STATE',
      'a state with partly committed batches can be resumed only by its own rank: commit whole batches before the number of ranks changes',
    )
  const sources = first.sources.map((_, at) =>
    mergeSources(states.map((state) => state.sources[at] as SourceState)),
  )
  const failures = states.reduce((sum, state) => sum + state.failures, 0)
  const merged = { ...first, sources: withoutFinished(sources), failures }
  return { ...merged, version: versionOf(merged.sources) }
}

function mergeSources(states: readonly SourceState[]): SourceState {
  const [first] = states as readonly [SourceState, ...SourceState[]]
  const { dataset } = first
  for (const state of states)
    if (!isDeepStrictEqual(state.dataset, dataset))
      throw new SpindleError('ERR_OTHER_STATE', '`states` are of different data')
  const worldSize = first.shard?.worldSize ?? 1
  const ranks = new Map(states.map((state) => [state.shard?.rank ?? 0, state]))
  const isOneWorld = states.every(({ shard }) => (shard?.worldSize ?? 1) === worldSize)
  if (ranks.size !== states.length || states.length !== worldSize || !isOneWorld)
    badOption(
      'states',
      `one of each of ${worldSize} ranks`,
      states.map(({ shard }) => shard?.rank ?? 0).join(', '),
    )
  const known = new Map<number, Map<number, EpochState>>()
  for (const [rank, { epochs }] of ranks) {
    for (const state of epochs) {
      const byRank = known.get(state.epoch) ?? new Map<number, EpochState>()
      known.set(state.epoch, byRank.set(rank, state))
    }
  }
  // If a rank has nothing left to do in an epoch, its state no longer contains that epoch.
  const begun = [...ranks].map(
    ([rank, { epochs }]) => [rank, Math.min(...epochs.map(({ epoch }) => epoch))] as const,
  )
  const epochs = range(known.keys()).map((epoch) => {
    const passed = begun.filter(([, first]) => first > epoch).map(([rank]) => rank)
    return mergeEpoch(epoch, known.get(epoch) ?? new Map(), passed, worldSize)
  })
  const joined = worldSize === 1 ? first.ranks : worldSize
  return { dataset, ...(joined === undefined ? {} : { ranks: joined }), epochs }
}

/**
 * All epochs from the first to the last. If ranks are far apart, no rank is in some of the epochs
 * between.
 */
function range(epochs: Iterable<number>): number[] {
  const known = [...epochs].sort((a, b) => a - b)
  return known.flatMap((epoch, at) => {
    const next = known[at + 1] ?? epoch + 1
    if (next - epoch <= MOST_OPEN_EPOCHS)
      return Array.from({ length: next - epoch }, (_, i) => epoch + i)
    throw new SpindleError(
      'ERR_BAD_STATE',
      `\`states\` are ${next - epoch} epochs apart (one is at ${epoch}, the next at ${next}), more than ${MOST_OPEN_EPOCHS}: let the ranks behind catch up first`,
    )
  })
}

/**
 * Merges the states of one epoch. Each rank has its own positions, so one run for each rank
 * describes what all have done.
 */
function mergeEpoch(
  epoch: number,
  known: ReadonlyMap<number, EpochState>,
  passed: readonly number[],
  worldSize: number,
): EpochState {
  const states = [...known.values()]
  const isBegun = known.size + passed.length === worldSize
  const low = isBegun
    ? Math.min(...states.map((state) => state.low))
    : firstUnknown(known, passed, worldSize)
  const own = [
    ...passed.map((rank): DoneRun => [firstFrom(low, { rank, worldSize }), null, worldSize]),
    ...[...known].flatMap(([rank, state]) => ownRuns(rank, worldSize, state, low)),
  ]
  const earlier = states
    .flatMap(({ runs = [] }) => runs)
    .filter(([, last]) => last === null || last >= low)
  const all = [...new Map([...own, ...earlier].map((run) => [run.join(), run])).values()]
  const done = all.flatMap(([first, last, step]) =>
    step === 1 && last !== null ? [first, last] : [],
  )
  const runs = all.filter(([, last, step]) => step !== 1 || last === null)
  const parts = Object.assign({}, ...states.map((state) => state.parts ?? {}))
  const isDone =
    passed.length === 0 &&
    isBegun &&
    states.every((state) => state.end !== undefined && state.low >= state.end)
  if (isDone) return { epoch, low, end: low }
  return {
    epoch,
    low,
    ...(done.length === 0 ? {} : { done: joinIntervals(done, 1) }),
    ...(runs.length === 0 ? {} : { runs }),
    ...(Object.keys(parts).length === 0 ? {} : { parts }),
  }
}

/**
 * The first position that may be undone: of the first rank that has not begun the epoch, or the
 * lowest mark of the ranks that have.
 */
function firstUnknown(
  known: ReadonlyMap<number, EpochState>,
  passed: readonly number[],
  worldSize: number,
): number {
  const others = new Set([...known.keys(), ...passed])
  let rank = 0
  while (rank < worldSize && others.has(rank)) rank++
  return Math.min(rank, ...[...known.values()].map((state) => state.low))
}

/**
 * The positions from `from` on that a rank has done itself: all before its mark, and runs of them
 * after it.
 */
function ownRuns(rank: number, worldSize: number, state: EpochState, from: number): DoneRun[] {
  const { low, done = [] } = state
  const shard = { rank, worldSize }
  const pairs = [from, low - 1, ...done]
  const runs: DoneRun[] = []
  for (let at = 0; at < pairs.length; at += 2) {
    const first = firstFrom(Math.max(from, pairs[at] as number), shard)
    const last = firstFrom((pairs[at + 1] as number) + 1, shard) - worldSize
    if (first <= last) runs.push([first, last, worldSize])
  }
  return runs
}

/** Removes epochs that all sources have finished, except for the last one. */
function withoutFinished(sources: readonly SourceState[]): SourceState[] {
  const isFinished = ({ epochs }: SourceState): boolean => {
    const [first] = epochs as readonly [EpochState, ...EpochState[]]
    return first.end !== undefined && first.low >= first.end
  }
  let rest = [...sources]
  const firstOf = ({ epochs }: SourceState): number => (epochs[0] as EpochState).epoch
  while (
    rest.length > 0 &&
    rest.every(
      (source) =>
        source.epochs.length > 1 &&
        isFinished(source) &&
        firstOf(source) === firstOf(rest[0] as SourceState),
    )
  )
    rest = rest.map((source) => ({ ...source, epochs: source.epochs.slice(1) }))
  return rest
}

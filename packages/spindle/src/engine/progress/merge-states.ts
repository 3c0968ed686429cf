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
 * Joins the states of all ranks of a run into one, from which any number of ranks can go on: each
 * is built with it and its own rank. What is done is told by positions, so who did it does not
 * matter.
 *
 * @throws `ERR_BAD_OPTION` if it is not one state of each rank; `ERR_OTHER_STATE` if they are of
 *   different pipelines.
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
      'a state with batches of which a part is committed can be resumed by its own rank only: commit batches as a whole before the number of ranks changes',
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
  // A rank that has nothing left to do in an epoch has forgotten it.
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
 * All epochs from the first to the last: between those of ranks that are far apart there are some
 * that none is at.
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
 * Positions are told apart by the rank that had them, so what all have done is said in as many runs
 * as there are ranks.
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
 * The first position of the first rank that has not begun an epoch, or the mark of one that has, if
 * that is lower.
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
 * What a rank has done itself from `from` on: all of its positions before its mark, and runs of
 * them behind it.
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

/** Epochs that are done everywhere, by all sources, need not be told but for the last. */
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

import { isDeepStrictEqual } from 'node:util'
import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { checkState } from './check-state.ts'
import { firstDifference } from './graph-shape.ts'
import type { EpochState, PipelineState, SourceState } from './state.ts'

/**
 * Joins the states of all ranks of a run into one, from which any number of ranks can go on: each is built with it and its own rank. What is done is
 * told by positions, so who did it does not matter.
 *
 * @throws `ERR_BAD_OPTION` if it is not one state of each rank; `ERR_OTHER_STATE` if they are of different pipelines.
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
      throw new SpindleError('ERR_OTHER_STATE', `\`states\` are of different pipelines: ${difference}`)
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
  return { ...first, sources, failures }
}

function mergeSources(states: readonly SourceState[]): SourceState {
  const [first] = states as readonly [SourceState, ...SourceState[]]
  const { dataset } = first
  for (const state of states)
    if (!isDeepStrictEqual(state.dataset, dataset))
      throw new SpindleError('ERR_OTHER_STATE', '`states` are of different data')
  const worldSize = first.shard?.worldSize ?? 1
  const ranks = new Map(states.map((state) => [state.shard?.rank ?? 0, state]))
  if (ranks.size !== states.length || states.length !== worldSize)
    badOption(
      'states',
      `one of each of ${worldSize} ranks`,
      states.map(({ shard }) => shard?.rank ?? 0).join(', '),
    )
  // A rank that has nothing left to do in an epoch has forgotten it.
  const from = Math.min(...states.flatMap(({ epochs }) => epochs.map(({ epoch }) => epoch)))
  const to = Math.max(...states.flatMap(({ epochs }) => epochs.map(({ epoch }) => epoch)))
  const epochs = Array.from({ length: to - from + 1 }, (_, i) => mergeEpoch(from + i, ranks, worldSize))
  return { dataset, epochs }
}

function mergeEpoch(epoch: number, ranks: ReadonlyMap<number, SourceState>, worldSize: number): EpochState {
  const all = [...ranks].map(([rank, state]) => {
    const known = state.epochs.find((one) => one.epoch === epoch)
    const hasPassed = state.epochs.every((one) => one.epoch > epoch)
    return { rank, state: known ?? { epoch, low: hasPassed ? Number.POSITIVE_INFINITY : rank } }
  })
  const ends = all.flatMap(({ state }) => state.end ?? [])
  // The largest position of all, and one more; a rank's own end is where its next position would have been.
  const end = ends.length === 0 ? undefined : Math.max(...ends) - worldSize + 1
  const low = Math.min(...all.map(({ state }) => state.low))
  const last = Math.max(
    low,
    ...all.map(({ state }) =>
      state.low === Number.POSITIVE_INFINITY ? (end ?? low) : Math.max(state.low, ...(state.done ?? [])),
    ),
  )
  const byRank = new Map(all.map(({ rank, state }) => [rank, state]))
  const done: number[] = []
  let merged = low
  for (let position = low; position <= last; position++) {
    const state = byRank.get(position % worldSize) as EpochState
    if (!(position < state.low || isWithin(position, state.done ?? []))) continue
    if (position === merged) merged++
    else if (done.length > 0 && done[done.length - 1] === position - 1) done[done.length - 1] = position
    else done.push(position, position)
  }
  const parts = Object.assign({}, ...all.map(({ state }) => state.parts ?? {}))
  const isEnded = ends.length === worldSize
  return {
    epoch,
    low: merged,
    ...(done.length === 0 ? {} : { done }),
    ...(Object.keys(parts).length === 0 ? {} : { parts }),
    ...(isEnded && merged >= (end as number) ? { end: merged } : {}),
  }
}

function isWithin(position: number, runs: readonly number[]): boolean {
  for (let at = 0; at < runs.length; at += 2)
    if (position >= (runs[at] as number) && position <= (runs[at + 1] as number)) return true
  return false
}

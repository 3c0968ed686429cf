import { badOption } from '../../check.ts'
import type { BatchState, EpochState, PipelineState, SourceState } from '../resume-state.ts'
import type { Json } from '../seekable.ts'
import { firstFrom } from './progress.ts'

/** What is known about a source before it is opened. */
export interface KnownSource {
  readonly dataset: Json
  readonly shard: { readonly rank: number; readonly worldSize: number }
  readonly size: number | undefined
  readonly isContinuous: boolean
}

/**
 * Checks that the positions of a state exist, as far as the sizes of the sources are known.
 * Otherwise, positions beyond the end would silently count as done.
 *
 * @throws `ERR_BAD_OPTION` with the place.
 */
export function checkPlaces(state: PipelineState, sources: readonly KnownSource[]): void {
  for (const [at, source] of sources.entries())
    checkSource(`state.sources[${at}]`, state.sources[at] as SourceState, source)
  const aggregates = state.graph.filter((line) => line.trimStart().startsWith('aggregate ')).length
  for (const [at, batch] of (state.batches ?? []).entries())
    checkBatch(`state.batches[${at}]`, batch, aggregates, sources)
}

function checkSource(where: string, state: SourceState, source: KnownSource): void {
  if (!source.isContinuous && state.epochs.length > 1)
    badOption(`${where}.epochs`, 'of one epoch, for the source is not continuous', state.epochs)
  for (const [at, epoch] of state.epochs.entries()) {
    const bounds = boundsOf(state, source)
    if (bounds !== undefined) checkEpoch(`${where}.epochs[${at}]`, epoch, bounds)
  }
}

interface Bounds {
  readonly size: number
  /** Limits of the end. */
  readonly least: number
  readonly most: number
}

/** The limits of a source's positions. `undefined` if the size is not known. */
function boundsOf({ shard, ranks = 1 }: SourceState, source: KnownSource): Bounds | undefined {
  const { size } = source
  if (size === undefined || size === Number.POSITIVE_INFINITY) return undefined
  if (shard !== undefined) {
    const end = firstFrom(size, shard)
    return { size, least: end, most: end }
  }
  // Samplers that pad or drop a rest have a size that depends on the number of ranks.
  const slack = ranks - 1 + (source.shard.worldSize - 1)
  return { size, least: size - slack, most: size + slack }
}

function checkEpoch(where: string, state: EpochState, { size, least, most }: Bounds): void {
  const { low, done = [], runs = [], parts = {}, end } = state
  const ofSize = `as the source has ${size} positions`
  if (low > most) badOption(`${where}.low`, `at most ${most}, ${ofSize}`, low)
  if (end !== undefined && (end < least || end > most))
    badOption(
      `${where}.end`,
      `${least === most ? least : `from ${least} to ${most}`}, ${ofSize}`,
      end,
    )
  const last = done.at(-1)
  if (last !== undefined && last >= most)
    badOption(`${where}.done`, `of positions below ${most}, ${ofSize}`, last)
  for (const [at, [, to]] of runs.entries())
    if (to !== null && to >= most)
      badOption(`${where}.runs[${at}]`, `of positions below ${most}, ${ofSize}`, to)
  for (const position of Object.keys(parts))
    if (Number(position) >= most)
      badOption(`${where}.parts`, `of positions below ${most}, ${ofSize}`, Number(position))
}

function checkBatch(
  where: string,
  { aggregate, members }: BatchState,
  aggregates: number,
  sources: readonly KnownSource[],
): void {
  if (aggregate >= aggregates)
    badOption(`${where}.aggregate`, `below ${aggregates}, the number of aggregates`, aggregate)
  // Members name sources by their numbers in the graph, so compare with the largest size.
  const size = Math.max(...sources.map((source) => source.size ?? Number.POSITIVE_INFINITY))
  for (const [at, member] of members.entries()) {
    if (member.startsWith('#')) continue
    const position = Number(member.split(/[/.]/)[2])
    if (position >= size)
      badOption(
        `${where}.members[${at}]`,
        `of a position below ${size}, the size of the source`,
        member,
      )
  }
}

import { isDeepStrictEqual } from 'node:util'
import { SpindleError } from '../../errors.ts'
import {
  boolean,
  choice,
  either,
  integer,
  is,
  options,
  type Rule,
  type Rules,
} from '../../options/index.ts'
import type { MergeConfig, PipelineConfig, SourceConfig } from '../config.ts'
import type { PipelineState, SourceState } from '../resume-state.ts'
import type { Json } from '../seekable.ts'
import type { BuildOptions, ResumeOptions } from '../types.ts'
import { checkPlaces, type KnownSource } from './check-places.ts'
import { checkState } from './check-state.ts'
import { firstDifference, shapeOf } from './graph-shape.ts'
import { resumableSource } from './resumable-source.ts'

/** The settings of a run that can be resumed. */
export interface Resumption {
  readonly seed: number
  readonly graph: readonly string[]
  readonly span: number
  readonly isExplicit: boolean
  /** Whether the state may come from other data, so that sizes need not match. */
  readonly isForced: boolean
}

const resumeOptions = options('ResumeOptions', {
  commit: choice(['auto', 'explicit'], { default: 'auto' }),
  span: integer({ min: 1, default: 4096, unit: 'positions' }),
  force: boolean({ default: false }),
} satisfies Rules<ResumeOptions>)

/** The rule of `resumable`. */
export const resumableRule: Rule<boolean | ResumeOptions, 'maybe'> = either(
  is('a boolean or an object of options', (value) => typeof value === 'boolean'),
  // The options are named without `resumable`, as the loader, which has them too, names them.
  { name: resumeOptions.name, problem: (value) => resumeOptions.problem(value, '') },
)

/** Checks the option `state`. @throws `ERR_BAD_OPTION` */
export function checkResumedState({ resumable, state }: BuildOptions): void {
  if (state === undefined) return
  if (resumable === undefined || resumable === false)
    throw new SpindleError(
      'ERR_BAD_OPTION',
      '`state` is given, so `resumable` must be true, or an object of options',
    )
  checkState(state)
}

/**
 * The settings for a resumable graph. `undefined` without the option `resumable`.
 *
 * @throws `ERR_NOT_RESUMABLE` if a part of the graph cannot be resumed; `ERR_OTHER_STATE` with the
 *   first difference if the state comes from another pipeline.
 */
export function resumption(config: PipelineConfig, options: BuildOptions): Resumption | undefined {
  const { resumable, state, seed = 0 } = options
  if (resumable === undefined || resumable === false) return undefined
  const { commit, span, force } = resumeOptions.check(resumable === true ? {} : resumable)
  const graph = shapeOf(config)
  const sources = sourcesOf(config.source).map(
    (source): KnownSource => ({ ...resumableSource(source), isContinuous: source.continuous }),
  )
  refuseTakenApart(config)
  if (state !== undefined) {
    const difference = differenceOf(state, graph, seed, sources)
    if (difference !== undefined && !force)
      throw new SpindleError('ERR_OTHER_STATE', `\`state\` is of another pipeline: ${difference}`)
    if (!force) checkPlaces(state, sources)
  }
  return { seed, graph, span, isExplicit: commit === 'explicit', isForced: force }
}

function sourcesOf(start: SourceConfig | MergeConfig): SourceConfig[] {
  if (start.kind === 'source') return [start]
  if (start.op !== undefined)
    throw new SpindleError(
      'ERR_NOT_RESUMABLE',
      `\`resumable\`: the outputs of the op of merge "${start.name}" cannot be traced to its inputs: join seekable sources with mix() of spindle/source instead`,
    )
  if (start.stopsFirst && isContinuous(start))
    throw new SpindleError(
      'ERR_NOT_RESUMABLE',
      `\`resumable\`: merge "${start.name}" ends its epochs with the first input, so the progress of the other inputs is unknown: use \`stop: 'all'\`, or a source that is not continuous`,
    )
  return start.inputs.flatMap((input) => {
    refuseTakenApart(input)
    return sourcesOf(input.source)
  })
}

function isContinuous(start: SourceConfig | MergeConfig): boolean {
  return start.kind === 'source'
    ? start.continuous
    : start.inputs.some(({ source }) => isContinuous(source))
}

/**
 * Refuses graphs that divide batches made in a region, because such batches cannot be made again
 * with the same members.
 */
function refuseTakenApart({ stages }: PipelineConfig): void {
  let isBatch = false
  for (const stage of stages.flatMap((one) =>
    one.kind === 'region' ? [...one.stages, one] : [one],
  )) {
    if (stage.kind === 'pipe' && stage.isElements && isBatch)
      throw new SpindleError(
        'ERR_NOT_RESUMABLE',
        `\`resumable\`: stage "${stage.name}" splits batches that were made inside a region, and a resumed run cannot make the same batches again: aggregate outside of the region`,
      )
    const isInRegion = stages.some((one) => one.kind === 'region' && one.stages.includes(stage))
    if (stage.kind === 'aggregate' && isInRegion) isBatch = true
  }
}

function differenceOf(
  state: PipelineState,
  graph: readonly string[],
  seed: number,
  sources: readonly { readonly dataset: Json; readonly shard: NonNullable<SourceState['shard']> }[],
): string | undefined {
  const difference = firstDifference(state.graph, graph)
  if (difference !== undefined) return difference
  if (state.seed !== seed) return `its seed was ${state.seed} and is ${seed}`
  if (state.sources.length !== sources.length)
    return `it has ${state.sources.length} sources, and there are ${sources.length}`
  for (const [at, { dataset, shard }] of sources.entries()) {
    const was = state.sources[at] as SourceState
    const which = sources.length === 1 ? 'the source' : `source ${at}`
    const change = datasetDifference(was.dataset, dataset)
    if (change !== undefined) return `${which} was of ${change}`
    if (
      was.shard === undefined ||
      isDeepStrictEqual({ ...was.shard }, { rank: shard.rank, worldSize: shard.worldSize })
    )
      continue
    const { rank, worldSize } = was.shard
    return `${which} was rank ${rank} of ${worldSize} and is rank ${shard.rank} of ${shard.worldSize}; join the states of all ranks by mergeStates() first`
  }
  return undefined
}

/** Describes a difference as text: `size 100 and is of 120`. */
function datasetDifference(was: Json, is: Json): string | undefined {
  if (isDeepStrictEqual(was, JSON.parse(JSON.stringify(is)))) return undefined
  if (isRecord(was) && isRecord(is)) {
    const name = [...Object.keys(was), ...Object.keys(is)].find(
      (key) => !isDeepStrictEqual(was[key], plain(is[key])),
    )
    if (name !== undefined) return `\`${name}\` ${text(was[name])} and is of ${text(is[name])}`
  }
  return `${text(was)} and is of ${text(is)}`
}

function plain(value: Json | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: Json | undefined): string {
  const json = JSON.stringify(value) ?? 'nothing'
  return json.length > 80 ? `${json.slice(0, 77)}...` : json
}

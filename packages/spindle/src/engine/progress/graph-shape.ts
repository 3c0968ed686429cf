import type { MergeConfig, PipelineConfig, SourceConfig, StageConfig } from '../config.ts'

/**
 * Describes the parts of a graph that decide the origin and the names of items, one line each:
 * kinds and names of stages in their order. Placement, concurrency, buffers and limits may differ
 * between runs.
 */
export function shapeOf(config: PipelineConfig): readonly string[] {
  return [...startOf(config.source), ...config.stages.flatMap(stageOf)]
}

function startOf(start: SourceConfig | MergeConfig): string[] {
  if (start.kind === 'source') return [start.continuous ? 'continuous source' : 'source']
  const merge = start.stopsFirst ? 'merge, until the first has ended' : 'merge'
  return [merge, ...start.inputs.flatMap((input) => ['input', ...shapeOf(input)].map(indented))]
}

function stageOf(config: StageConfig): string[] {
  if (config.kind === 'pipe') return [`pipe ${config.name}`]
  if (config.kind === 'aggregate')
    return [`aggregate ${config.name}${config.dropLast ? ', last dropped' : ''}`]
  // A region only decides where stages run.
  if (config.kind === 'region') return config.stages.flatMap(stageOf)
  const paths = config.paths.flatMap((path) =>
    ['path', ...path.flatMap(stageOf).map(indented)].map(indented),
  )
  return [`variants ${config.name}${config.batched ? ', batched' : ''}`, ...paths]
}

function indented(line: string): string {
  return `  ${line}`
}

/** The first difference between two shapes as text. `undefined` if they are equal. */
export function firstDifference(was: readonly string[], is: readonly string[]): string | undefined {
  const at = Array.from({ length: Math.max(was.length, is.length) }, (_, i) => i).find(
    (i) => was[i] !== is[i],
  )
  if (at === undefined) return undefined
  const name = (line: string | undefined): string =>
    line === undefined ? 'nothing' : `"${line.trim()}"`
  return `stage ${at} was ${name(was[at])} and is ${name(is[at])}`
}

import { inspect } from 'node:util'
import type { ResourceLimits } from 'node:worker_threads'
import { mark } from '../copies.ts'
import { plain } from '../plain-text.ts'
import type { Executor } from './executor.ts'
import type { Json } from './seekable.ts'
import type {
  Aggregator,
  FailureBudget,
  RateLimit,
  RetrySettings,
  Source,
  StageContext,
} from './types.ts'
import { isWorkerOp, type WorkerOp } from './worker-op.ts'

// Output of the builder and input of the engine: plain, frozen data. `String(config)` and
// `console.log(config)` print it in readable form.

/** The source of a chain. */
export interface SourceConfig {
  readonly kind: 'source'
  readonly source: Source<unknown>
  readonly name: string
  readonly continuous: boolean
  readonly buffer: number
  /** How a resumed run reaches its first position; see `SourceOptions`. */
  readonly resume: 'seek' | 'skip' | undefined
  readonly dataset: Json | undefined
  readonly where: string | undefined
}

/** Several chains whose outputs are joined. */
export interface MergeConfig {
  readonly kind: 'merge'
  readonly inputs: readonly PipelineConfig[]
  readonly op: MergeOp | undefined
  /** Whether the merge, or its epoch, ends with the first input that ends. */
  readonly stopsFirst: boolean
  readonly name: string
  readonly buffer: number
  readonly where: string | undefined
}

/** Joins several inputs into one; see `merge()`. */
export type MergeOp = (
  inputs: readonly AsyncIterableIterator<unknown>[],
  context: { readonly signal: AbortSignal },
) => AsyncIterable<unknown> | Iterable<unknown>

export interface PipeConfig {
  readonly kind: 'pipe'
  /** The op as the user gave it, for printing. */
  readonly op: unknown
  /** The function to call, or the op that an executor calls. */
  readonly run: ((item: unknown, context: StageContext) => unknown) | WorkerOp<never, unknown>
  /** Whether this is `disaggregate()`. */
  readonly isElements: boolean
  /** Where an op by reference runs. `undefined`: in the pipeline's own threads. */
  readonly executor: Executor | undefined
  readonly name: string
  /** Initial number of calls in flight. */
  readonly concurrency: number
  /** Limits for the tuner, if `concurrency` was `'auto'` or a range. */
  readonly range: { readonly min: number; readonly max: number } | undefined
  readonly outputOrder: 'completion' | 'input'
  readonly maxFailures: FailureBudget | undefined
  readonly retry: RetrySettings | undefined
  readonly timeoutMs: number | undefined
  readonly rateLimit: Required<RateLimit> | undefined
  readonly buffer: number
  readonly maxBytes: number | undefined
  readonly where: string | undefined
}

export interface AggregateConfig {
  readonly kind: 'aggregate'
  /** By reference only in a region. */
  readonly make: (() => Aggregator<unknown, unknown>) | WorkerOp<never, unknown>
  readonly name: string
  readonly size: number | undefined
  readonly dropLast: boolean
  readonly buffer: number
  readonly where: string | undefined
}

export interface VariantsConfig {
  readonly kind: 'variants'
  /** By reference only in a region. */
  readonly router: ((item: unknown) => unknown) | WorkerOp<never, unknown>
  readonly paths: readonly (readonly StageConfig[])[]
  readonly batched: boolean
  /** Items that may wait for their paths, beyond the paths' queues. */
  readonly lookAhead: number
  readonly name: string
  readonly buffer: number
  readonly where: string | undefined
}

/** Stages that run as one nested pipeline in each of several workers. */
export interface RegionConfig {
  readonly kind: 'region'
  readonly stages: readonly StageConfig[]
  readonly workers: RegionWorkersConfig
  readonly name: string
  readonly buffer: number
  readonly where: string | undefined
}

/** Where and how a region runs. */
export interface RegionWorkersConfig {
  /** Number of workers at first, which is the highest number too. */
  readonly count: number
  /** The lowest number for the tuner, and whether the user gave a range. */
  readonly minCount: number
  readonly isRange: boolean
  readonly kind: 'thread' | 'process'
  readonly outputOrder: 'completion' | 'input'
  readonly init: WorkerOp<never, unknown> | undefined
  readonly initArgs: unknown
  readonly initConcurrency: number
  readonly resourceLimits: ResourceLimits | undefined
  readonly maxDeaths: number
  /** Budget for inputs that killed their workers. `undefined`: the budget of `build()`. */
  readonly maxFailures: FailureBudget | undefined
}

export type StageConfig = PipeConfig | AggregateConfig | VariantsConfig | RegionConfig

/** A whole pipeline, as `getConfig()` returns it. Frozen. `T` is the type of its output. */
export class PipelineConfig<out T = unknown> {
  /** Never set: carries the type of the items. */
  declare readonly itemType?: T
  readonly source: SourceConfig | MergeConfig
  readonly stages: readonly StageConfig[]
  readonly sink: { readonly bufferSize: number }

  constructor(
    source: SourceConfig | MergeConfig,
    stages: readonly StageConfig[],
    bufferSize: number,
  ) {
    this.source = source
    this.stages = Object.freeze([...stages])
    this.sink = Object.freeze({ bufferSize })
    Object.freeze(this)
  }

  toString(): string {
    return describe(this).map(plain).join('\n')
  }
}

mark(PipelineConfig.prototype, 'PipelineConfig')

// A computed member would need a type annotation that `isolatedDeclarations` cannot check.
Object.defineProperty(PipelineConfig.prototype, inspect.custom, {
  value(this: PipelineConfig) {
    return this.toString()
  },
})

/**
 * The lines that describe a configuration. They never show the contents of sources or look-up
 * tables.
 */
export function describe(config: PipelineConfig): string[] {
  return [
    ...describeStart(config.source),
    ...config.stages.flatMap(describeStage),
    `sink(bufferSize: ${config.sink.bufferSize})`,
  ]
}

/** The lines that describe the source or merge of a chain. */
export function describeStart(start: SourceConfig | MergeConfig): string[] {
  if (start.kind === 'source') {
    const continuous = start.continuous ? ', continuous: true' : ''
    return [
      `source(${describeSource(start.source)}${continuous}, buffer: ${start.buffer})${at(start.where)}`,
    ]
  }
  const op = start.op === undefined ? '' : `op: ${nameOf(start.op)}, `
  return [
    `merge(${op}${start.stopsFirst ? "stop: 'first', " : ''}inputs: ${start.inputs.length})${at(start.where)}`,
    ...start.inputs.flatMap((input, i) => [
      `  pipeline${i}:`,
      ...indent([...describeStart(input.source), ...input.stages.flatMap(describeStage)], 4),
    ]),
  ]
}

/** The lines that describe one stage. */
export function describeStage(stage: StageConfig): string[] {
  if (stage.kind === 'aggregate') {
    return [`${stage.name}(dropLast: ${stage.dropLast}, buffer: ${stage.buffer})${at(stage.where)}`]
  }
  if (stage.kind === 'variants') {
    const batched = stage.batched ? ', batched: true' : ''
    return [
      `PathVariants(name: ${stage.name}, router: ${describeOp(stage.router)}${batched})${at(stage.where)}`,
      ...stage.paths.flatMap((path, i) => [
        `  path${i}:`,
        ...indent(path.flatMap(describeStage), 4),
      ]),
    ]
  }
  if (stage.kind === 'region') {
    const { count, kind, outputOrder } = stage.workers
    return [
      `Region(${count} ${kind}${count === 1 ? '' : kind === 'thread' ? 's' : 'es'}, outputOrder: ${outputOrder}, buffer: ${stage.buffer})${at(stage.where)}`,
      ...indent(stage.stages.flatMap(describeStage), 2),
    ]
  }
  const details = [
    `concurrency: ${stage.concurrency}${stage.range === undefined ? '' : ` (tuned, ${stage.range.min} to ${stage.range.max})`}`,
    `outputOrder: ${stage.outputOrder}`,
    `buffer: ${stage.buffer}`,
    ...(stage.maxBytes === undefined ? [] : [`maxBytes: ${stage.maxBytes}`]),
    ...(stage.maxFailures === undefined
      ? []
      : [`maxFailures: ${describeBudget(stage.maxFailures)}`]),
    ...(stage.retry === undefined ? [] : [`retries: ${stage.retry.retries}`]),
    ...(stage.timeoutMs === undefined ? [] : [`timeoutMs: ${stage.timeoutMs}`]),
    ...(stage.rateLimit === undefined ? [] : [`rateLimit: ${stage.rateLimit.perSecond}/s`]),
    ...(typeof stage.op === 'function' ? [] : [`op: ${describeOp(stage.op)}`]),
    ...(stage.executor === undefined ? [] : [`executor: ${describeSource(stage.executor)}`]),
  ]
  return [`pipe(${stage.name}, ${details.join(', ')})${at(stage.where)}`]
}

/** A failure budget, in words. */
export function describeBudget(budget: FailureBudget): string {
  return typeof budget === 'number'
    ? String(budget)
    : `${budget.rate * 100} % of at least ${budget.minSamples ?? 100}`
}

function describeOp(op: unknown): string {
  return isWorkerOp(op) ? `${op.exportName} of ${op.href}` : describeSource(op)
}

function describeSource(source: unknown): string {
  if (typeof source === 'function') return nameOf(source)
  if (Array.isArray(source)) return `Array(${source.length})`
  if (ArrayBuffer.isView(source)) return `${source.constructor.name}(${source.byteLength} bytes)`
  if (source instanceof Map || source instanceof Set)
    return `${source.constructor.name}(${source.size})`
  if (source === null || typeof source !== 'object') return typeof source
  return Object.prototype.toString.call(source).slice(8, -1) === 'Object'
    ? (source.constructor?.name ?? 'Object')
    : Object.prototype.toString.call(source).slice(8, -1)
}

// biome-ignore lint/complexity/noBannedTypes: any function will do, only its name is read
function nameOf(value: Function): string {
  return value.name === '' ? 'anonymous' : value.name
}

function at(where: string | undefined): string {
  return where === undefined ? '' : `  [${where}]`
}

function indent(lines: readonly string[], spaces: number): string[] {
  return lines.map((line) => ' '.repeat(spaces) + line)
}

import { badOption, checkFunction, checkInteger } from '../check.ts'
import { checkCopy, isOf, mark } from '../copies.ts'
import {
  describeStage,
  describeStart,
  type MergeConfig,
  PipelineConfig,
  type SourceConfig,
  type StageConfig,
  type VariantsConfig,
} from '../engine/config.ts'
import { checkSource, isOneShot } from '../engine/flow/open-source.ts'
import { Pipeline } from '../engine/run/pipeline.ts'
import { elementsOf } from '../engine/stages/flat-map-stage.ts'
import type { Aggregator, BuildOptions, Source } from '../engine/types.ts'
import { isWorkerOp, type WorkerOp } from '../engine/worker-op.ts'
import { SpindleError } from '../errors.ts'
import { guardLoop } from '../guard/guard-loop.ts'
import { plain } from '../plain-text.ts'
import { tuneGraph } from '../tuning/graph-tuner.ts'
import { workerServices } from '../workers/for-engine.ts'
import { checkBuildOptions } from './build-options.ts'
import type {
  AggregateOptions,
  ElementOf,
  Iterables,
  MergeOptions,
  MergeStopOptions,
  OpFunction,
  Output,
  PipeOptions,
  Router,
  SourceOptions,
  StageTypeError,
  VariantOptions,
} from './builder-types.ts'
import { callSite } from './call-site.ts'
import { checkPlacement, type Placement, type WorkersPlacement } from './placement.ts'
import { checkInRegion, checkOnMain, closeRegion, mixes, type OpenRegion } from './region.ts'
import {
  aggregateConfig,
  mergeSettings,
  pipeConfig,
  sourceOptions,
  variantSettings,
} from './stage-options.ts'

const DEFAULT_BUFFER = 2
const DEFAULT_SINK = 3

interface Parts {
  readonly start: SourceConfig | MergeConfig | undefined
  readonly stages: readonly StageConfig[]
  readonly sinkSize: number | undefined
  /**
   * Inside the callback of `pathVariants()`, where the source exists already and no sink may be
   * added.
   */
  readonly isPath: boolean
  /** The open region that receives new stages. */
  readonly region: OpenRegion | undefined
  /** Inside the callback of a `pathVariants()` in a region: the placement of that region. */
  readonly within: WorkersPlacement | undefined
}

const nothing: Parts = {
  start: undefined,
  stages: [],
  sinkSize: undefined,
  isPath: false,
  region: undefined,
  within: undefined,
}

/**
 * Describes a pipeline, stage by stage. A builder is immutable: each method returns a new builder,
 * and each `build()` makes an independent pipeline. `T` is the type of the output so far.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 *
 * const pipeline = new PipelineBuilder()
 *   .addSource(['a', 'bb', 'ccc'])
 *   .pipe(async (text) => text.length, { concurrency: 2, outputOrder: 'input' })
 *   .aggregate(2)
 *   .build()
 * const batches: number[][] = []
 * for await (const batch of pipeline) batches.push(batch)
 * assert.deepEqual(batches, [[1, 2], [3]])
 * ```
 */
export class PipelineBuilder<T = never> {
  readonly #parts: Parts

  constructor()
  /** @internal */
  constructor(parts: Parts)
  constructor(parts: Parts = nothing) {
    this.#parts = parts
  }

  /**
   * Sets the source of the items: any iterable, async iterable, iterator or stream, or a function
   * that returns one or a promise for one. A function is called once for each epoch. The source
   * runs ahead of the first stage and has its own queue.
   *
   * @throws `ERR_BAD_SOURCE` if `source` is none of these, or if a continuous source can be
   *   iterated only once; `ERR_BAD_STATE` if there is a source already; `ERR_BAD_OPTION` for an
   *   invalid option.
   */
  addSource<S>(
    source: Source<S>,
    options: SourceOptions = {},
  ): PipelineBuilder<Exclude<Awaited<S>, undefined>> {
    const where = callSite()
    if (this.#parts.isPath)
      throw new SpindleError('ERR_BAD_STATE', 'a path of pathVariants() has no source of its own')
    if (this.#parts.start !== undefined)
      throw new SpindleError('ERR_BAD_STATE', 'the pipeline already has a source')
    checkSource(source, where)
    const { continuous, buffer, name, resume, dataset } = sourceOptions.check(options, where)
    if (continuous && isOneShot(source)) {
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `a continuous source is iterated again for each epoch, but an iterator, generator object or stream can be iterated only once: give an iterable, or a function that makes one${where === undefined ? '' : ` (${where})`}`,
      )
    }
    const start = Object.freeze({
      kind: 'source',
      source,
      name,
      continuous,
      buffer,
      resume,
      dataset,
      where,
    } as const)
    return new PipelineBuilder({ ...this.#parts, start })
  }

  /**
   * Applies `op` to each item, with at most `concurrency` calls at a time.
   *
   * The op may be synchronous (it then blocks the event loop), return anything awaitable, or be a
   * generator, whose outputs leave one at a time. `undefined` drops the item. An array or a `Map`
   * as op looks items up. An op of `workerModule()` runs in a worker thread, or in `executor`.
   *
   * @throws `ERR_BAD_OPTION` for an invalid op or option, or one that a region does not support;
   *   `ERR_BAD_STATE` after `addSink()`.
   */
  pipe<R>(
    this: PipelineBuilder<number>,
    op: ArrayLike<R> & object,
    options?: PipeOptions,
  ): PipelineBuilder<Exclude<R, undefined>>
  pipe<R>(op: ReadonlyMap<T, R>, options?: PipeOptions): PipelineBuilder<Exclude<R, undefined>>
  pipe<R>(op: WorkerOp<T, R>, options?: PipeOptions): PipelineBuilder<Output<R>>
  // This overload is last because some compilers report only the last overload when none fits.
  pipe<R>(op: OpFunction<T, R>, options?: PipeOptions): PipelineBuilder<Output<R>>
  pipe(op: unknown, options: PipeOptions = {}): PipelineBuilder<unknown> {
    return this.#with(pipeConfig(op, options, callSite()))
  }

  /**
   * Collects items into arrays of `size`, or with an aggregator, which is created anew for each
   * build. The rest at the end of the stream or epoch is delivered too, unless `dropLast` is set.
   *
   * @throws `ERR_BAD_OPTION` for an invalid size, aggregator or option; `ERR_BAD_STATE` after
   *   `addSink()`.
   */
  aggregate(size: number, options?: AggregateOptions): PipelineBuilder<T[]>
  aggregate<B>(
    make: WorkerOp<undefined, Aggregator<T, B>>,
    options?: AggregateOptions,
  ): PipelineBuilder<B>
  aggregate<B>(make: () => Aggregator<T, B>, options?: AggregateOptions): PipelineBuilder<B>
  aggregate(how: unknown, options: AggregateOptions = {}): PipelineBuilder<unknown> {
    return this.#with(aggregateConfig(how, options, callSite()))
  }

  /**
   * Outputs the elements of each item, one at a time and in order. The items must be iterable.
   *
   * @throws `ERR_BAD_STATE` after `addSink()`. An item that is not iterable fails with
   *   `ERR_NOT_ITERABLE`.
   */
  disaggregate(
    this: Iterables<T, PipelineBuilder<T>>,
  ): PipelineBuilder<Exclude<ElementOf<T>, undefined>> {
    const stage = pipeConfig(elementsOf, { name: 'disaggregate' }, callSite())
    return (this as PipelineBuilder<T>).#with(stage)
  }

  /**
   * Sends each item through one of several chains of stages and joins the chains again. `router` is
   * called serially and returns the index of the path. With `batched`, items are arrays and it
   * returns one index for each element. A busy path does not delay the others until `lookAhead`
   * items (default 32) wait for it.
   *
   * @throws `ERR_BAD_OPTION` for an invalid router, path or option; `ERR_BAD_STATE` after
   *   `addSink()`.
   */
  pathVariants<R>(
    router: Router<T, ArrayLike<number>>,
    paths: readonly ((path: PipelineBuilder<T>) => AnyBuilder<R>)[],
    options: VariantOptions & { readonly batched: true },
  ): PipelineBuilder<R>
  pathVariants<const P extends readonly ((path: PipelineBuilder<T>) => AnyBuilder<unknown>)[]>(
    router: Router<T, number>,
    paths: P,
    options?: VariantOptions & { readonly batched?: false },
  ): PipelineBuilder<OutputOfPaths<P>>
  pathVariants(
    router: unknown,
    paths: readonly ((path: PipelineBuilder<T>) => AnyBuilder<unknown>)[],
    options: VariantOptions = {},
  ): PipelineBuilder<never> {
    const where = callSite()
    if (!isWorkerOp(router)) checkFunction('router', router, where)
    const { name, batched, lookAhead } = variantSettings(options, where)
    if (!Array.isArray(paths) || paths.length === 0)
      badOption('paths', 'an array of at least one path', paths, where)
    const chains = paths.map((path, i) => this.#path(path, i, batched, where))
    const config: VariantsConfig = {
      kind: 'variants',
      router: router as VariantsConfig['router'],
      paths: Object.freeze(chains),
      batched,
      lookAhead,
      name,
      buffer: DEFAULT_BUFFER,
      where,
    }
    return this.#with(Object.freeze(config)) as PipelineBuilder<never>
  }

  #path(
    path: unknown,
    position: number,
    batched: boolean,
    where: string | undefined,
  ): readonly StageConfig[] {
    const option = `paths[${position}]`
    checkFunction(option, path, where)
    const within = this.#parts.region?.placement ?? this.#parts.within
    const begun = new PipelineBuilder<T>({ ...nothing, isPath: true, within })
    const built = (path as (begun: PipelineBuilder<T>) => unknown)(begun)
    if (!(built instanceof PipelineBuilder))
      badOption(option, 'a function that returns the builder it was given, extended', built, where)
    const { isPath } = built.#parts
    const stages = built.#closed
    if (!isPath) badOption(option, 'made from the builder it is given', 'another builder', where)
    if (stages.length === 0)
      badOption(option, 'a chain of at least one stage', 'an empty path', where)
    if (batched && mixes(stages)) {
      badOption(
        option,
        'free of aggregate(), which would mix batches',
        'a batched path that aggregates',
        where,
      )
    }
    return Object.freeze([...stages])
  }

  /**
   * Sets where the following stages run. `workers(…)` opens a region, which ends at `MAIN`, at the
   * next `workers(…)` or at the end. Its stages run as one nested pipeline in each of several
   * workers, and intermediate results never leave their worker. In a region, ops, routers and
   * aggregators are given by reference.
   *
   * @throws `ERR_BAD_STATE` for a region without a stage, or within another region.
   */
  to(placement: WorkersPlacement): RegionBuilder<T>
  to(placement: Placement): PipelineBuilder<T>
  to(placement: Placement): PipelineBuilder<T> {
    const where = callSite()
    checkPlacement(placement, where)
    if (this.#parts.sinkSize !== undefined)
      throw new SpindleError('ERR_BAD_STATE', 'no stage can follow addSink()')
    if (this.#parts.within !== undefined)
      throw new SpindleError(
        'ERR_BAD_STATE',
        'a path within a region runs in its workers as a whole',
      )
    const region = placement.type === 'main' ? undefined : { placement, stages: [], where }
    return new PipelineBuilder({ ...this.#parts, stages: this.#closed, region })
  }

  /** The stages, with the open region, if any, as the last one. */
  get #closed(): readonly StageConfig[] {
    const { stages, region } = this.#parts
    return region === undefined ? stages : [...stages, closeRegion(region)]
  }

  /** Whether {@link addSink} was called. */
  get hasSink(): boolean {
    return this.#parts.sinkSize !== undefined
  }

  /**
   * Adds the sink: a queue of `bufferSize` finished items for the consumer, an integer >= 1.
   * Without it, `build()` adds a sink of 3.
   *
   * @throws `ERR_BAD_STATE` if there is a sink already, or inside `pathVariants()`;
   *   `ERR_BAD_OPTION` for an invalid size.
   */
  addSink(bufferSize: number = DEFAULT_SINK): PipelineBuilder<T> {
    const where = callSite()
    if (this.#parts.isPath)
      throw new SpindleError('ERR_BAD_STATE', 'a path of pathVariants() has no sink of its own')
    if (this.#parts.sinkSize !== undefined)
      throw new SpindleError('ERR_BAD_STATE', 'the pipeline already has a sink')
    checkInteger('bufferSize', bufferSize, 1, where)
    return new PipelineBuilder({ ...this.#parts, sinkSize: bufferSize })
  }

  /**
   * Returns the pipeline as plain, frozen data that prints readably.
   *
   * @throws `ERR_NO_SOURCE` if there is no source.
   */
  getConfig(): PipelineConfig<T> {
    const { start, sinkSize } = this.#parts
    if (start === undefined)
      throw new SpindleError('ERR_NO_SOURCE', 'the pipeline has no source: call addSource() first')
    return new PipelineConfig<T>(start, this.#closed, sinkSize ?? DEFAULT_SINK)
  }

  /**
   * Makes a pipeline. It starts when it is first consumed, or by {@link Pipeline.start}.
   *
   * @throws `ERR_NO_SOURCE` if there is no source; `ERR_BAD_OPTION` for an invalid option;
   *   `ERR_MIXED_CONTINUOUS` if only some sources of a merge are continuous; `ERR_NOT_RESUMABLE` or
   *   `ERR_OTHER_STATE` if `resumable` or `state` does not fit the pipeline.
   */
  build(options: BuildOptions = {}): Pipeline<T> {
    checkBuildOptions(options)
    return rebuilt(this.getConfig(), options)
  }

  toString(): string {
    const { start, stages, sinkSize, region } = this.#parts
    return [
      'PipelineBuilder',
      ...(start === undefined ? ['no source'] : describeStart(start)).map((line) => `  ${line}`),
      ...stages.flatMap(describeStage).map((line) => `  ${line}`),
      ...(region === undefined ? [] : [`  to(${region.placement.workers.count} workers)`]),
      ...(region?.stages ?? []).flatMap(describeStage).map((line) => `    ${line}`),
      ...(sinkSize === undefined ? [] : [`  sink(bufferSize: ${sinkSize})`]),
    ]
      .map(plain)
      .join('\n')
  }

  #with<R>(stage: StageConfig): PipelineBuilder<R> {
    if (this.#parts.sinkSize !== undefined)
      throw new SpindleError('ERR_BAD_STATE', 'no stage can follow addSink()')
    const { region, within, stages } = this.#parts
    const placement = region?.placement ?? within
    if (placement === undefined) checkOnMain(stage)
    else checkInRegion(stage, placement)
    return new PipelineBuilder<R>(
      region === undefined
        ? { ...this.#parts, stages: [...stages, stage] }
        : { ...this.#parts, region: { ...region, stages: [...region.stages, stage] } },
    )
  }
}

/**
 * A function where only an op by reference can be given, with a sentence for a compiler's error.
 */
type ByReference<F> = F &
  StageTypeError<'in a region, functions are given by reference: workerModule<typeof Ops>(…).op'>

/** A builder whose next stages run in the workers of a region, until `to(MAIN)`. */
export interface RegionBuilder<T> extends PipelineBuilder<T> {
  pipe<R>(
    this: RegionBuilder<number>,
    op: ArrayLike<R> & object,
    options?: PipeOptions,
  ): RegionBuilder<Exclude<R, undefined>>
  pipe<R>(op: ReadonlyMap<T, R>, options?: PipeOptions): RegionBuilder<Exclude<R, undefined>>
  pipe<R>(op: WorkerOp<T, R>, options?: PipeOptions): RegionBuilder<Output<R>>
  pipe<R>(op: ByReference<OpFunction<T, R>>, options?: PipeOptions): RegionBuilder<Output<R>>
  aggregate(size: number, options?: AggregateOptions): RegionBuilder<T[]>
  aggregate<B>(
    make: WorkerOp<undefined, Aggregator<T, B>>,
    options?: AggregateOptions,
  ): RegionBuilder<B>
  aggregate<B>(
    make: ByReference<() => Aggregator<T, B>>,
    options?: AggregateOptions,
  ): RegionBuilder<B>
  disaggregate(
    this: Iterables<T, RegionBuilder<T>>,
  ): RegionBuilder<Exclude<ElementOf<T>, undefined>>
  pathVariants<R>(
    router: WorkerOp<T, ArrayLike<number> | PromiseLike<ArrayLike<number>>>,
    paths: readonly ((path: RegionBuilder<T>) => AnyBuilder<R>)[],
    options: VariantOptions & { readonly batched: true },
  ): RegionBuilder<R>
  pathVariants<const P extends readonly ((path: RegionBuilder<T>) => AnyBuilder<unknown>)[]>(
    router: WorkerOp<T, number | PromiseLike<number>> | ByReference<(item: T) => number>,
    paths: P,
    options?: VariantOptions & { readonly batched?: false },
  ): RegionBuilder<OutputOfPaths<P>>
}

/** A builder, in a region or not. */
export type AnyBuilder<T> = PipelineBuilder<T> | RegionBuilder<T>

mark(PipelineBuilder.prototype, 'PipelineBuilder')

/**
 * Makes a pipeline from a configuration that a builder has made.
 *
 * @internal
 */
export function rebuilt<T>(config: PipelineConfig<T>, options: BuildOptions): Pipeline<T> {
  return new Pipeline<T>(config, options, workerServices, (graph) => {
    tuneGraph(graph)
    if (options.loopGuard !== false) guardLoop(graph, options.loopGuard)
  })
}

/** The output type of several paths together. */
export type OutputOfPaths<P extends readonly ((path: never) => AnyBuilder<unknown>)[]> =
  ReturnType<P[number]> extends AnyBuilder<infer R> ? R : never

/** The output type of several builders together. */
export type OutputOfBuilders<B extends readonly AnyBuilder<unknown>[]> =
  B[number] extends AnyBuilder<infer R> ? R : never

/**
 * Joins several pipelines into one. It passes on their items as they arrive, keeping the order
 * within each input, or outputs what `op` makes of them.
 *
 * @throws `ERR_BAD_OPTION` without an input, or for an input that has a sink; `ERR_NO_SOURCE` for
 *   an input without a source.
 */
export function merge<const B extends readonly AnyBuilder<unknown>[]>(
  ...inputs: B
): PipelineBuilder<OutputOfBuilders<B>>
export function merge<const B extends readonly AnyBuilder<unknown>[], R>(
  ...args: [...inputs: B, options: MergeOptions<OutputOfBuilders<B>, R>]
): PipelineBuilder<Exclude<Awaited<R>, undefined>>
export function merge<const B extends readonly AnyBuilder<unknown>[]>(
  ...args: [...inputs: B, options: MergeStopOptions]
): PipelineBuilder<OutputOfBuilders<B>>
export function merge(...args: readonly unknown[]): PipelineBuilder<never> {
  const where = callSite()
  const last = args.at(-1)
  const hasOptions = args.length > 0 && !isOf(last, 'PipelineBuilder')
  const inputs = hasOptions ? args.slice(0, -1) : args
  const settings = mergeSettings(hasOptions ? (last as object) : {}, where)
  if (inputs.length === 0) badOption('inputs', 'at least one upstream pipeline', 'none', where)
  const configs = inputs.map((input, i) => {
    checkCopy(`inputs[${i}]`, input, 'PipelineBuilder', where)
    const { hasSink } = input as PipelineBuilder
    if (hasSink) badOption(`inputs[${i}]`, 'a pipeline without a sink', 'one with addSink()', where)
    return (input as PipelineBuilder).getConfig()
  })
  const start: MergeConfig = {
    kind: 'merge',
    inputs: Object.freeze(configs),
    ...settings,
    buffer: DEFAULT_BUFFER,
    where,
  }
  return new PipelineBuilder({ ...nothing, start: Object.freeze(start) })
}

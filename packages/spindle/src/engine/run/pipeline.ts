import { badOption, checkFunction, checkInteger } from '../../check.ts'
import { checkCopy, mark } from '../../copies.ts'
import { SpindleError } from '../../errors.ts'
import {
  boolean,
  choice,
  durationMs,
  func,
  type Options,
  options,
  type Rule,
  type Rules,
  signal,
} from '../../options/index.ts'
import type { PipelineConfig } from '../config.ts'
import { ForEachLoop } from '../consume/for-each-loop.ts'
import { ChunkIterator, ConsumerSession, ItemIterator, takeItem } from '../consume/iterators.ts'
import type { SinkReader } from '../consume/sink-reader.ts'
import { WriteMeter, writeItems } from '../consume/write-items.ts'
import { currentScope } from '../flow/async-scope.ts'
import { markCaller } from '../flow/call-scopes.ts'
import type { ResumeTracker } from '../progress/resume-tracker.ts'
import { readStats } from '../report/read-stats.ts'
import { makeReport, type Report } from '../report/report.ts'
import type { PipelineState } from '../resume-state.ts'
import type { Sink, SinkOpenOptions, SinkWriter, WriteToOptions } from '../sink.ts'
import type { PipelineStats } from '../stats/pipeline-stats.ts'
import { noTuning, type Tuning } from '../tuned.ts'
import type { BuildOptions } from '../types.ts'
import { Graph } from './graph.ts'
import type { StopMode } from './stop.ts'
import { forgetIdle, watchIdle, watchUnfinished } from './unfinished.ts'
import type { WorkerServices } from './worker-services.ts'

/** Options of `stop()`. */
export interface StopOptions {
  /**
   * `'abort'` (default): aborts signals and waits for the calls in flight. `'discard'`: lets the
   * calls in flight end undisturbed and discards their results. `'drain'`: delivers everything that
   * was pulled from the source to the consumer.
   */
  readonly mode?: StopMode
  /**
   * Limit in milliseconds. Default: 1000 for `'abort'`, 10 000 for `'discard'`, none for `'drain'`.
   */
  readonly timeoutMs?: number
}

/** Options of `iterate()` and `getItem()`. */
export interface TakeOptions {
  /** Longest wait for an item, in milliseconds. `Infinity` (default): no limit. */
  readonly timeoutMs?: number
}

/** Rules of {@link StopOptions}. */
export const stopOptions: Options<{
  mode: Rule<StopMode, 'always'>
  timeoutMs: Rule<number, 'maybe'>
}> = options('StopOptions', {
  mode: choice(['drain', 'discard', 'abort'], { default: 'abort' }),
  timeoutMs: durationMs({ orInfinity: true }),
} satisfies Rules<StopOptions>)

/** Rules of {@link TakeOptions}. */
export const takeOptions: Options<{ timeoutMs: Rule<number, 'maybe'> }> = options('TakeOptions', {
  timeoutMs: durationMs({ min: 0, orInfinity: true }),
} satisfies Rules<TakeOptions>)

const writeToOptions = options('WriteToOptions', {
  resume: boolean({ default: false }),
  onProgress: func<NonNullable<WriteToOptions['onProgress']>>(),
  signal: signal(),
} satisfies Rules<WriteToOptions>)

/** The key under which another copy of the package finds the graph. */
const GRAPH = Symbol.for('spindle.graph')

/** The graph behind a pipeline, for the parts of the package that inspect it. */
export let graphOf: (pipeline: Pipeline<never>) => Graph

/**
 * A running pipeline, or one that is ready to start. Consume it by `for await`, {@link forEach},
 * {@link chunks} or {@link getItem}. Several consumers may share it.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 *
 * await using pipeline = new PipelineBuilder().addSource([1, 2, 3]).pipe((n) => n * 2).build()
 * const seen: number[] = []
 * await pipeline.forEach((n) => {
 *   seen.push(n)
 * })
 * assert.deepEqual(seen, [2, 4, 6])
 * ```
 */
export class Pipeline<T> implements AsyncIterable<T>, AsyncDisposable {
  #graph: Graph
  #reader: SinkReader
  /** Makes the graph again, to start from another state. */
  readonly #makeGraph: (options: BuildOptions) => Graph

  static {
    graphOf = (pipeline) => {
      if (#graph in pipeline) return pipeline.#graph
      checkCopy('pipeline', pipeline, 'Pipeline')
      return (pipeline as { [GRAPH](): Graph })[GRAPH]()
    }
    mark(Pipeline.prototype, 'Pipeline')
    // A computed member would need a type annotation that `isolatedDeclarations` cannot check.
    Object.defineProperty(Pipeline.prototype, GRAPH, {
      value(this: Pipeline<unknown>) {
        return this.#graph
      },
    })
  }

  /** Number of active iterators and `forEach` calls. */
  #consumers = 0
  /** What `writeTo` has written. */
  #written: WriteMeter | undefined

  /**
   * Internal: use `PipelineBuilder.build()`.
   *
   * @param prepare adds to a new graph what is not of the engine: the tuner and the loop guard
   */
  constructor(
    config: PipelineConfig<T>,
    options: BuildOptions,
    workers: WorkerServices,
    prepare: (graph: Graph) => void = () => {},
  ) {
    this.#makeGraph = (changed) => {
      const graph = new Graph(config as PipelineConfig, changed, workers)
      prepare(graph)
      return graph
    }
    this.#graph = this.#makeGraph(options)
    this.#reader = this.#graph.reader
    watchIdle(this.#graph)
  }

  /**
   * Resolves when everything is consumed, or after `stop()`. Rejects with the `PipelineFailure`, or
   * with the reason of an aborted signal.
   */
  get done(): Promise<void> {
    return this.#graph.done
  }

  /** The configuration from which the pipeline was built. */
  get config(): PipelineConfig<T> {
    return this.#graph.config as PipelineConfig<T>
  }

  /**
   * Starts the pipeline before it has a consumer.
   *
   * @throws `ERR_ALREADY_STARTED` if the pipeline has been started or stopped.
   */
  start(): void {
    if (this.#graph.isStarted || this.#graph.isStopped) throw alreadyStarted()
    this.#start()
  }

  #start(): void {
    if (this.#graph.isStarted || this.#graph.isStopped) return
    watchUnfinished(this.#graph, this)
    this.#graph.start()
  }

  /**
   * Iterates one epoch of a continuous source, or the rest of the stream. `break` only pauses the
   * pipeline: iterate again to continue.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return this.iterate()
  }

  /**
   * Iterates like the pipeline itself, with a time limit for each wait. If a wait takes too long,
   * `next()` rejects with `TimeoutError`. No item is lost, and you can call `next()` again.
   */
  iterate(options?: TakeOptions): AsyncIterableIterator<T, undefined> {
    return new ItemIterator<T>(this.#reader, checkTake(options), () => this.#enter())
  }

  /**
   * Iterates in arrays of the items that are ready: at least one and at most `max` (default 64).
   * This is the cheapest way to take many small items in a loop.
   *
   * @throws `ERR_BAD_OPTION` if `max` is not an integer >= 1.
   */
  chunks(max: number = 64): AsyncIterableIterator<T[], undefined> {
    checkInteger('max', max, 1)
    return new ChunkIterator<T>(this.#reader, max, () => this.#enter())
  }

  /**
   * Calls `consume` with each item, one at a time and in order. If `consume` returns a promise,
   * `forEach` waits for it. This is the cheapest way to consume, because it makes no promise per
   * item. Resolves at the end of the stream or epoch. An error of `consume` rejects the promise and
   * pauses the pipeline, as `break` does.
   *
   * @throws The error of `consume`, the `PipelineFailure`, or the reason of an aborted signal.
   */
  async forEach(consume: (item: T) => unknown): Promise<void> {
    checkFunction('consume', consume)
    // The caller that starts the pipeline gives it its async context.
    const scope = this.#graph.isStarted ? currentScope() : undefined
    const session = this.#enter(consume)
    try {
      await new Promise<void>((resolve, reject) => {
        const call = consume as (item: unknown) => unknown
        this.#reader.await(new ForEachLoop(this.#reader, call, scope, resolve, reject))
      })
    } finally {
      session.end()
    }
  }

  /**
   * Writes all items of the stream or epoch into a sink, such as `jsonlShards()` of `spindle/sinks`
   * or `tarShards()` of `@spindle/io`, and resolves when everything is committed. With `resume`,
   * a run that ended early continues where its last commit was, and each result is in the sink
   * exactly once.
   *
   * @returns what the sink reports; `undefined` if the pipeline was stopped before its end
   * @throws the `PipelineFailure`; the error of the sink, after which what was committed stays;
   *   `ERR_ALREADY_STARTED` with `resume`, if the pipeline was started; `ERR_NOT_RESUMABLE`;
   *   `ERR_OTHER_STATE` if the sink holds the results of another pipeline
   */
  async writeTo<R>(sink: Sink<T, R>, options: WriteToOptions = {}): Promise<R | undefined> {
    const { resume, onProgress, signal } = writeToOptions.check(options)
    if (typeof (sink as Partial<Sink<T, R>> | null)?.open !== 'function')
      badOption('sink', 'a sink, such as jsonlShards() makes', sink)
    const { resumable } = this.#graph.options
    if (typeof resumable === 'object' && resumable.commit === 'explicit')
      badOption(
        'resumable.commit',
        "'auto' with writeTo(), which commits what it wrote",
        'explicit',
      )
    forgetIdle(this.#graph)
    if (resume && (this.#graph.isStarted || this.#graph.isStopped)) throw alreadyStarted()
    signal?.throwIfAborted()
    const writer = await this.#openSink(sink, { resume, signal })
    this.#written = new WriteMeter(writer, onProgress)
    if (writer.result !== undefined) {
      await Promise.all([writer.abort(), this.stop()])
      this.#written.tell()
      return writer.result
    }
    const abort = (): void => void this.#graph.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    try {
      signal?.throwIfAborted()
      if (resume) this.#startFrom(writer.state)
      return await writeItems<T, R>(
        {
          forEach: (consume) => this.forEach(consume),
          takeState: () => this.#graph.resumeTracker?.toState(),
          isCut: () => this.#graph.isStopped,
        },
        writer,
        this.#written,
      )
    } catch (error) {
      await writer.abort()
      await this.stop().catch(() => {})
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  async #openSink<R>(sink: Sink<T, R>, options: SinkOpenOptions): Promise<SinkWriter<T, R>> {
    try {
      return await sink.open(options)
    } catch (error) {
      await this.stop().catch(() => {})
      throw error
    }
  }

  /** Makes the graph of a pipeline that has not started again, so that it starts from a state. */
  #startFrom(state: PipelineState | undefined): void {
    const old = this.#graph
    const { resumable = true } = old.options
    this.#graph = this.#makeGraph({
      ...old.options,
      resumable: resumable === false ? true : resumable,
      ...(state !== undefined && { state }),
    })
    this.#reader = this.#graph.reader
    forgetIdle(old)
    old.stop('abort', undefined).catch(() => {})
  }

  /**
   * Takes one item. The result has `done: true` at the end of the stream or epoch.
   *
   * @throws `TimeoutError` if no item arrives in time. No item is lost then.
   */
  getItem(options?: TakeOptions): Promise<IteratorResult<T, undefined>> {
    const timeoutMs = checkTake(options)
    if (this.#reader.keepsScopes) markCaller(this.#reader.mark)
    this.#resume()
    return takeItem<T>(this.#reader, new ConsumerSession(this.#reader.epoch), timeoutMs)
  }

  /**
   * Registers a consumer. When the last one ends before the end of the stream, the source is not
   * pulled until another consumer begins.
   */
  #enter(code?: unknown): ConsumerSession {
    this.#graph.consumedBy(code, this.#consumers === 0)
    this.#consumers++
    this.#resume()
    const session: ConsumerSession = new ConsumerSession(this.#reader.epoch, () => {
      this.#consumers--
      this.#reader.commits?.forget(session)
      if (this.#consumers === 0 && !this.#reader.isEnded) this.#graph.pause()
    })
    return session
  }

  #resume(): void {
    if (!this.#graph.isStarted) this.#start()
    else if (this.#graph.isPaused) this.#reader.inScope(() => this.#graph.unpause())
  }

  /**
   * Stops the pipeline and closes its source. Always settles, except that `'drain'` without a limit
   * waits for the calls in flight; see {@link StopOptions.mode}.
   *
   * @throws `TimeoutError` if `'drain'` or `'discard'` exceeds its limit and has to abort.
   */
  stop(options: StopOptions = {}): Promise<void> {
    const { mode, timeoutMs } = stopOptions.check(options)
    forgetIdle(this.#graph)
    return this.#graph.stop(mode, timeoutMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Counts and times since the start. */
  stats(): PipelineStats {
    const stats = readStats(this.#graph)
    return this.#written === undefined ? stats : { ...stats, written: this.#written.read() }
  }

  /**
   * What the tuner has done: every change with its evidence, and the current numbers, which can be
   * passed as options.
   */
  tuning(): Tuning {
    return this.#graph.tuning?.() ?? noTuning
  }

  /** Reports which stage limits the throughput. `String(report)` is readable text. */
  report(): Report {
    return makeReport(
      this.stats(),
      this.#graph.stages.map((stage) => stage.recent),
      this.tuning(),
      this.#graph.statsEvents.warm,
    )
  }

  /**
   * Returns which items are done and which are not, as plain JSON. Pass it to `build({ state })` to
   * resume this run, also after a crash. The state is exact at every moment. Save it together with
   * the results of the committed items, in one transaction if necessary; see `docs/resume.md`.
   *
   * @throws `ERR_BAD_STATE` if the pipeline was not built with `resumable`.
   */
  state(): PipelineState {
    return this.#resumeTracker().toState()
  }

  /**
   * Marks an item as done, so that it is not delivered again after a resume. Without
   * `resumable: { commit: 'explicit' }`, an item is committed when the consumer requests the next
   * one; this call does it earlier. `item` is the very object that was delivered. Of equal
   * primitive values, the one delivered first is committed.
   *
   * @throws `ERR_BAD_COMMIT` if the item was not delivered or is committed already; `ERR_BAD_STATE`
   *   if the pipeline was not built with `resumable`.
   */
  commit(item: T): void {
    this.#resumeTracker()
    this.#reader.inScope(() => this.#reader.commits?.commit(item))
  }

  #resumeTracker(): ResumeTracker {
    const { resumeTracker } = this.#graph
    if (resumeTracker === undefined)
      throw new SpindleError(
        'ERR_BAD_STATE',
        'the pipeline cannot be resumed: build it with `resumable: true`',
      )
    return resumeTracker
  }

  toString(): string {
    return `Pipeline ${this.#graph.pipelineId}\n${String(this.#graph.config)}`
  }
}

function alreadyStarted(): SpindleError {
  return new SpindleError('ERR_ALREADY_STARTED', 'the pipeline was already started or stopped')
}

function checkTake(options: TakeOptions | undefined): number {
  // Called for each item, most often without options.
  return (options && takeOptions.check(options).timeoutMs) ?? Number.POSITIVE_INFINITY
}

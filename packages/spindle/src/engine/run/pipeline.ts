import {
  badOption,
  checkChoice,
  checkDuration,
  checkFunction,
  checkInteger,
  checkOptions,
} from '../../check.ts'
import { checkCopy, mark } from '../../copies.ts'
import { SpindleError } from '../../errors.ts'
import type { PipelineConfig } from '../config.ts'
import { ChunkIterator, ItemIterator, takeItem } from '../consume/iterators.ts'
import { ConsumerSession, ForEachLoop } from '../consume/pending-reads.ts'
import type { SinkReader } from '../consume/sink-reader.ts'
import { currentScope } from '../flow/async-scope.ts'
import { markCaller } from '../flow/call-scopes.ts'
import type { ResumeTracker } from '../progress/resume-tracker.ts'
import { readStats } from '../report/read-stats.ts'
import { makeReport, type Report } from '../report/report.ts'
import type { PipelineState } from '../resume-state.ts'
import type { PipelineStats } from '../stats/pipeline-stats.ts'
import { noTuning, type Tuning } from '../tuned.ts'
import type { BuildOptions } from '../types.ts'
import { Graph } from './graph.ts'
import type { StopMode } from './stop.ts'
import { watchIdle, watchUnfinished } from './unfinished.ts'
import type { WorkerServices } from './worker-services.ts'

/** Options of `stop()`. */
export interface StopOptions {
  /**
   * `'abort'` (default): signals are aborted, calls in flight are waited for. `'discard'`: calls in
   * flight end undisturbed, their results are thrown away. `'drain'`: what was pulled from the
   * source goes on to the consumer.
   */
  readonly mode?: StopMode
  /**
   * Limit in milliseconds. Default: 1000 for `'abort'`, 10 000 for `'discard'`, none for `'drain'`.
   */
  readonly timeoutMs?: number
}

/** Options of `iterate()` and `getItem()`. */
export interface TakeOptions {
  /** Longest wait for an item, in milliseconds, `Infinity` (default) for none. */
  readonly timeoutMs?: number
}

/** How another copy of the package comes to the stages. */
const GRAPH = Symbol.for('spindle.graph')

/** The stages behind a pipeline, for the parts of the package that look at them. */
export let graphOf: (pipeline: Pipeline<never>) => Graph

/**
 * A pipeline at work, or about to be: consume it by `for await`, {@link forEach}, {@link chunks} or
 * {@link getItem}, several at once if you like.
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
  readonly #graph: Graph
  readonly #reader: SinkReader

  static {
    graphOf = (pipeline) => {
      if (#graph in pipeline) return pipeline.#graph
      checkCopy('pipeline', pipeline, 'Pipeline')
      return (pipeline as { [GRAPH](): Graph })[GRAPH]()
    }
    mark(Pipeline.prototype, 'Pipeline')
    // As a computed member it would need a type annotation that `isolatedDeclarations` cannot
    // check.
    Object.defineProperty(Pipeline.prototype, GRAPH, {
      value(this: Pipeline<unknown>) {
        return this.#graph
      },
    })
  }

  /** Iterators and `forEach` calls that have begun and not ended. */
  #consumers = 0

  /** Use `PipelineBuilder.build()`. */
  constructor(config: PipelineConfig<T>, options: BuildOptions, workers: WorkerServices) {
    this.#graph = new Graph(config as PipelineConfig, options, workers)
    this.#reader = this.#graph.reader
  }

  /**
   * Resolves when all is consumed, or after `stop()`; rejects with the `PipelineFailure`, or with
   * the reason of an aborted signal.
   */
  get done(): Promise<void> {
    const graph = this.#graph
    if (!graph.isStarted && !graph.isStopped) watchIdle(graph)
    return graph.done
  }

  /** What the pipeline was made from. */
  get config(): PipelineConfig<T> {
    return this.#graph.config as PipelineConfig<T>
  }

  /**
   * Starts the pipeline ahead of its consumer. @throws `ERR_ALREADY_STARTED` if it has started, or
   * was stopped.
   */
  start(): void {
    if (this.#graph.isStarted || this.#graph.isStopped) {
      throw new SpindleError(
        'ERR_ALREADY_STARTED',
        'the pipeline has been started (or stopped) already',
      )
    }
    this.#start()
  }

  #start(): void {
    if (this.#graph.isStarted || this.#graph.isStopped) return
    watchUnfinished(this.#graph, this)
    this.#graph.start()
  }

  /**
   * The items of one epoch of a continuous source, else the rest of the stream. `break` only
   * pauses: iterate again to go on.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return this.iterate()
  }

  /**
   * Like iterating the pipeline itself, with a limit for each wait: then `next()` rejects with
   * `TimeoutError`, nothing is lost, and one may go on.
   */
  iterate(options: TakeOptions = {}): AsyncIterableIterator<T, undefined> {
    return new ItemIterator<T>(this.#reader, checkTake(options), () => this.#enter())
  }

  /**
   * What is ready, at least one item and at most `max` (default 64), in an array: the cheap way to
   * take many small items.
   */
  chunks(max: number = 64): AsyncIterableIterator<T[], undefined> {
    checkInteger('max', max, 1)
    return new ChunkIterator<T>(this.#reader, max, () => this.#enter())
  }

  /**
   * Calls `consume` with each item, one at a time, in order; a promise it returns is waited for.
   * The cheapest way to consume: no promise per item. Resolves at the end of the stream or epoch.
   * An error of `consume` ends it, and pauses the pipeline as `break` does.
   */
  async forEach(consume: (item: T) => unknown): Promise<void> {
    checkFunction('consume', consume)
    // Who starts the pipeline gives it its async context.
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
   * One item; `done` at the end of the stream or epoch. @throws `TimeoutError` if none comes in
   * time; nothing is lost then.
   */
  getItem(options: TakeOptions = {}): Promise<IteratorResult<T, undefined>> {
    const timeoutMs = checkTake(options)
    if (this.#reader.keepsScopes) markCaller(this.#reader.mark)
    this.#resume()
    return takeItem<T>(this.#reader, new ConsumerSession(this.#reader.epoch), timeoutMs)
  }

  /**
   * A consumer begins. When the last ends and there is more to come, the source is not pulled until
   * another begins.
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
   * Stops the pipeline and closes its source. Always settles; see the modes. @throws `TimeoutError`
   * when `'drain'` or `'discard'` had to abort.
   */
  stop(options: StopOptions = {}): Promise<void> {
    checkOptions(options, ['mode', 'timeoutMs'])
    const { mode = 'abort', timeoutMs } = options
    checkChoice('mode', mode, ['drain', 'discard', 'abort'])
    if (timeoutMs !== undefined) checkDuration('timeoutMs', timeoutMs, undefined, true)
    return this.#graph.stop(mode, timeoutMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Counts and times, up to now. */
  stats(): PipelineStats {
    return readStats(this.#graph)
  }

  /**
   * What was tuned so far: every move with its evidence, and the numbers as they are now, to be
   * given as options.
   */
  tuning(): Tuning {
    return this.#graph.tuning?.() ?? noTuning
  }

  /** Names the stage that limits throughput. `String(report)` is for people. */
  report(): Report {
    return makeReport(
      this.stats(),
      this.#graph.stages.map((stage) => stage.recent),
      this.tuning(),
      this.#graph.statsEvents.warm,
    )
  }

  /**
   * What is done and what is not: give it to `build({ state })` to go on where this run is, also
   * after a crash. Plain JSON; exact at each moment. Take it together with what was made of the
   * committed items, in one transaction if need be; see `docs/resume.md`.
   *
   * @throws `ERR_BAD_STATE` if the pipeline was not built with `resumable`.
   */
  state(): PipelineState {
    return this.#book().toState()
  }

  /**
   * Says that an item is done with: it is not delivered again after a resume. Without
   * `resumable: { commit: 'explicit' }` that happens by itself when the next item is asked for, and
   * this does it earlier. `item` is what was given, the very object (of equal primitive values the
   * one given first).
   *
   * @throws `ERR_BAD_COMMIT` if it was not given, or is committed; `ERR_BAD_STATE` if the pipeline
   *   was not built with `resumable`.
   */
  commit(item: T): void {
    this.#book()
    this.#reader.inScope(() => this.#reader.commits?.commit(item))
  }

  #book(): ResumeTracker {
    const { book } = this.#graph
    if (book === undefined)
      throw new SpindleError(
        'ERR_BAD_STATE',
        'the pipeline cannot be resumed: build it with `resumable: true`',
      )
    return book
  }

  toString(): string {
    return `Pipeline ${this.#graph.pipelineId}\n${String(this.#graph.config)}`
  }
}

function checkTake(options: TakeOptions): number {
  checkOptions(options, ['timeoutMs'])
  const { timeoutMs = Number.POSITIVE_INFINITY } = options
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0))
    badOption('timeoutMs', 'a number of milliseconds >= 0, or Infinity', timeoutMs)
  return timeoutMs
}

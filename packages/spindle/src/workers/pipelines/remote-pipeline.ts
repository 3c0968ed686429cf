import { makeReport, type Report } from '../../engine/report/report.ts'
import type { PipelineState } from '../../engine/resume-state.ts'
import {
  type StopOptions,
  stopOptions,
  type TakeOptions,
  takeOptions,
} from '../../engine/run/pipeline.ts'
import type { PipelineStats } from '../../engine/stats/pipeline-stats.ts'
import type { Tuning } from '../../engine/tuned.ts'
import { IteratorState } from './iterator-state.ts'
import type { RemoteStream } from './remote-stream.ts'

/**
 * A pipeline, or another iterable, that runs in its own thread or process. Each iteration gives the
 * items of one epoch, by `for await` or by a plain `for`, which blocks this thread while it waits.
 * `break` only pauses: the next iteration continues the epoch.
 */
export interface RemotePipeline<T>
  extends Iterable<T>,
    AsyncIterable<T>,
    AsyncDisposable,
    Disposable {
  /** The items of the epoch, as they arrive. Blocks this thread while there is none. */
  [Symbol.iterator](): IterableIterator<T, undefined>
  /** The items of the epoch, as promises. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>
  /**
   * Like `for await`, with its own limit for each wait. After it, `next()` rejects with
   * `TimeoutError`, and nothing is lost.
   */
  iterate(options?: TakeOptions): AsyncIterableIterator<T, undefined>
  /**
   * Begins an epoch before it is consumed. Resolves when the module has been loaded, and rejects if
   * it cannot be.
   */
  start(): Promise<void>
  /**
   * Stops it as `Pipeline.stop()` does, and ends the thread or process. One that does not respond
   * is terminated a second later.
   */
  stop(options?: StopOptions): Promise<void>
  /**
   * Rejects with the failure or death that ended it; resolves after `stop()`. Stays pending at the
   * end of an epoch.
   */
  readonly done: Promise<void>
  /** Counts and times of the pipeline so far; for an iterable, of its last epoch. */
  stats(): Promise<PipelineStats>
  /** What the tuner has set in the remote pipeline, as `Pipeline.tuning()`. */
  tuning(): Promise<Tuning>
  /** Names the stage that limits throughput. `String(report)` gives a readable text. */
  report(): Promise<Report>
  /**
   * As `Pipeline.state()`, for a pipeline with `build: { resumable: true }`. Blocks this thread
   * until the worker side has answered, which it does when its event loop is free, at most for
   * `timeoutMs` (default: that of the pipeline's options).
   */
  state(options?: TakeOptions): PipelineState
  /** As `Pipeline.commit()`. */
  commit(item: T): void
  /** Stops it without waiting. */
  [Symbol.dispose](): void
}

const forgotten = new FinalizationRegistry<RemoteStream>((stream) => stream.lifecycle.abandon())

/**
 * The object that users hold. The thread's own objects do not refer to it, so that a forgotten one
 * is noticed.
 */
export class RemoteHandle<T> implements RemotePipeline<T> {
  readonly #stream: RemoteStream
  readonly #timeoutMs: number

  constructor(stream: RemoteStream, timeoutMs: number) {
    this.#stream = stream
    this.#timeoutMs = timeoutMs
    forgotten.register(this, stream)
  }

  [Symbol.iterator](): IterableIterator<T, undefined> {
    return new RemoteIterator<T>(this.#stream, this.#timeoutMs, this)
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new RemoteAsyncIterator<T>(this.#stream, this.#timeoutMs, this)
  }

  iterate(options: TakeOptions = {}): AsyncIterableIterator<T, undefined> {
    return new RemoteAsyncIterator<T>(this.#stream, this.#limitOf(options), this)
  }

  async start(): Promise<void> {
    this.#stream.begin()
    await this.#stream.lifecycle.ready()
  }

  async stop(options: StopOptions = {}): Promise<void> {
    stopOptions.check(options)
    await this.#stream.lifecycle.stop(options)
  }

  get done(): Promise<void> {
    return this.#stream.lifecycle.done
  }

  async stats(): Promise<PipelineStats> {
    const { stats } = await this.#stream.stats.ask()
    return stats
  }

  async tuning(): Promise<Tuning> {
    const { tuning } = await this.#stream.stats.ask()
    return tuning
  }

  async report(): Promise<Report> {
    const { stats, failures, tuning } = await this.#stream.stats.ask()
    return makeReport(stats, [failures], tuning)
  }

  state(options: TakeOptions = {}): PipelineState {
    return this.#stream.state(this.#limitOf(options))
  }

  #limitOf(options: TakeOptions): number {
    return takeOptions.check(options).timeoutMs ?? this.#timeoutMs
  }

  commit(item: T): void {
    this.#stream.commit(item)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  [Symbol.dispose](): void {
    this.#stream.lifecycle.abandon()
  }
}

/**
 * Gives items as promises. Refers to the handle, so that a pipeline that is being iterated does not
 * count as forgotten.
 */
class RemoteAsyncIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #stream: RemoteStream
  readonly #iteratorState: IteratorState
  readonly handle: object

  constructor(stream: RemoteStream, timeoutMs: number, handle: object) {
    this.#stream = stream
    this.#iteratorState = new IteratorState(timeoutMs)
    this.handle = handle
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#stream.next(this.#iteratorState) as Promise<IteratorResult<T, undefined>>
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#stream.leave(this.#iteratorState)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Gives items synchronously, and blocks the thread while it waits for them. */
class RemoteIterator<T> implements IterableIterator<T, undefined> {
  readonly #stream: RemoteStream
  readonly #iteratorState: IteratorState
  readonly handle: object

  constructor(stream: RemoteStream, timeoutMs: number, handle: object) {
    this.#stream = stream
    this.#iteratorState = new IteratorState(timeoutMs)
    this.handle = handle
  }

  next(): IteratorResult<T, undefined> {
    return this.#stream.nextBlocking(this.#iteratorState) as IteratorResult<T, undefined>
  }

  return(): IteratorResult<T, undefined> {
    this.#stream.leave(this.#iteratorState)
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }
}

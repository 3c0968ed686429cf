import { checkCount } from '../check.ts'
import type { PipelineConfig } from '../engine/config.ts'
import type { Report } from '../engine/report/report.ts'
import { type Pipeline, type StopOptions, stopOptions } from '../engine/run/pipeline.ts'
import { isSeekable } from '../engine/seekable.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import type { BuildOptions } from '../engine/types.ts'
import { SpindleError } from '../errors.ts'
import { clockMs } from '../timers.ts'
import type { EpochItems, Epochs } from './epochs.ts'
import { InlineEpochs } from './inline-epochs.ts'
import { checkLoader, type LoaderOptions, type LoaderState } from './loader-options.ts'
import { WorkerEpochs } from './worker-epochs.ts'

/** How far a loader has come. */
export interface LoaderProgress {
  /** Number of the epoch in progress, or of the last one. */
  readonly epoch: number
  /** Number of batches given in that epoch. */
  readonly batches: number
  /** Number of batches in that epoch, where it is known; see `length`. */
  readonly length: number | undefined
  /** Milliseconds since that epoch began, or its duration after it ended. */
  readonly elapsedMs: number
}

/** The class behind `DataLoader`. `data-loader.ts` has the public types. */
export class Loader<T> {
  readonly length: number | undefined
  /** See `CommonLoaderOptions.reuseBatches`. */
  readonly reusesBatches: boolean
  readonly #epochs: Epochs<T>
  /** Set if the loader runs on this event loop. */
  readonly #inline: InlineEpochs<T> | undefined
  readonly #isResumable: boolean
  #current = 0
  #batches = 0
  #beganAt = 0
  #endedAt = 0

  constructor(source: unknown, options: LoaderOptions = {}) {
    checkLoader(source, options)
    this.length = batchesIn(source, options)
    this.reusesBatches = options.reuseBatches === true
    this.#isResumable = (options.resumable ?? false) !== false
    if (options.placement === 'worker') this.#epochs = new WorkerEpochs(source, options)
    else this.#epochs = this.#inline = new InlineEpochs(source, options)
    this.#current = this.#epochs.epoch
  }

  get epoch(): number {
    return this.#epochs.epoch
  }

  get progress(): LoaderProgress {
    const until = this.#endedAt > 0 ? this.#endedAt : clockMs()
    const elapsedMs = this.#beganAt > 0 ? until - this.#beganAt : 0
    return { epoch: this.#current, batches: this.#batches, length: this.length, elapsedMs }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    let items: EpochItems<T> | undefined
    let isOver = false
    const took = (step: IteratorResult<T, undefined>): IteratorResult<T, undefined> => {
      isOver = this.#took(items as EpochItems<T>, step)
      return step
    }
    const failed = (error: unknown): never => {
      isOver = this.#failed(items as EpochItems<T>, error)
      throw error
    }
    // Not an async function: that would make single items 25 % slower.
    const next = (): Promise<IteratorResult<T, undefined>> => {
      items ??= this.#begun()
      return items.next().then(took, failed)
    }
    return {
      next: () => {
        if (isOver) return Promise.resolve({ done: true, value: undefined })
        // The first call builds a pipeline, which may throw.
        return items === undefined ? Promise.resolve().then(next) : next()
      },
      return: async () => {
        if (!isOver && items !== undefined) await this.#left(items)
        isOver = true
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  [Symbol.iterator](): IterableIterator<T, undefined> {
    let items: EpochItems<T> | undefined
    let isOver = false
    return {
      next: () => {
        if (isOver) return { done: true, value: undefined }
        items ??= this.#begun()
        try {
          const step = items.nextSync()
          isOver = this.#took(items, step)
          return step
        } catch (error) {
          isOver = this.#failed(items, error)
          throw error
        }
      },
      return: () => {
        if (!isOver && items !== undefined) void this.#left(items)
        isOver = true
        return { done: true, value: undefined }
      },
      [Symbol.iterator]() {
        return this
      },
    }
  }

  #begun(): EpochItems<T> {
    const items = this.#epochs.begin()
    this.#current = items.epoch
    this.#batches = 0
    this.#beganAt = clockMs()
    this.#endedAt = 0
    return items
  }

  /** Notes a step. Returns whether it was the last. */
  #took(items: EpochItems<T>, { done }: IteratorResult<T, undefined>): boolean {
    if (done !== true) this.#batches++
    else if (items.isReplaced()) throw replaced()
    else this.#ended(items, false)
    return done === true
  }

  /**
   * Notes an error. Returns whether it ends the epoch; a time-out does not, since nothing is lost.
   */
  #failed(items: EpochItems<T>, error: unknown): boolean {
    if (error instanceof SpindleError && error.code === 'ERR_TIMEOUT') return false
    this.#ended(items, true)
    return true
  }

  #left(items: EpochItems<T>): Promise<void> {
    this.#stopClock(items)
    return items.leave()
  }

  #ended(items: EpochItems<T>, hasFailed: boolean): void {
    this.#stopClock(items)
    items.ended(hasFailed)
  }

  #stopClock(items: EpochItems<T>): void {
    if (items.epoch === this.#current) this.#endedAt = clockMs()
  }

  start(): void {
    this.#epochs.start()
  }

  setEpoch(epoch: number): void {
    checkCount('epoch', epoch)
    this.#epochs.setEpoch(epoch)
  }

  stats(): Promise<PipelineStats> {
    return this.#epochs.stats()
  }

  report(): Promise<Report> {
    return this.#epochs.report()
  }

  state(): LoaderState {
    this.#checkResumable()
    return this.#epochs.state()
  }

  commit(batch: T): void {
    this.#checkResumable()
    this.#epochs.commit(batch)
  }

  #checkResumable(): void {
    if (!this.#isResumable)
      throw new SpindleError(
        'ERR_BAD_STATE',
        'the loader cannot be resumed: make it with `resumable: true`',
      )
  }

  async stop(options: StopOptions = {}): Promise<void> {
    stopOptions.check(options)
    await this.#epochs.stop(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  build(options?: BuildOptions): Pipeline<T> {
    const epochs = this.#here('build')
    const pipeline = epochs.build(options)
    epochs.epoch++
    return pipeline
  }

  getConfig(): PipelineConfig<T> {
    const epochs = this.#here('getConfig')
    return epochs.graph(epochs.epoch).getConfig()
  }

  #here(method: string): InlineEpochs<T> {
    if (this.#inline !== undefined) return this.#inline
    throw new SpindleError(
      'ERR_BAD_STATE',
      `${method}(): the pipeline of this loader is built in its worker`,
    )
  }
}

function replaced(): SpindleError {
  return new SpindleError(
    'ERR_ITERATOR_REPLACED',
    'a newer iteration of this loader has ended this one: iterate one epoch at a time',
  )
}

/**
 * Number of batches per epoch if nothing is dropped; `undefined` if the source or the options do
 * not determine it.
 */
function batchesIn(
  source: unknown,
  { batchSize, aggregate, dropLast = false }: LoaderOptions,
): number | undefined {
  const items = itemsIn(source)
  if (items === undefined || aggregate !== undefined) return undefined
  const batches = items / (batchSize ?? 1)
  return dropLast ? Math.floor(batches) : Math.ceil(batches)
}

/** Number of items that one iteration of the source gives. */
function itemsIn(source: unknown): number | undefined {
  if (isSeekable(source)) {
    if (source.size === undefined) return undefined
    const { rank, worldSize } = source.shard ?? { rank: 0, worldSize: 1 }
    return Math.ceil(Math.max(0, source.size - rank) / worldSize)
  }
  if (typeof source !== 'object' || source === null) return undefined
  const { length, size } = source as { length?: unknown; size?: unknown }
  return [length, size].find(
    (count) => typeof count === 'number' && Number.isInteger(count) && count >= 0,
  ) as number | undefined
}

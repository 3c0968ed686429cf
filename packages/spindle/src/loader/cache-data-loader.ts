import { checkOptions } from '../check.ts'
import type { Report } from '../engine/report/report.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { SpindleError } from '../errors.ts'
import { type CacheOptions, cacheIterator } from '../observe/cache-iterator.ts'
import type { LoaderProgress } from './loader.ts'

/** Options of `CacheDataLoader`. */
export interface CacheLoaderOptions extends CacheOptions {
  /**
   * Whether the loader's epoch ends when kept batches take over (default), so that loading takes no
   * more of the machine. `false` leaves it paused, with what it has ready.
   */
  readonly deleteLoader?: boolean
}

/** What is asked of the loader that is measured; a `DataLoader` is one, and so is a pipeline. */
export interface CacheableLoader<T> extends AsyncIterable<T> {
  readonly length?: number | undefined
  readonly progress?: LoaderProgress
  stats?(): PipelineStats | Promise<PipelineStats>
  report?(): Report | Promise<Report>
  stop?(): Promise<void>
}

/**
 * A loader that after some real batches gives the last of them over and over, for nothing: the rate
 * of training on those is how fast it would be if loading cost nothing, the headspace of all work
 * on the loader. For measuring only. Each iteration begins with real batches again.
 *
 * @throws `ERR_BAD_OPTION` as `cacheIterator()` does.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { CacheDataLoader, DataLoader } from 'spindle/loader'
 *
 * const loader = new DataLoader([0, 1, 2, 3], { outputOrder: 'input' })
 * const cached = new CacheDataLoader(loader, { numCaches: 2, returnCachesAfter: 3, stopAfter: 7 })
 * const seen: number[] = []
 * for await (const item of cached) seen.push(item)
 * assert.deepEqual(seen, [0, 1, 2, 1, 2, 1, 2])
 * assert.equal(cached.length, 4)
 * ```
 */
export class CacheDataLoader<T> implements AsyncIterable<T>, AsyncDisposable {
  readonly #loader: CacheableLoader<T>
  readonly #options: CacheOptions
  readonly #deletesLoader: boolean

  constructor(loader: CacheableLoader<T>, options: CacheLoaderOptions = {}) {
    checkOptions(options, ['numCaches', 'returnCachesAfter', 'stopAfter', 'deleteLoader'])
    const { deleteLoader = true, ...cache } = options
    // Checks the options; nothing is pulled before it is iterated.
    cacheIterator([], cache)
    this.#loader = loader
    this.#options = cache
    this.#deletesLoader = deleteLoader
  }

  /** That of the loader. */
  get length(): number | undefined {
    return this.#loader.length
  }

  /** That of the loader: real batches only. */
  get progress(): LoaderProgress | undefined {
    return this.#loader.progress
  }

  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.#deletesLoader ? cacheIterator(this.#loader, this.#options) : this.#keepingLoader()
  }

  async *#keepingLoader(): AsyncGenerator<T, void, undefined> {
    const items = this.#loader[Symbol.asyncIterator]()
    const kept: AsyncIterable<T> = { [Symbol.asyncIterator]: () => ({ next: () => items.next() }) }
    try {
      yield* cacheIterator(kept, this.#options)
    } finally {
      await items.return?.()
    }
  }

  /** Those of the loader. */
  async stats(): Promise<PipelineStats> {
    return (await this.#loader.stats?.()) ?? missing('stats')
  }

  /** That of the loader. */
  async report(): Promise<Report> {
    return (await this.#loader.report?.()) ?? missing('report')
  }

  /** Stops the loader. */
  async stop(): Promise<void> {
    await this.#loader.stop?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

function missing(method: string): never {
  throw new SpindleError('ERR_BAD_STATE', `the loader has no ${method}()`)
}

import { badOption } from '../check.ts'
import type { Report } from '../engine/report/report.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { SpindleError } from '../errors.ts'
import { type CacheOptions, cacheIterator, cacheRules } from '../observe/cache-iterator.ts'
import { boolean, options, type Rules } from '../options/index.ts'
import type { LoaderProgress } from './loader.ts'

/** Options of `CacheDataLoader`. */
export interface CacheLoaderOptions extends CacheOptions {
  /**
   * Whether the loader's epoch ends when the cached batches take over, so that loading uses no more
   * of the machine. Default true. `false` leaves the loader paused, with the batches that it has
   * ready.
   */
  readonly deleteLoader?: boolean
}

const loaderOptions = options('CacheLoaderOptions', {
  ...cacheRules,
  deleteLoader: boolean({ default: true }),
} satisfies Rules<CacheLoaderOptions>)

/** What `CacheDataLoader` needs of a loader. A `DataLoader` and a pipeline both have it. */
export interface CacheableLoader<T> extends AsyncIterable<T> {
  readonly length?: number | undefined
  readonly progress?: LoaderProgress
  stats?(): PipelineStats | Promise<PipelineStats>
  report?(): Report | Promise<Report>
  stop?(): Promise<void>
}

/**
 * A loader that gives a few real batches and then repeats the last of them at no cost. The rate of
 * training on repeated batches is the rate that training would have if loading cost nothing: the
 * upper limit of any gain from faster loading. For measurements only. Each iteration starts with
 * real batches again.
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
    const { deleteLoader } = loaderOptions.check(options)
    if ((loader as { readonly reusesBatches?: boolean }).reusesBatches === true)
      badOption('loader', 'one without `reuseBatches`: kept batches would be empty', 'reuseBatches')
    const { deleteLoader: _, ...cache } = options
    // Only checks the options: nothing is pulled before iteration.
    cacheIterator([], cache)
    this.#loader = loader
    this.#options = cache
    this.#deletesLoader = deleteLoader
  }

  /** The loader's `length`. */
  get length(): number | undefined {
    return this.#loader.length
  }

  /** The loader's `progress`, which counts real batches only. */
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

  /** The loader's statistics. */
  async stats(): Promise<PipelineStats> {
    return (await this.#loader.stats?.()) ?? missing('stats')
  }

  /** The loader's report. */
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

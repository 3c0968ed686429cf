import { checkBuildOptions } from '../builder/build-options.ts'
import type { PipelineBuilder } from '../builder/builder.ts'
import { isOneShot } from '../engine/flow/open-source.ts'
import { makeReport, type Report } from '../engine/report/report.ts'
import type { Pipeline, StopOptions } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import type { BuildOptions } from '../engine/types.ts'
import { SpindleError } from '../errors.ts'
import { Rng } from '../random.ts'
import { ThreadPool } from '../workers/calls/thread-pool.ts'
import { noStats } from '../workers/pipelines/hosted-pipeline.ts'
import { type EpochItems, type Epochs, nothingGiven, stateOf, underWay } from './epochs.ts'
import { loaderGraph } from './loader-graph.ts'
import type { LoaderOptions, LoaderState } from './loader-options.ts'

/**
 * Epochs on this event loop: one pipeline per epoch, over shared threads.
 *
 * `#pipeline` is the last pipeline that was made. `isFresh` is true until it is iterated;
 * `isUnderWay` is true from then until it ends or is left. The pipeline is kept until the next one
 * begins, for its statistics and its state.
 */
export class InlineEpochs<T> implements Epochs<T> {
  epoch: number
  readonly #source: unknown
  readonly #options: LoaderOptions
  #threads: ThreadPool | undefined
  #pipeline: Pipeline<T> | undefined
  #isFresh = false
  #isUnderWay = false
  /** Where the first epoch continues. */
  #state: LoaderState | undefined
  #wasOpened = false

  constructor(source: unknown, options: LoaderOptions) {
    this.#source = source
    this.#options = options
    this.#state = options.state
    this.epoch = options.state?.epoch ?? options.epoch ?? 0
    // Reports wrong stage options and a malformed state now, not at the first iteration.
    this.graph(this.epoch)
    checkBuildOptions(this.#buildOptions())
  }

  graph(epoch: number): PipelineBuilder<T> {
    const { placement } = this.#options
    const executor = placement === 'inline' ? undefined : (): ThreadPool => this.#pool()
    return loaderGraph(this.#source, this.#options, epoch, executor) as PipelineBuilder<T>
  }

  /** The threads start with the first call. */
  #pool(): ThreadPool {
    const { threads } = this.#options
    this.#threads ??= new ThreadPool(threads === undefined ? {} : { size: threads })
    return this.#threads
  }

  /** The pipeline of the next epoch. It belongs to the caller. */
  build(more: BuildOptions = {}): Pipeline<T> {
    if (this.#wasOpened && isOneShot(this.#source))
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        'the source can be gone through only once, and this is the next epoch: give an iterable, or a function that makes one',
      )
    this.#wasOpened = true
    const pipeline = this.graph(this.epoch).build({ ...this.#buildOptions(), ...more })
    this.#state = undefined
    return pipeline
  }

  #buildOptions(): BuildOptions {
    const { maxFailures, seed = 0, signal, resumable, build } = this.#options
    return {
      ...build,
      ...(maxFailures === undefined ? {} : { maxFailures }),
      ...(signal === undefined ? {} : { signal }),
      ...(resumable === undefined ? {} : { resumable }),
      ...(this.#state?.pipeline === undefined ? {} : { state: this.#state.pipeline }),
      // The engine counts epochs within one pipeline, but here each epoch is a pipeline, so each
      // gets its own seed.
      seed: this.epoch === 0 ? seed : Rng.from(seed, this.epoch).uint32(),
    }
  }

  start(): void {
    if (this.#isFresh) return
    if (this.#isUnderWay) throw underWay(this.epoch, 'start')
    this.#make().start()
  }

  #make(): Pipeline<T> {
    const pipeline = this.build()
    this.#pipeline = pipeline
    this.#isFresh = true
    return pipeline
  }

  begin(): EpochItems<T> {
    if (this.#isUnderWay) {
      void this.#pipeline?.stop()
      this.#over()
    }
    const pipeline = this.#isFresh ? (this.#pipeline as Pipeline<T>) : this.#make()
    this.#isFresh = false
    this.#isUnderWay = true
    const { timeoutMs } = this.#options
    const items = pipeline.iterate(timeoutMs === undefined ? {} : { timeoutMs })
    const isCurrent = (): boolean => this.#isUnderWay && this.#pipeline === pipeline
    return {
      epoch: this.epoch,
      next: () => items.next(),
      nextSync: () => {
        throw noPlainFor()
      },
      isReplaced: () => this.#pipeline !== pipeline,
      ended: () => {
        if (isCurrent()) this.#over()
      },
      leave: async () => {
        if (isCurrent()) this.#over()
        await pipeline.stop()
      },
    }
  }

  #over(): void {
    this.#isUnderWay = false
    this.epoch++
  }

  setEpoch(epoch: number): void {
    if (this.#isUnderWay || this.#isFresh) throw underWay(this.epoch, 'have its number set')
    this.epoch = epoch
    this.#state = undefined
  }

  async stats(): Promise<PipelineStats> {
    return this.#pipeline?.stats() ?? noStats
  }

  async report(): Promise<Report> {
    return this.#pipeline?.report() ?? makeReport(noStats, [])
  }

  state(): LoaderState {
    const pipeline = this.#pipeline
    if (pipeline === undefined) return this.#state ?? { epoch: this.epoch }
    const epoch = this.#isUnderWay || this.#isFresh ? this.epoch : this.epoch - 1
    return stateOf(epoch, pipeline.state())
  }

  commit(batch: T): void {
    if (this.#pipeline === undefined) throw nothingGiven()
    this.#pipeline.commit(batch)
  }

  async stop(options: StopOptions): Promise<void> {
    const [pipeline, threads] = [this.#pipeline, this.#threads]
    this.#threads = undefined
    if (this.#isUnderWay || this.#isFresh) this.#over()
    this.#isFresh = false
    await pipeline?.stop(options)
    await threads?.close()
  }
}

function noPlainFor(): SpindleError {
  return new SpindleError(
    'ERR_BAD_STATE',
    "a plain for holds the loop that the loader works on, which would wait for ever: use for await, or placement: 'worker'",
  )
}

import { checkBuildOptions } from '../builder/build-options.ts'
import type { PipelineBuilder } from '../builder/builder.ts'
import { isOneShot } from '../engine/flow/open-source.ts'
import type { Pipeline, StopOptions } from '../engine/run/pipeline.ts'
import type { BuildOptions } from '../engine/types.ts'
import { isWorkerOp } from '../engine/worker-op.ts'
import { SpindleError } from '../errors.ts'
import { Rng } from '../random.ts'
import { ThreadPool } from '../workers/calls/thread-pool.ts'
import { type EpochSteps, Epochs, stateOf } from './epochs.ts'
import { canFuse, fusedExecutors, nextOps } from './fused/fused-executors.ts'
import { type LoaderExecutors, loaderGraph } from './loader-graph.ts'
import type { LoaderOptions, LoaderState } from './loader-options.ts'

type Steps<T> = () => Promise<IteratorResult<T, undefined>>

/** Epochs on this event loop: one pipeline per epoch, over shared threads. */
export class InlineEpochs<T> extends Epochs<T, Pipeline<T>> {
  #threads: ThreadPool | undefined
  /** Whether the pipeline was made and is not iterated yet. */
  #isFresh = false
  #wasOpened = false
  readonly #ops: number = nextOps()

  constructor(source: unknown, options: LoaderOptions) {
    super(source, options)
    // Reports wrong stage options and a malformed state now, not at the first iteration.
    this.graph(this.epoch)
    checkBuildOptions(this.#buildOptions())
  }

  graph(epoch: number): PipelineBuilder<T> {
    const { source, options } = this
    return loaderGraph(source, options, epoch, this.#executors()) as PipelineBuilder<T>
  }

  #executors(): LoaderExecutors | undefined {
    const { placement, preprocess, collate, transfer } = this.options
    if (placement === 'inline' || ![preprocess, collate, transfer].some(isWorkerOp))
      return undefined
    const pool = this.#pool()
    // A resumed epoch makes the batches of the earlier run again, of any samples.
    return this.firstState?.pipeline === undefined && canFuse(this.options)
      ? fusedExecutors(pool, this.options, this.#ops)
      : { preprocess: pool, collate: pool, transfer: pool }
  }

  /** The threads start with the first call. */
  #pool(): ThreadPool {
    const { threads } = this.options
    this.#threads ??= new ThreadPool(threads === undefined ? {} : { size: threads })
    return this.#threads
  }

  /** The pipeline of the next epoch. It belongs to the caller. */
  build(more: BuildOptions = {}): Pipeline<T> {
    if (this.#wasOpened && isOneShot(this.source))
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        'the source is an iterator, generator object or stream, which can be iterated only once, and this is the next epoch: give an iterable, or a function that makes one',
      )
    this.#wasOpened = true
    const pipeline = this.graph(this.epoch).build({ ...this.#buildOptions(), ...more })
    this.firstState = undefined
    return pipeline
  }

  #buildOptions(): BuildOptions {
    const { maxFailures, seed = 0, signal, resumable, build } = this.options
    return {
      ...build,
      ...(maxFailures === undefined ? {} : { maxFailures }),
      ...(signal === undefined ? {} : { signal }),
      ...(resumable === undefined ? {} : { resumable }),
      ...(this.firstState?.pipeline === undefined ? {} : { state: this.firstState.pipeline }),
      // The engine counts epochs within one pipeline, but here each epoch is a pipeline, so each
      // gets its own seed.
      seed: this.epoch === 0 ? seed : Rng.from(seed, this.epoch).uint32(),
    }
  }

  start(): void {
    if (this.#isFresh) return
    if (this.isUnderWay) throw this.underWay('start')
    this.#make().start()
  }

  #make(): Pipeline<T> {
    this.pipeline = this.build()
    this.#isFresh = true
    return this.pipeline
  }

  protected override prepare(): Pipeline<T> {
    if (this.isUnderWay) {
      void this.pipeline?.stop()
      this.over()
    }
    const pipeline = this.#isFresh ? (this.pipeline as Pipeline<T>) : this.#make()
    this.#isFresh = false
    return pipeline
  }

  protected override iterate(pipeline: Pipeline<T>): EpochSteps<T> {
    const { timeoutMs } = this.options
    const items = pipeline.iterate(timeoutMs === undefined ? {} : { timeoutMs })
    return {
      next: this.#reusing(() => items.next()),
      nextSync: () => {
        throw noPlainFor()
      },
    }
  }

  /** Gives the memory of each batch back to the threads when the next one is requested. */
  #reusing(next: Steps<T>): Steps<T> {
    const { reuseBatches, placement, preprocess, collate, transfer } = this.options
    // What functions of this thread return may be theirs.
    const isOurs = placement !== 'inline' && isWorkerOp(transfer ?? collate ?? preprocess)
    if (reuseBatches !== true || !isOurs) return next
    let last: T | undefined
    return () => {
      this.#threads?.giveBack(last)
      last = undefined
      return next().then((step) => {
        last = step.value
        return step
      })
    }
  }

  override setEpoch(epoch: number): void {
    if (this.#isFresh) throw this.underWay('have its number set')
    super.setEpoch(epoch)
  }

  state(): LoaderState {
    const { pipeline } = this
    if (pipeline === undefined) return this.firstState ?? { epoch: this.epoch }
    const epoch = this.isUnderWay || this.#isFresh ? this.epoch : this.epoch - 1
    return stateOf(epoch, pipeline.state())
  }

  async stop(options: StopOptions): Promise<void> {
    const [pipeline, threads] = [this.pipeline, this.#threads]
    this.#threads = undefined
    if (this.isUnderWay || this.#isFresh) this.over()
    this.#isFresh = false
    await pipeline?.stop(options)
    await threads?.close()
  }
}

function noPlainFor(): SpindleError {
  return new SpindleError(
    'ERR_BAD_STATE',
    "a plain `for` blocks the event loop that the loader runs on, and would wait forever: use `for await`, or placement: 'worker'",
  )
}

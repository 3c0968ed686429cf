import { checkBuildOptions } from '../builder/build-options.ts'
import type { StopOptions } from '../engine/run/pipeline.ts'
import { isWorkerOp, type OpReference } from '../engine/worker-op.ts'
import { WORKER_LOADER } from '../entries.ts'
import { referenceOf } from '../workers/calls/worker-module.ts'
import type { RemoteBuildOptions } from '../workers/pipelines/remote-options.ts'
import type { RemotePipeline } from '../workers/pipelines/remote-pipeline.ts'
import { runElsewhere } from '../workers/pipelines/run-pipeline.ts'
import { type EpochSteps, Epochs, stateOf } from './epochs.ts'
import { loaderGraph } from './loader-graph.ts'
import type { LoaderOptions, LoaderState } from './loader-options.ts'

/**
 * How long a loader that is left waits for its worker's resume state, in milliseconds. The worker's
 * event loop may be blocked.
 */
const STATE_LIMIT_MS = 1000

/** A value, or an op by reference, as sent to a worker. */
export type Sent = { readonly value: unknown } | { readonly reference: OpReference }

/** What a worker makes its loader from. */
export interface LoaderDescription {
  readonly source: Sent
  readonly options: { readonly [name: string]: Sent }
  readonly epoch: number
}

/**
 * Epochs in one worker thread, which stays from epoch to epoch. Leaving an epoch before its end
 * also ends the thread.
 */
export class WorkerEpochs<T> extends Epochs<T, RemotePipeline<T>> {
  /**
   * Whether the remote pipeline gives no further epoch: it failed, or an epoch was left before its
   * end. It is kept for its statistics.
   */
  #isSpent = false
  /** Resume state from when the worker was let go. */
  #left: LoaderState | undefined

  constructor(source: unknown, options: LoaderOptions) {
    super(source, options)
    // Reports wrong stage options now. The aggregator is checked in the worker, where it is made.
    loaderGraph(source, { ...options, aggregate: undefined }, this.epoch, undefined)
    checkBuildOptions(options.build ?? {})
  }

  #worker(): RemotePipeline<T> {
    if (this.pipeline === undefined || this.#isSpent) this.pipeline = this.#start()
    this.#isSpent = false
    return this.pipeline
  }

  #start(): RemotePipeline<T> {
    const {
      timeoutMs,
      signal,
      build,
      bufferSize,
      resumable,
      state: _,
      placement: __,
      ...options
    } = this.options
    const args: LoaderDescription = {
      source: sent(this.source),
      options: Object.fromEntries(
        Object.entries(options).map(([name, value]) => [name, sent(value)]),
      ),
      epoch: this.epoch,
    }
    const state = this.firstState?.pipeline
    this.firstState = undefined
    return runElsewhere<T>('pipeline', 'thread', WORKER_LOADER, modulesOf(args), {
      export: 'loader',
      args,
      ...(bufferSize === undefined ? {} : { bufferSize }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
      build: {
        ...(build as RemoteBuildOptions),
        ...(resumable === undefined ? {} : { resumable }),
        ...(state === undefined ? {} : { state }),
      },
    })
  }

  start(): void {
    if (this.isUnderWay) throw this.underWay('start')
    this.#worker()
      .start()
      // Iterating throws the same error.
      .catch(() => {})
  }

  protected override prepare(): RemotePipeline<T> {
    if (this.isUnderWay) this.#abandon()
    const remote = this.#worker()
    this.#left = undefined
    return remote
  }

  protected override iterate(remote: RemotePipeline<T>): EpochSteps<T> {
    const [steps, plain] = [remote[Symbol.asyncIterator](), remote[Symbol.iterator]()]
    return { next: () => steps.next(), nextSync: () => plain.next() }
  }

  protected override ended(hasFailed: boolean): void {
    this.#isSpent = hasFailed
    this.over()
  }

  protected override left(): void {
    this.#keepState()
    this.#isSpent = true
    this.over()
  }

  #abandon(): void {
    this.pipeline?.[Symbol.dispose]()
    this.#isSpent = true
    if (this.isUnderWay) this.over()
  }

  override setEpoch(epoch: number): void {
    // The worker counts its epochs itself, so another number needs a new worker.
    if (!this.isUnderWay && epoch !== this.epoch) this.#abandon()
    super.setEpoch(epoch)
  }

  /** The worker is about to end, and its resume tracker ends with it. */
  #keepState(): void {
    if (this.options.resumable !== true || this.#isSpent) return
    try {
      this.#left = this.#stateWithin(STATE_LIMIT_MS)
    } catch {
      // The worker has failed; `state()` throws the error.
    }
  }

  state(): LoaderState {
    if (this.#left !== undefined) return this.#left
    if (this.pipeline === undefined) return this.firstState ?? { epoch: this.epoch }
    return this.#stateWithin(undefined)
  }

  #stateWithin(timeoutMs: number | undefined): LoaderState {
    const remote = this.pipeline as RemotePipeline<T>
    const state = remote.state(timeoutMs === undefined ? {} : { timeoutMs })
    return stateOf(this.isUnderWay ? this.epoch : this.epoch - 1, state)
  }

  async stop(options: StopOptions): Promise<void> {
    if (this.pipeline !== undefined && this.#left === undefined) this.#keepState()
    this.#isSpent = true
    if (this.isUnderWay) this.over()
    await this.pipeline?.stop(options)
  }
}

/** The modules that the worker must load. */
function modulesOf({ source, options }: LoaderDescription): string[] {
  return [source, ...Object.values(options)].flatMap((one) =>
    'reference' in one ? [one.reference.href] : [],
  )
}

/** Ops by reference are recognized by object identity, which a message does not keep. */
function sent(value: unknown): Sent {
  if (!isWorkerOp(value)) return { value }
  return { reference: referenceOf(value) }
}

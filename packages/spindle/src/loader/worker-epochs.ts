import { checkBuildOptions } from '../builder/build-options.ts'
import { makeReport, type Report } from '../engine/report/report.ts'
import type { StopOptions } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { isWorkerOp } from '../engine/worker-op.ts'
import { WORKER_LOADER } from '../entries.ts'
import { referenceOf } from '../workers/calls/worker-module.ts'
import { noStats } from '../workers/pipelines/hosted-pipeline.ts'
import type { RemoteBuildOptions } from '../workers/pipelines/remote-options.ts'
import type { RemotePipeline } from '../workers/pipelines/remote-pipeline.ts'
import { runElsewhere } from '../workers/pipelines/run-pipeline.ts'
import { type EpochItems, type Epochs, nothingGiven, stateOf, underWay } from './epochs.ts'
import type { LoaderAssignment, Reference, Sent } from './loader-assignment.ts'
import { loaderGraph } from './loader-graph.ts'
import type { LoaderOptions, LoaderState } from './loader-options.ts'

/**
 * How long a loader that is left waits for its worker's resume state, in milliseconds. The worker's
 * event loop may be blocked.
 */
const STATE_LIMIT_MS = 1000

/**
 * Epochs in one worker thread, which stays from epoch to epoch. Leaving an epoch before its end
 * also ends the thread.
 */
export class WorkerEpochs<T> implements Epochs<T> {
  epoch: number
  readonly #source: unknown
  readonly #options: LoaderOptions
  #remote: RemotePipeline<T> | undefined
  /**
   * Whether the remote pipeline gives no further epoch: it failed, or an epoch was left before its
   * end. It is kept for its statistics.
   */
  #isSpent = false
  #isUnderWay = false
  #state: LoaderState | undefined
  /** Resume state from when the worker was let go. */
  #left: LoaderState | undefined

  constructor(source: unknown, options: LoaderOptions) {
    this.#source = source
    this.#options = options
    this.#state = options.state
    this.epoch = options.state?.epoch ?? options.epoch ?? 0
    // Reports wrong stage options now. The aggregator is checked in the worker, where it is made.
    loaderGraph(source, { ...options, aggregate: undefined }, this.epoch, undefined)
    checkBuildOptions(options.build ?? {})
  }

  #worker(): RemotePipeline<T> {
    if (this.#remote === undefined || this.#isSpent) this.#remote = this.#start()
    this.#isSpent = false
    return this.#remote
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
    } = this.#options
    const args: LoaderAssignment = {
      source: sent(this.#source),
      options: Object.fromEntries(
        Object.entries(options).map(([name, value]) => [name, sent(value)]),
      ),
      epoch: this.epoch,
    }
    const state = this.#state?.pipeline
    this.#state = undefined
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
    if (this.#isUnderWay) throw underWay(this.epoch, 'start')
    this.#worker()
      .start()
      // Iterating throws the same error.
      .catch(() => {})
  }

  begin(): EpochItems<T> {
    if (this.#isUnderWay) this.#abandon()
    const remote = this.#worker()
    this.#left = undefined
    this.#isUnderWay = true
    const isCurrent = (): boolean => this.#isUnderWay && this.#remote === remote
    const [steps, plain] = [remote[Symbol.asyncIterator](), remote[Symbol.iterator]()]
    return {
      epoch: this.epoch,
      next: () => steps.next(),
      nextSync: () => plain.next(),
      isReplaced: () => this.#remote !== remote,
      ended: (hasFailed) => {
        if (!isCurrent()) return
        this.#isSpent = hasFailed
        this.#over()
      },
      leave: async () => {
        if (isCurrent()) {
          this.#keepState()
          this.#isSpent = true
          this.#over()
        }
        await remote.stop()
      },
    }
  }

  #abandon(): void {
    this.#remote?.[Symbol.dispose]()
    this.#isSpent = true
    if (this.#isUnderWay) this.#over()
  }

  #over(): void {
    this.#isUnderWay = false
    this.epoch++
  }

  setEpoch(epoch: number): void {
    if (this.#isUnderWay) throw underWay(this.epoch, 'have its number set')
    // The worker counts its epochs itself, so another number needs a new worker.
    if (epoch !== this.epoch) this.#abandon()
    this.epoch = epoch
    this.#state = undefined
  }

  async stats(): Promise<PipelineStats> {
    return (await this.#remote?.stats()) ?? noStats
  }

  async report(): Promise<Report> {
    return (await this.#remote?.report()) ?? makeReport(noStats, [])
  }

  /** The worker is about to end, and its resume tracker ends with it. */
  #keepState(): void {
    if (this.#options.resumable !== true || this.#isSpent) return
    try {
      this.#left = this.#stateWithin(STATE_LIMIT_MS)
    } catch {
      // The worker has failed; `state()` throws the error.
    }
  }

  state(): LoaderState {
    if (this.#left !== undefined) return this.#left
    if (this.#remote === undefined) return this.#state ?? { epoch: this.epoch }
    return this.#stateWithin(undefined)
  }

  #stateWithin(timeoutMs: number | undefined): LoaderState {
    const remote = this.#remote as RemotePipeline<T>
    const state = remote.state(timeoutMs === undefined ? {} : { timeoutMs })
    return stateOf(this.#isUnderWay ? this.epoch : this.epoch - 1, state)
  }

  commit(batch: T): void {
    if (this.#remote === undefined) throw nothingGiven()
    this.#remote.commit(batch)
  }

  async stop(options: StopOptions): Promise<void> {
    if (this.#remote !== undefined && this.#left === undefined) this.#keepState()
    this.#isSpent = true
    if (this.#isUnderWay) this.#over()
    await this.#remote?.stop(options)
  }
}

/** The modules that the worker must load. */
function modulesOf({ source, options }: LoaderAssignment): string[] {
  return [source, ...Object.values(options)].flatMap((one) =>
    'reference' in one ? [one.reference.href] : [],
  )
}

/** Ops by reference are recognized by object identity, which a message does not keep. */
function sent(value: unknown): Sent {
  if (!isWorkerOp(value)) return { value }
  return { reference: referenceOf(value) satisfies Reference }
}

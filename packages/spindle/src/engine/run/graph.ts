import { makeController, onAbort } from '../../abort-signals.ts'
import { type ItemError, PipelineFailure, type StageFailure } from '../../errors.ts'
import { clockMs } from '../../timers.ts'
import { peek } from '../../user-code.ts'
import type { PipelineConfig } from '../config.ts'
import { type ConsumerCode, noteConsumer } from '../consume/consumer-code.ts'
import { SinkReader } from '../consume/sink-reader.ts'
import type { Executor } from '../executor.ts'
import { currentScope } from '../flow/async-scope.ts'
import { type Item, ItemPool } from '../flow/item.ts'
import { channels, type GraphListener } from '../hooks/channels.ts'
import { checkHooks, HookCalls, quietLogger, reportFailure } from '../hooks/hook-calls.ts'
import { Commits } from '../progress/commits.ts'
import { ResumeTracker } from '../progress/resume-tracker.ts'
import { resumption } from '../progress/resumption.ts'
import { StatsEvents } from '../report/stats-events.ts'
import type { GraphContext } from '../stages/graph-context.ts'
import type { PendingWork } from '../stages/pending-work.ts'
import type { SinkStage } from '../stages/sink-stage.ts'
import type { SourceStage } from '../stages/source-stage.ts'
import { CANCELLED, type Stage } from '../stages/stage.ts'
import { noCpu, ProcessUse } from '../stats/cpu-use.ts'
import { LoopBlocks } from '../stats/loop-blocks.ts'
import type { Tuning } from '../tuned.ts'
import type { BuildOptions, Logger, TaskHook } from '../types.ts'
import { assemble, type RemoteStage } from './assemble.ts'
import { DeadLetters } from './dead-letters.ts'
import { acquire, warmUp } from './executors.ts'
import { warnOfNothing, warnOfSecondPass } from './silent-ends.ts'
import { type StopMode, settledWithin, stopGraph } from './stop.ts'
import type { OwnThreads, WorkerServices } from './worker-services.ts'

/**
 * How long the end waits until the sources are closed and the pipeline's own threads have ended, in
 * milliseconds.
 */
const CLOSING_MS = 1000

const MOST_CONSUMERS = 8

let pipelineCount = 0

/**
 * A running configuration: the stages, their common state, and their common start and end.
 *
 * IDLE --start()--> RUNNING --the consumer has taken everything--> DONE
 *   '------------------'---------stop(), signal-----------------> STOPPED
 */
export class Graph implements GraphContext {
  readonly pipelineId: number = pipelineCount++
  readonly config: PipelineConfig
  readonly options: BuildOptions
  readonly seed: number
  readonly logger: Logger
  readonly itemPool: ItemPool = new ItemPool()
  readonly resumeTracker: ResumeTracker | undefined
  readonly listeners: Set<GraphListener> = new Set()
  readonly hookCalls: HookCalls
  /** Code that blocked the event loop, as far as a guard reports it. */
  readonly blocks: LoopBlocks = new LoopBlocks()
  /** The most recent consumers. */
  readonly consumers: ConsumerCode[] = []
  readonly stages: readonly Stage[]
  readonly sources: readonly SourceStage[]
  readonly followsItems: boolean
  readonly sink: SinkStage
  readonly reader: SinkReader
  /** The stages whose ops run in an executor. */
  readonly remote: readonly RemoteStage[]
  /** What the tuner has done, if there is one. */
  tuning: (() => Tuning) | undefined
  readonly done: Promise<void>
  startedAt = 0
  endedAt = 0
  readonly letters: DeadLetters | undefined
  isStarted = false
  isStopped = false
  isDraining = false
  /** Whether the sources are paused because there is no consumer. */
  isPaused = false
  /** Called whenever a part of the graph has come to rest. */
  readonly restListeners: Set<() => void> = new Set()
  readonly #hooks: ReadonlyMap<Stage, readonly TaskHook[]>
  readonly #failures: StageFailure[] = []
  #failure: PipelineFailure | undefined
  readonly #background: AbortController = makeController()
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined
  #unfinished: number
  #leave: () => void = () => {}
  #threads: OwnThreads | undefined
  /** Ends this pipeline's use of executors that start and end with their users. */
  readonly #releases: (() => Promise<void>)[] = []
  #released: Promise<void>[] | undefined
  readonly #workers: WorkerServices
  readonly statsEvents: StatsEvents
  #use: ProcessUse | undefined

  constructor(config: PipelineConfig, options: BuildOptions, workers: WorkerServices) {
    this.config = config
    this.options = options
    this.#workers = workers
    this.seed = options.seed ?? 0
    const { onItemError, onStats, deadLetter, logger } = options
    this.logger = quietLogger(logger)
    this.hookCalls = new HookCalls([onItemError, onStats, deadLetter, logger])
    if (deadLetter !== undefined)
      this.letters = new DeadLetters(deadLetter, this.hookCalls, (error) =>
        this.logger.error('spindle: `deadLetter` failed', error),
      )
    const resuming = options.resumable === undefined ? undefined : resumption(config, options)
    if (resuming !== undefined) {
      // Items that `deadLetter` has not stored are not done. The next run tries them again, and
      // counts them again if they fail.
      const undone = (): number => this.letters?.undone ?? 0
      const failures = (): number =>
        this.stages.reduce((sum, stage) => sum + stage.counters.failures, 0) - undone()
      this.resumeTracker = new ResumeTracker(resuming, options.state, failures, (error) =>
        this.abort(error),
      )
    }
    const assembled = assemble(config, options, this, workers)
    this.stages = assembled.stages
    this.sources = assembled.sources
    this.followsItems = this.sources.some((source) => source.isFollowing)
    this.sink = assembled.sink
    this.remote = assembled.remote
    this.reader = new SinkReader(
      this.sink,
      this.itemPool,
      this.resumeTracker && new Commits(this.resumeTracker, resuming?.isExplicit === true),
      () => this.#drained(),
      () => this.rested(),
    )
    this.reader.epoch = this.resumeTracker?.firstEpoch ?? 0
    this.#hooks = new Map(this.stages.map((stage) => [stage, this.#chooseHooks(stage)]))
    this.#unfinished = this.stages.length
    this.statsEvents = new StatsEvents(this)
    this.done = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Consumers get the failure from their iterator, so `done` must not cause an unhandled
    // rejection.
    this.done.catch(() => {})
    const { signal } = options
    if (signal !== undefined) {
      if (signal.aborted) this.abort(signal.reason)
      else this.#leave = onAbort(signal, () => this.abort(signal.reason))
    }
  }

  /** Called when a consumer begins. */
  consumedBy(code: unknown, isOnly: boolean): void {
    if (isOnly && this.endedAt > 0 && !this.isStopped && this.#failures.length === 0)
      warnOfSecondPass(this.config.source.where)
    if (this.listeners.size === 0) return
    if (this.consumers.length === MOST_CONSUMERS) this.consumers.shift()
    this.consumers.push(noteConsumer(code))
  }

  /** Called when the last consumer has left. The sources are not pulled until {@link unpause}. */
  pause(): void {
    this.isPaused = true
    for (const source of this.sources) source.pause()
  }

  unpause(): void {
    this.isPaused = false
    for (const source of this.sources) source.unpause()
  }

  /**
   * Opens all stages. Sources open last, when all later stages are ready. From here on, the
   * pipeline runs in the caller's async context.
   */
  start(): void {
    if (this.isStarted || this.isStopped) return
    this.isStarted = true
    this.reader.scope = currentScope()
    this.startedAt = clockMs()
    this.#use = new ProcessUse()
    channels.pipelineStart.publish({ pipeline: this.pipelineId, config: this.config })
    this.statsEvents.start()
    try {
      this.#workers.checkNesting(this.remote.map(({ href }) => href))
    } catch (error) {
      this.abort(error)
      return
    }
    try {
      acquire(this.remote, this.#releases)
    } catch (error) {
      this.abort(error)
      return
    }
    warmUp(this.remote)
    for (const listener of this.listeners) listener.started()
    for (const task of this.options.backgroundTasks ?? []) void this.#runBeside(task)
    const isSource = (stage: Stage): boolean => (this.sources as readonly Stage[]).includes(stage)
    for (const stage of this.stages) if (!isSource(stage)) stage.open()
    const areFree = !this.stages.some((stage) => stage.keepsItems)
    this.itemPool.isUsed = areFree && this.resumeTracker === undefined
    if (this.resumeTracker !== undefined) this.resumeTracker.reusesItems = areFree
    for (const source of this.sources) source.open()
  }

  /**
   * Resolves when the pipeline's own threads have ended. Busy threads have a second to end; then
   * they are terminated.
   */
  threadsGone(): Promise<void> {
    const own = this.#threads === undefined ? [] : [this.#threads.close()]
    return settledWithin([...own, ...this.#release()], 2 * CLOSING_MS)
  }

  #release(): readonly Promise<void>[] {
    this.#released ??= this.#releases.map((release) => release())
    return this.#released
  }

  async #runBeside(task: (signal: AbortSignal) => unknown): Promise<void> {
    try {
      await task(this.#background.signal)
    } catch (error) {
      const isAbort = this.#background.signal.aborted && peek(error, 'name') === 'AbortError'
      if (!isAbort) this.logger.error('spindle: a background task failed', error)
    }
  }

  /** Milliseconds from the start to now, or to the end; 0 before. */
  get elapsedMs(): number {
    return this.isStarted ? (this.endedAt > 0 ? this.endedAt : clockMs()) - this.startedAt : 0
  }

  /** Share of {@link elapsedMs} in which the event loop was busy. */
  get loopUtilization(): number {
    return this.#use?.loopUtilization ?? 0
  }

  /** CPU use of this process and of others in that time, and how long code waited for memory. */
  get use(): Pick<ProcessUse, 'cpu' | 'memoryWaitMs'> {
    return this.#use ?? { cpu: noCpu, memoryWaitMs: 0 }
  }

  /** Whether no stage works now or in future. */
  get isAtRest(): boolean {
    return this.#unfinished === 0
  }

  /** The stages with calls in flight. */
  get busyStages(): readonly Stage[] {
    return this.stages.filter((stage) => stage.running > 0)
  }

  /** User code that was called and has not ended, in the order of the stages. */
  get pendingWork(): readonly PendingWork[] {
    const stages = this.stages.flatMap((stage) => stage.pendingWork ?? [])
    const { busy } = this.reader
    const taken = `has not finished ${busy === 1 ? 'the item' : `the ${busy} items`} given to it by forEach()`
    const consumer = { stage: 'consumer', where: undefined, items: [], what: taken }
    return [...stages, ...(this.letters?.pendingWork ?? []), ...(busy > 0 ? [consumer] : [])]
  }

  async stop(mode: StopMode, timeoutMs: number | undefined): Promise<void> {
    try {
      await this.reader.inScope(() => stopGraph(this, mode, timeoutMs))
    } finally {
      if (this.endedAt > 0) await this.threadsGone()
    }
  }

  /** Cancels every stage. Items in the sink's queue can still be taken. */
  cancelAll(abort: boolean): void {
    // A pipeline that ended by itself does not count as stopped.
    if (this.endedAt === 0) this.isStopped = true
    this.#background.abort()
    this.sink.cancel(abort)
    for (const stage of this.stages) stage.cancel(abort)
    this.sink.exit.close()
  }

  /** Ends a stop: `done` settles even if items are left in the sink's queue. */
  finishStop(): void {
    const failure = this.#failed()
    this.#finish(failure === undefined ? undefined : { reason: failure })
  }

  /** Ends at once because the user's signal was aborted, or for another fatal reason. */
  abort(reason: unknown): void {
    if (!this.reader.isEnded && !this.isStopped) this.reader.inScope(() => this.#abort(reason))
  }

  #abort(reason: unknown): void {
    this.isStopped = true
    this.#background.abort()
    this.letters?.giveUp()
    for (const stage of this.stages) {
      stage.abort(reason)
      stage.cancel(true)
    }
    this.reader.abort(reason)
    this.#finish({ reason })
  }

  /**
   * User code that is being closed: generators and the iterables of merge ops and sources. `but`: a
   * stage to exclude, because its code waits for this end.
   */
  closings(but?: Stage): Promise<unknown>[] {
    return this.stages.flatMap((stage) => (stage === but ? [] : [...stage.closings]))
  }

  /**
   * Called when the consumer has taken everything. After a failure, it resolves with the failure
   * when the sources are closed.
   */
  #drained(): undefined | PromiseLike<unknown> {
    const closing = this.closings()
    if (
      this.#failures.length === 0 &&
      closing.length === 0 &&
      this.letters?.isSettled !== false &&
      this.#threads === undefined &&
      this.#releases.length === 0
    ) {
      this.#finish(undefined)
      return undefined
    }
    const error = this.#failed()
    const closed = settledWithin(closing, CLOSING_MS)
    return Promise.all([closed, this.threadsGone(), this.letters?.settled()]).then(() => {
      this.#finish(error === undefined ? undefined : { reason: error })
      return error
    })
  }

  /** The failure of the pipeline, if any: one error object for all receivers. */
  #failed(): PipelineFailure | undefined {
    if (this.#failures.length > 0)
      this.#failure ??= new PipelineFailure(inStageOrder(this.#failures))
    return this.#failure
  }

  #finish(error: { readonly reason: unknown } | undefined): void {
    const settle = this.#settle
    if (settle === undefined) return
    this.#settle = undefined
    this.endedAt = clockMs()
    this.#use?.stop()
    this.#background.abort()
    this.#leave()
    void this.#threads?.close()
    for (const released of this.#release())
      released.catch((error) => this.logger.error('spindle: an executor failed to end', error))
    for (const stage of this.stages) for (const exit of stage.exits) exit.stopClock()
    this.statsEvents.end()
    for (const listener of this.listeners) listener.ended()
    if (error === undefined) warnOfNothing(this.stages, !this.isStopped)
    if (error === undefined) settle.resolve()
    else settle.reject(error.reason)
    channels.pipelineEnd.publish({
      pipeline: this.pipelineId,
      error: error?.reason,
      stopped: this.isStopped,
    })
    this.rested()
  }

  // --- called by stages

  get threads(): Executor {
    const { threads } = this.options
    this.#threads ??= this.#workers.makeThreads(threads)
    if (this.endedAt > 0) void this.#threads.close()
    return this.#threads
  }

  get mostLetters(): number | undefined {
    return this.letters?.mostPending
  }

  hooksOf(stage: Stage): readonly TaskHook[] {
    return this.#hooks.get(stage) ?? noHooks
  }

  #chooseHooks(stage: Stage): readonly TaskHook[] {
    const { hooks } = this.options
    if (
      hooks === undefined ||
      stage === this.sink ||
      (this.sources as readonly Stage[]).includes(stage)
    )
      return noHooks
    const chosen = typeof hooks === 'function' ? hooks(stage.info) : hooks
    checkHooks(chosen)
    stage.checkHooks(chosen)
    return chosen
  }

  stageStarted(stage: Stage): void {
    if (channels.stageStart.hasSubscribers) channels.stageStart.publish({ stage: stage.info })
  }

  stageFailed(stage: Stage, failure: StageFailure): void {
    this.#failures.push(failure)
    channels.stageEnd.publish({ stage: stage.info, error: failure })
    this.logger.error(`spindle: ${failure.message}`, failure.cause)
  }

  stageEnded(stage: Stage): void {
    this.#unfinished--
    if (channels.stageEnd.hasSubscribers && stage.state !== CANCELLED) {
      channels.stageEnd.publish({ stage: stage.info, error: undefined })
    }
    this.rested()
  }

  itemFailed(stage: Stage, failure: ItemError, item: Item): Promise<void> | undefined {
    item.origin.ledger?.itemFailed?.(item, failure.error)
    this.hookCalls.call(() =>
      reportFailure(stage.info, failure, this.logger, this.options.onItemError),
    )
    return this.letters?.post(failure, item, this.resumeTracker)
  }

  /** See {@link GraphContext.droppedMany}. */
  droppedMany(): void {
    warnOfNothing(this.stages, false)
  }

  rested(): void {
    for (const listener of [...this.restListeners]) listener()
  }
}

const noHooks: readonly TaskHook[] = []

function inStageOrder(failures: readonly StageFailure[]): StageFailure[] {
  return [...failures].sort((a, b) => a.stageId - b.stageId)
}

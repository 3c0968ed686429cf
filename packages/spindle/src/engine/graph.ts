import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { type ItemError, PipelineFailure, type StageFailure } from '../errors.ts'
import type { Executor } from '../placement/executor.ts'
import { ThreadPool } from '../placement/thread-pool.ts'
import { clockMs } from '../timers.ts'
import { adopt, callListener, isThenable, peek } from '../user-code.ts'
import { currentScope } from './async-scope.ts'
import { channels } from './channels.ts'
import type { PipelineConfig } from './config.ts'
import { type ConsumerCode, noteConsumer } from './consumer-code.ts'
import type { GraphListener } from './graph-listener.ts'
import { checkHooks } from './hooks.ts'
import type { Host } from './host.ts'
import type { Item } from './item.ts'
import { LoopBlocks } from './loop-blocks.ts'
import { Outlet } from './outlet.ts'
import { Book } from './resume/book.ts'
import { Commits } from './resume/commits.ts'
import { resumption } from './resume/resumption.ts'
import type { SinkStage } from './sink-stage.ts'
import type { SourceStage } from './source-stage.ts'
import { Spares } from './spares.ts'
import { CANCELLED, type Stage } from './stage.ts'
import { StatsEvents } from './stats-events.ts'
import { settledWithin, stopGraph } from './stop.ts'
import type { BuildOptions, Logger, TaskHook } from './types.ts'
import { type RemoteStage, wire } from './wire.ts'

/** How a pipeline is stopped; see `Pipeline.stop()`. */
export type StopMode = 'drain' | 'discard' | 'abort'

/** How long the end waits for sources to be closed and for the pipeline's own threads to be gone, in milliseconds. */
const CLOSING_MS = 1000

const MOST_CONSUMERS = 8

let pipelineCount = 0

/**
 * A configuration at work: the stages, what they have in common, and how they begin and end together.
 *
 * IDLE --start()--> RUNNING --the consumer has had everything--> DONE
 *   '------------------'---------stop(), signal----------------> STOPPED
 */
export class Graph implements Host {
  readonly pipelineId: number = pipelineCount++
  readonly config: PipelineConfig
  readonly options: BuildOptions
  readonly seed: number
  readonly logger: Logger
  readonly spares: Spares = new Spares()
  readonly book: Book | undefined
  readonly listeners: Set<GraphListener> = new Set()
  /** What held the loop, as far as somebody watches it. */
  readonly blocks: LoopBlocks = new LoopBlocks()
  /** The last of those who took items. */
  readonly consumers: ConsumerCode[] = []
  readonly stages: readonly Stage[]
  readonly sources: readonly SourceStage[]
  readonly sink: SinkStage
  readonly outlet: Outlet
  readonly #remote: readonly RemoteStage[]
  readonly done: Promise<void>
  startedAt = 0
  endedAt = 0
  isStarted = false
  isStopped = false
  isDraining = false
  /** Whether the sources are not pulled, for nobody consumes. */
  isPaused = false
  /** Called whenever something has come to rest. */
  readonly restListeners: Set<() => void> = new Set()
  readonly #hooks: ReadonlyMap<Stage, readonly TaskHook[]>
  readonly #failures: StageFailure[] = []
  readonly #letters: Set<Promise<void>> = new Set()
  readonly #background: AbortController = new AbortController()
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined
  #unfinished: number
  #leave: () => void = () => {}
  #threads: ThreadPool | undefined
  readonly #statsEvents: StatsEvents
  #loopAtStart: EventLoopUtilization | undefined
  #loopAtEnd: number | undefined

  constructor(config: PipelineConfig, options: BuildOptions) {
    this.config = config
    this.options = options
    this.seed = options.seed ?? 0
    this.logger = options.logger === undefined ? silentLogger : quiet(options.logger)
    const resuming = options.resumable === undefined ? undefined : resumption(config, options)
    if (resuming !== undefined) {
      const failures = (): number => this.stages.reduce((sum, stage) => sum + stage.counters.failures, 0)
      this.book = new Book(resuming, options.state, failures, (error) => this.abort(error))
    }
    const wired = wire(config, options, this)
    this.stages = wired.stages
    this.sources = wired.sources
    this.sink = wired.sink
    this.#remote = wired.remote
    this.outlet = new Outlet(
      this.sink.exit,
      this.spares,
      this.book && new Commits(this.book, resuming?.isExplicit === true),
      () => this.#drained(),
      () => this.rested(),
    )
    this.outlet.epoch = this.book?.firstEpoch ?? 0
    this.#hooks = new Map(this.stages.map((stage) => [stage, this.#chooseHooks(stage)]))
    this.#unfinished = this.stages.length
    this.#statsEvents = new StatsEvents(this)
    this.done = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Whoever iterates hears of the failure there; `done` must not make an unhandled rejection of it.
    this.done.catch(() => {})
    const { signal } = options
    if (signal !== undefined) {
      const abort = (): void => this.abort(signal.reason)
      this.#leave = () => signal.removeEventListener('abort', abort)
      if (signal.aborted) this.abort(signal.reason)
      else signal.addEventListener('abort', abort, { once: true })
    }
  }

  /** Somebody begins to take items. */
  consumedBy(code: unknown): void {
    if (this.listeners.size === 0) return
    if (this.consumers.length === MOST_CONSUMERS) this.consumers.shift()
    this.consumers.push(noteConsumer(code))
  }

  /** Nobody consumes any more: the sources are not pulled until {@link unpause}. */
  pause(): void {
    this.isPaused = true
    for (const source of this.sources) source.pause()
  }

  unpause(): void {
    this.isPaused = false
    for (const source of this.sources) source.unpause()
  }

  /** Opens all stages, the sources last, so that they find everybody ready. From here on the caller's async context is the pipeline's. */
  start(): void {
    if (this.isStarted || this.isStopped) return
    this.isStarted = true
    this.outlet.scope = currentScope()
    this.startedAt = clockMs()
    this.#loopAtStart = performance.eventLoopUtilization()
    channels.pipelineStart.publish({ pipeline: this.pipelineId, config: this.config })
    this.#statsEvents.start()
    warmUp(this.#remote)
    for (const listener of this.listeners) listener.started()
    for (const task of this.options.backgroundTasks ?? []) void this.#runBeside(task)
    const isSource = (stage: Stage): boolean => (this.sources as readonly Stage[]).includes(stage)
    for (const stage of this.stages) if (!isSource(stage)) stage.open()
    const areFree = !this.stages.some((stage) => stage.keepsItems)
    this.spares.isUsed = areFree && this.book === undefined
    if (this.book !== undefined) this.book.hasSpares = areFree
    for (const source of this.sources) source.open()
  }

  /** Resolves when the pipeline's own threads are gone. Those that are at something get a second to end, and are terminated then. */
  threadsGone(): Promise<void> {
    return settledWithin(this.#threads === undefined ? [] : [this.#threads.close()], 2 * CLOSING_MS)
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

  /** Share of that time in which the event loop did not wait. */
  get loopUtilization(): number {
    if (this.#loopAtStart === undefined) return 0
    return this.#loopAtEnd ?? performance.eventLoopUtilization(this.#loopAtStart).utilization
  }

  /** Whether nothing is working or will be. */
  get isAtRest(): boolean {
    return this.#unfinished === 0
  }

  /** The stages that still have something running. */
  get busyStages(): readonly Stage[] {
    return this.stages.filter((stage) => stage.running > 0)
  }

  async stop(mode: StopMode, timeoutMs: number | undefined): Promise<void> {
    try {
      await this.outlet.inScope(() => stopGraph(this, mode, timeoutMs))
    } finally {
      if (this.endedAt > 0) await this.threadsGone()
    }
  }

  /** Cancels every stage; what is in the sink's queue can still be taken. */
  cancelAll(abort: boolean): void {
    // What has ended by itself stays so.
    if (this.endedAt === 0) this.isStopped = true
    this.#background.abort()
    this.sink.cancel(abort)
    for (const stage of this.stages) stage.cancel(abort)
    this.sink.exit.close()
  }

  /** The end of a stop: `done` settles, whatever is left in the sink's queue. */
  finishStop(): void {
    this.#finish(
      this.#failures.length === 0 ? undefined : { reason: new PipelineFailure(inStageOrder(this.#failures)) },
    )
  }

  /** Ends at once because the user's signal was aborted. */
  abort(reason: unknown): void {
    if (!this.outlet.isEnded && !this.isStopped) this.outlet.inScope(() => this.#abort(reason))
  }

  #abort(reason: unknown): void {
    this.isStopped = true
    this.#background.abort()
    for (const stage of this.stages) {
      stage.abort(reason)
      stage.cancel(true)
    }
    this.outlet.abort(reason)
    this.#finish({ reason })
  }

  /** The consumer has taken all there is. With a failure: resolves with it once the sources are closed. */
  #drained(): undefined | PromiseLike<unknown> {
    const closing = this.sources.flatMap((source) => source.closed ?? [])
    if (
      this.#failures.length === 0 &&
      closing.length === 0 &&
      this.#letters.size === 0 &&
      this.#threads === undefined
    ) {
      this.#finish(undefined)
      return undefined
    }
    const error = this.#failures.length === 0 ? undefined : new PipelineFailure(inStageOrder(this.#failures))
    const closed = settledWithin(closing, CLOSING_MS)
    return Promise.all([closed, this.threadsGone(), ...this.#letters]).then(() => {
      this.#finish(error === undefined ? undefined : { reason: error })
      return error
    })
  }

  #finish(error: { readonly reason: unknown } | undefined): void {
    const settle = this.#settle
    if (settle === undefined) return
    this.#settle = undefined
    this.endedAt = clockMs()
    this.#loopAtEnd = this.loopUtilization
    this.#background.abort()
    this.#leave()
    void this.#threads?.close()
    for (const stage of this.stages) for (const exit of stage.exits) exit.stopClock()
    this.#statsEvents.end()
    for (const listener of this.listeners) listener.ended()
    if (error === undefined) settle.resolve()
    else settle.reject(error.reason)
    channels.pipelineEnd.publish({ pipeline: this.pipelineId, error: error?.reason, stopped: this.isStopped })
    this.rested()
  }

  // --- what stages tell

  get threads(): Executor {
    const { threads } = this.options
    this.#threads ??= new ThreadPool(threads === undefined ? {} : { size: threads })
    if (this.endedAt > 0) void this.#threads.close()
    return this.#threads
  }

  hooksOf(stage: Stage): readonly TaskHook[] {
    return this.#hooks.get(stage) ?? noHooks
  }

  #chooseHooks(stage: Stage): readonly TaskHook[] {
    const { hooks } = this.options
    if (hooks === undefined || stage === this.sink || (this.sources as readonly Stage[]).includes(stage))
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

  itemFailed(stage: Stage, failure: ItemError, item: Item): void {
    if (channels.itemError.hasSubscribers) channels.itemError.publish({ stage: stage.info, failure })
    this.logger.warn(`spindle: stage "${failure.stage}": item ${failure.index} failed`, failure.error)
    const { onItemError, deadLetter } = this.options
    callListener(
      () => onItemError?.(failure),
      (error) => this.logger.error('spindle: `onItemError` failed', error),
    )
    if (deadLetter !== undefined) this.#post(deadLetter, failure, item)
  }

  #post(deadLetter: NonNullable<BuildOptions['deadLetter']>, failure: ItemError, item: Item): void {
    const failed = (error: unknown): void => this.logger.error('spindle: `deadLetter` failed', error)
    try {
      const posting: unknown = deadLetter(failure)
      if (!isThenable(posting)) return
      const letter: Promise<void> = adopt(posting).then(() => {}, failed)
      this.#letters.add(letter)
      // Before it is written, a crash would lose both the item and the word of it.
      this.book?.endsAfter(item, letter)
      void letter.then(() => this.#letters.delete(letter))
    } catch (error) {
      failed(error)
    }
  }

  rested(): void {
    for (const listener of [...this.restListeners]) listener()
  }
}

const noHooks: readonly TaskHook[] = []

const silentLogger: Logger = { warn: () => {}, error: () => {} }

/** The user's logger, called as its own. One that throws, or whose promise is rejected, has nobody to be told to. */
function quiet(logger: Logger): Logger {
  return {
    warn: (message, error) => callListener(() => logger.warn(message, error)),
    error: (message, error) => callListener(() => logger.error(message, error)),
  }
}

/** Has executors start workers now, so that the first items find them ready. */
function warmUp(remote: readonly RemoteStage[]): void {
  const calls = new Map<Executor, number>()
  for (const stage of remote) {
    const executor = stage.executor()
    calls.set(executor, (calls.get(executor) ?? 0) + stage.calls)
  }
  for (const [executor, count] of calls) executor.warmUp?.(count)
}

function inStageOrder(failures: readonly StageFailure[]): StageFailure[] {
  return [...failures].sort((a, b) => a.stageId - b.stageId)
}

import { makeController } from '../../abort-signals.ts'
import { type ItemError, isInfrastructureError, StageFailure } from '../../errors.ts'
import { adopt, isThenable } from '../../user-code.ts'
import { discard, type Item, lose } from '../flow/item.ts'
import type { Consumer, Producer, Queue } from '../flow/queue.ts'
import type { StageTracer } from '../hooks/tracer.ts'
import type { Range } from '../tuned.ts'
import type { StageInfo, TaskHook } from '../types.ts'
import type { GraphContext } from './graph-context.ts'
import { MeasuredStage } from './measured-stage.ts'
import { type PendingWork, pendingItems } from './pending-work.ts'

// The life of a stage:
//
//   OPENING --hooks done--> RUNNING --input drained, nothing running--> ENDED
//      |                       |--fail()------> FAILING --nothing running--> ENDED
//      '--cancel()-------------'--cancel()----> CANCELLED --nothing running--> (at rest)
//
// `fail` comes from the stage itself, `cancel` from whoever is downstream or from stop(). An ENDED
// stage has closed its exit; a CANCELLED one has not, for nobody reads it.
export const OPENING = 0
export const RUNNING = 1
export const FAILING = 2
export const CANCELLED = 3
export const ENDED = 4

const MOST_RECENT = 16

/** What all stages between source and sink have in common: state, signal, failure, hooks. */
export abstract class Stage extends MeasuredStage implements Consumer, Producer {
  readonly info: StageInfo
  readonly host: GraphContext
  readonly recent: ItemError[] = []
  state: number = OPENING
  /** Set while the pipeline is traced. */
  tracer: StageTracer | undefined = undefined
  /** Called when the stage's calls are to stop; besides the signal. */
  readonly onAbort: Set<(reason: unknown) => void> = new Set()
  /** Iterators of the user's that are being closed, while their clean-ups last. */
  readonly closings: Set<Promise<unknown>> = new Set()
  /** The items whose signal was asked for, while their tasks last. */
  protected signalled: Map<Item, AbortController> | undefined = undefined
  #controller: AbortController | undefined
  #abortReason: unknown
  #isAborted = false
  #hooks: readonly TaskHook[] = []
  /** The hook that is waited for. */
  #pendingHook: 'onStageStart' | 'onStageEnd' | undefined
  #failure: StageFailure | undefined

  constructor(info: StageInfo, host: GraphContext) {
    super(info.concurrency)
    this.info = info
    this.host = host
  }

  /** Another number of calls may be in flight from now on. */
  protected resized(concurrency: number): void {
    this.countSlots(concurrency, this.host.elapsedMs)
  }

  /** Whether {@link offer} would take an item now. */
  abstract canStart(): boolean
  abstract offer(item: Item): boolean
  abstract inputEnded(): void
  abstract roomMade(): void
  /** Takes up what is queued. */
  abstract pump(): void
  /** The queues the stage takes from. */
  abstract get inputs(): readonly Queue[]

  /** See {@link Consumer.callsOps}. */
  get callsOps(): boolean {
    return false
  }

  /** Ids of the stages it takes items from, where its queues do not say. */
  get upstream(): readonly number[] | undefined {
    return undefined
  }

  /**
   * Between which numbers {@link resize} may set the concurrency; `undefined`: it may not, nor
   * {@link resizeBuffer}.
   */
  get range(): Range | undefined {
    return undefined
  }

  /**
   * Sets how many calls may be in flight from now on, or how many places the exit queue has:
   * integers >= 1.
   */
  resize(_concurrency: number): void {}
  resizeBuffer(_places: number): void {}

  /** Whether an item, or its lineage, may be looked at here after it was given on. */
  get keepsItems(): boolean {
    return true
  }

  /** Code of the user's that was called here and has not ended; `undefined` if there is none. */
  get pendingWork(): PendingWork | readonly PendingWork[] | undefined {
    const hook = this.#pendingHook
    if (hook === undefined) return this.pendingCalls
    const { name: stage, where } = this.info
    return { stage, where, items: [], what: `has not finished its hook ${hook}` }
  }

  /** Likewise, besides hooks. */
  protected get pendingCalls(): PendingWork | undefined {
    const items = this.pendingItems
    return items.length === 0 ? undefined : pendingItems(this.info, 'has not finished', items)
  }

  /** The items that the user's code has been called for and has not finished. */
  protected get pendingItems(): readonly Item[] {
    return []
  }

  /** Whether nothing happens here until something is put in or taken out. */
  get isResting(): boolean {
    return this.busy === 0
  }

  /** Calls in flight that will go on by themselves. */
  protected get busy(): number {
    return this.running
  }

  /**
   * What of the user's is called here, besides hooks: a function, or an object whose methods are.
   */
  get code(): unknown {
    return undefined
  }

  /** Whether its calls run in workers: on the loop there is only what they get and give. */
  get runsElsewhere(): boolean {
    return false
  }

  get hooks(): readonly TaskHook[] {
    return this.#hooks
  }

  /**
   * Aborted when nothing more of the stage is wanted: for sources and merges. Made when first asked
   * for.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = makeController()
      if (this.#isAborted) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  /** Whether the stage has been told to give no more. */
  get isStopped(): boolean {
    return this.state > FAILING || this.#isAborted
  }

  /**
   * The signal of one item's calls. Each item has its own, made when first asked for: listeners
   * that an op adds and does not remove go with the item, not with the stage.
   */
  signalOf(item: Item): AbortSignal {
    this.signalled ??= new Map()
    let controller = this.signalled.get(item)
    if (controller === undefined) {
      controller = makeController()
      if (this.#isAborted) controller.abort(this.#abortReason)
      else this.signalled.set(item, controller)
    }
    return controller.signal
  }

  /** Something of the user's is being closed: whoever stops the pipeline waits for that. */
  closing(result: unknown, onError: (error: unknown) => void = () => {}): void {
    if (!isThenable(result)) return
    const closed: Promise<void> = adopt(result).then(
      () => void this.closings.delete(closed),
      (error) => {
        this.closings.delete(closed)
        onError(error)
      },
    )
    this.closings.add(closed)
  }

  /** Calls the hooks, then begins to take items. */
  open(): void {
    for (const queue of this.exits) queue.open()
    this.#hooks = this.host.hooksOf(this)
    this.prepare()
    const starting = this.#hooks.filter((hook) => hook.onStageStart !== undefined)
    if (starting.length === 0) this.#begin()
    else void this.#beginAfter(starting)
  }

  /**
   * Looks anew at what it depends on whether items may take a short way: called when the stage's
   * state or the host's has changed.
   */
  adapt(): void {}

  /** Whether the hooks chosen for the stage are such as it can have. @throws `ERR_BAD_OPTION` */
  checkHooks(_hooks: readonly TaskHook[]): void {}

  /** Has tasks written down from now on, or no more. */
  trace(tracer: StageTracer | undefined): void {
    this.tracer = tracer
    this.adapt()
  }

  /** What a stage does once its hooks are known, before it runs. */
  protected prepare(): void {}

  async #beginAfter(hooks: readonly TaskHook[]): Promise<void> {
    this.#pendingHook = 'onStageStart'
    try {
      for (const hook of hooks) await this.hooked(() => hook.onStageStart?.(this.info))
    } catch (error) {
      this.#pendingHook = undefined
      if (this.state === OPENING) this.fail(error, -1)
      return
    }
    this.#pendingHook = undefined
    this.#begin()
  }

  #begin(): void {
    if (this.state !== OPENING) return
    this.state = RUNNING
    this.adapt()
    this.host.stageStarted(this)
    this.pump()
  }

  /**
   * Ends the stage because of `cause`: upstream stops at once, calls in flight may still give
   * results.
   */
  fail(cause: unknown, index: number, budget?: string): void {
    if (this.state > RUNNING) return
    this.state = FAILING
    this.adapt()
    this.#failure = this.#describe(cause, index, budget)
    this.host.stageFailed(this, this.#failure)
    this.#windUp(cause)
  }

  /** Ends as {@link fail} does, for a reason that another stage tells of. */
  protected failWith(cause: unknown): void {
    if (this.state > RUNNING) return
    this.state = FAILING
    this.adapt()
    this.#windUp(cause)
  }

  #windUp(cause: unknown): void {
    this.#refuseInput(true)
    this.failed(cause)
    if (this.running === 0) this.finish(cause)
  }

  #describe(cause: unknown, index: number, budget: string | undefined): StageFailure {
    const { name, id, where } = this.info
    const failures = this.failuresCounted
    return new StageFailure({
      stage: name,
      stageId: id,
      index,
      failures,
      recent: [...this.recent],
      cause,
      where,
      budget,
    })
  }

  /** Failed items, as the budget counts them. */
  protected get failuresCounted(): number {
    return this.counters.failures
  }

  /** What a kind of stage has to do, besides, when it fails. */
  protected failed(_cause: unknown): void {}

  cancel(abort: boolean): void {
    if (abort)
      this.abort(new DOMException('The pipeline wants no more results of this stage', 'AbortError'))
    if (this.state >= CANCELLED) return
    const was = this.state
    this.state = CANCELLED
    this.adapt()
    this.cancelled()
    this.#refuseInput(abort)
    // A stage that failed before is already counted as ending, but not as ended.
    if (this.running === 0 || was === OPENING) this.rest()
  }

  /** What a kind of stage has to do, besides, when it is cancelled. */
  protected cancelled(): void {}

  /** Aborts the signal of the stage's calls. */
  abort(reason: unknown): void {
    if (this.#isAborted) return
    this.#isAborted = true
    this.#abortReason = reason
    this.#controller?.abort(reason)
    for (const controller of this.signalled?.values() ?? []) controller.abort(reason)
    this.signalled?.clear()
    for (const listener of [...this.onAbort]) listener(reason)
  }

  #refuseInput(abort: boolean): void {
    for (const queue of this.inputs) {
      queue.discard(discard)
      queue.producer.cancel(abort)
    }
  }

  /** All is given: calls the hooks, then closes the exits. */
  protected finish(cause?: unknown): void {
    if (this.state === ENDED) return
    this.state = ENDED
    // Calls in flight may have failed, too.
    this.#failure?.update(this.failuresCounted, this.recent)
    const ending = this.#hooks.filter((hook) => hook.onStageEnd !== undefined)
    if (ending.length === 0) this.#close()
    else void this.#closeAfter(ending, cause)
  }

  async #closeAfter(hooks: readonly TaskHook[], cause: unknown): Promise<void> {
    const failure = this.#failure
    // `undefined` would say that all went well: where that was thrown, hooks hear the failure
    // itself.
    const error =
      failure === undefined ? cause : failure.cause === undefined ? failure : failure.cause
    this.#pendingHook = 'onStageEnd'
    for (const hook of hooks) {
      try {
        await this.hooked(() => hook.onStageEnd?.(this.info, error))
      } catch (thrown) {
        this.host.stageFailed(this, this.#describe(thrown, -1, undefined))
      }
    }
    this.#pendingHook = undefined
    this.#close()
  }

  #close(): void {
    this.host.stageEnded(this)
    for (const queue of this.exits) queue.close()
  }

  /** A cancelled stage has nothing running any more. */
  protected rest(): void {
    const ending = this.#hooks.filter((hook) => hook.onStageEnd !== undefined)
    if (ending.length === 0) this.host.stageEnded(this)
    else void this.#closeAfter(ending, undefined)
  }

  /**
   * Whether an error says that what the ops run on is broken: no item is to blame, and no budget
   * covers it.
   */
  protected brokeDown(item: Item, error: unknown): boolean {
    if (!isInfrastructureError(error)) return false
    lose(item)
    this.fail(error, -1)
    return true
  }

  /**
   * Counts and tells of an item that failed. `hold`: called if the task must keep its slot for a
   * while, with what says how long.
   */
  protected noteFailure(
    item: Item,
    input: unknown,
    error: unknown,
    attempts: number,
    hold: (until: Promise<void>) => void,
  ): ItemError {
    this.counters.failures++
    const failure: ItemError = {
      stage: this.info.name,
      index: item.index,
      attempts,
      error,
      item: input,
    }
    this.recent.push(failure)
    if (this.recent.length > MOST_RECENT) this.recent.shift()
    const until = this.host.itemFailed(this, failure, item)
    if (until !== undefined) hold(until)
    return failure
  }
}

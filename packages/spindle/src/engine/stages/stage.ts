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
// The stage itself calls `fail`; a later stage or stop() calls `cancel`. An ENDED stage has closed
// its exit. A CANCELLED one has not, because nothing reads it.
export const OPENING = 0
export const RUNNING = 1
export const FAILING = 2
export const CANCELLED = 3
export const ENDED = 4

const MOST_RECENT = 16

/** The common parts of all stages: state, signal, failure, hooks. */
export abstract class Stage extends MeasuredStage implements Consumer, Producer {
  readonly info: StageInfo
  readonly graph: GraphContext
  readonly recent: ItemError[] = []
  state: number = OPENING
  /** Set while the pipeline is traced. */
  tracer: StageTracer | undefined = undefined
  /** Called when the stage's calls must stop, besides the signal. */
  readonly onAbort: Set<(reason: unknown) => void> = new Set()
  /** User iterators that are being closed, until their clean-ups end. */
  readonly closings: Set<Promise<unknown>> = new Set()
  /** The items whose signal was requested, until their tasks end. */
  protected signalled: Map<Item, AbortController> | undefined = undefined
  #controller: AbortController | undefined
  #abortReason: unknown
  #isAborted = false
  #hooks: readonly TaskHook[] = []
  /** The hook that the stage waits for. */
  #pendingHook: 'onStageStart' | 'onStageEnd' | undefined
  #failure: StageFailure | undefined

  constructor(info: StageInfo, graph: GraphContext) {
    super(info.concurrency)
    this.info = info
    this.graph = graph
  }

  /** How many of `concurrency` are beyond what {@link resize} has set. See {@link bridge}. */
  bridging = 0

  /** Sets the maximum number of calls in flight. */
  protected resized(concurrency: number): void {
    this.countSlots(concurrency, this.graph.elapsedMs)
  }

  /** Whether {@link offer} would take an item now. */
  abstract canStart(): boolean
  abstract offer(item: Item): boolean
  abstract inputEnded(): void
  abstract roomMade(): void
  /** Processes what is queued. */
  abstract pump(): void
  /** The input queues of the stage. */
  abstract get inputs(): readonly Queue[]

  /** See {@link Consumer.callsOps}. */
  get callsOps(): boolean {
    return false
  }

  /** Ids of the stages that feed it, if its queues do not show them. */
  get upstream(): readonly number[] | undefined {
    return undefined
  }

  /**
   * Limits for the concurrency in {@link resize}. `undefined`: the stage supports neither
   * {@link resize} nor {@link resizeBuffer}.
   */
  get range(): Range | undefined {
    return undefined
  }

  /**
   * Sets the maximum number of calls in flight, or the capacity of the exit queue: integers >= 1.
   */
  resize(_concurrency: number): void {}
  /** Sets the number of calls that only wait elsewhere, in addition. */
  bridge(_calls: number): void {}
  resizeBuffer(_places: number): void {}

  /** Whether the stage may use an item or its lineage after passing it on. */
  get keepsItems(): boolean {
    return true
  }

  /** User code that was called here and has not ended. `undefined` if there is none. */
  get pendingWork(): PendingWork | readonly PendingWork[] | undefined {
    const hook = this.#pendingHook
    if (hook === undefined) return this.pendingCalls
    const { name: stage, where } = this.info
    return { stage, where, items: [], what: `has not finished its hook ${hook}` }
  }

  /** The same without hooks. */
  protected get pendingCalls(): PendingWork | undefined {
    const items = this.pendingItems
    return items.length === 0 ? undefined : pendingItems(this.info, 'has not finished', items)
  }

  /** The items for which user code has been called and has not ended. */
  protected get pendingItems(): readonly Item[] {
    return []
  }

  /** Whether nothing happens here until an item is put in or taken out. */
  get isResting(): boolean {
    return this.busy === 0
  }

  /** Calls in flight that continue without further input or room. */
  protected get busy(): number {
    return this.running
  }

  /** The user code that is called here, besides hooks: a function, or an object with methods. */
  get code(): unknown {
    return undefined
  }

  /** Whether its calls run in workers. The event loop then only passes items to them and back. */
  get runsElsewhere(): boolean {
    return false
  }

  get hooks(): readonly TaskHook[] {
    return this.#hooks
  }

  /**
   * Aborted when the stage needs no more items. Used by sources and merges. Created on first use.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = makeController()
      if (this.#isAborted) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  /** Whether the stage was told to put out no more. */
  get isStopped(): boolean {
    return this.state > FAILING || this.#isAborted
  }

  /**
   * The signal of one item's calls, created on first use. Each item has its own signal, so that
   * listeners that an op does not remove are freed with the item and not with the stage.
   */
  signalOf(item: Item): AbortSignal {
    this.signalled ??= new Map()
    let controller = this.signalled.get(item)
    if (controller === undefined) {
      controller = makeController()
      const made = controller
      if (this.#isAborted) made.abort(this.#abortReason)
      else {
        this.signalled.set(item, made)
        item.origin.ledger?.onAbandoned?.(item, (reason) => made.abort(reason))
      }
    }
    return controller.signal
  }

  /** Registers user code that is being closed. A stop of the pipeline waits for it. */
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
    this.#hooks = this.graph.hooksOf(this)
    this.prepare()
    const starting = this.#hooks.filter((hook) => hook.onStageStart !== undefined)
    if (starting.length === 0) this.#begin()
    else void this.#beginAfter(starting)
  }

  /**
   * Updates the flags of the short ways. Called when the state of the stage or of its graph has
   * changed.
   */
  adapt(): void {}

  /** Checks that the stage supports the hooks chosen for it. @throws `ERR_BAD_OPTION` */
  checkHooks(_hooks: readonly TaskHook[]): void {}

  /** Turns the tracing of tasks on, or off with `undefined`. */
  trace(tracer: StageTracer | undefined): void {
    this.tracer = tracer
    this.adapt()
  }

  /** Called when the hooks are known, before the stage runs. */
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
    this.graph.stageStarted(this)
    this.pump()
  }

  /**
   * Ends the stage because of `cause`. Upstream stages stop at once; results of calls in flight may
   * still be delivered.
   */
  fail(cause: unknown, index: number, budget?: string): void {
    if (this.state > RUNNING) return
    this.state = FAILING
    this.adapt()
    this.#failure = this.#describe(cause, index, budget)
    this.graph.stageFailed(this, this.#failure)
    this.#windUp(cause)
  }

  /** Ends like {@link fail}, for a reason that another stage reports. */
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

  /** Additional work of a kind of stage when it fails. */
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
    // A stage that failed before already counts as ending, but not as ended.
    if (this.running === 0 || was === OPENING) this.rest()
  }

  /** Additional work of a kind of stage when it is cancelled. */
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

  /** Everything is put out: calls the hooks, then closes the exits. */
  protected finish(cause?: unknown): void {
    if (this.state === ENDED) return
    this.state = ENDED
    // Calls in flight may have failed too.
    this.#failure?.update(this.failuresCounted, this.recent)
    const ending = this.#hooks.filter((hook) => hook.onStageEnd !== undefined)
    if (ending.length === 0) this.#close()
    else void this.#closeAfter(ending, cause)
  }

  async #closeAfter(hooks: readonly TaskHook[], cause: unknown): Promise<void> {
    const failure = this.#failure
    // For hooks, `undefined` means success. If `undefined` was thrown, they get the failure itself.
    const error =
      failure === undefined ? cause : failure.cause === undefined ? failure : failure.cause
    this.#pendingHook = 'onStageEnd'
    for (const hook of hooks) {
      try {
        await this.hooked(() => hook.onStageEnd?.(this.info, error))
      } catch (thrown) {
        this.graph.stageFailed(this, this.#describe(thrown, -1, undefined))
      }
    }
    this.#pendingHook = undefined
    this.#close()
  }

  #close(): void {
    this.graph.stageEnded(this)
    for (const queue of this.exits) queue.close()
  }

  /** A cancelled stage has nothing running any more. */
  protected rest(): void {
    const ending = this.#hooks.filter((hook) => hook.onStageEnd !== undefined)
    if (ending.length === 0) this.graph.stageEnded(this)
    else void this.#closeAfter(ending, undefined)
  }

  /**
   * Handles an error which says that an executor is broken: no item is to blame, and no budget
   * covers it. Returns whether it is such an error.
   */
  protected brokeDown(item: Item, error: unknown): boolean {
    if (!isInfrastructureError(error)) return false
    lose(item)
    this.fail(error, -1)
    return true
  }

  /**
   * Counts and reports a failed item. `hold` is called with a promise if the task must keep its
   * slot until that resolves.
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
    const until = this.graph.itemFailed(this, failure, item)
    if (until !== undefined) hold(until)
    return failure
  }
}

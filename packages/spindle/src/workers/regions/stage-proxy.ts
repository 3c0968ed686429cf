import type { Item } from '../../engine/flow/item.ts'
import { Queue, type QueueTimes } from '../../engine/flow/queue.ts'
import { Budget } from '../../engine/stages/budget.ts'
import type { GraphContext } from '../../engine/stages/graph-context.ts'
import type { MeasuredStage } from '../../engine/stages/measured-stage.ts'
import { CANCELLED, ENDED, OPENING, RUNNING, Stage } from '../../engine/stages/stage.ts'
import { poolNumber, type StageWorkers } from '../../engine/stats/stage-workers.ts'
import type { Range } from '../../engine/tuned.ts'
import type { FailureBudget, StageInfo, TaskHook } from '../../engine/types.ts'
import { type ItemError, SpindleError } from '../../errors.ts'
import {
  BACKOFF_MS,
  BLOCKED_MS,
  BUSY_MS,
  BYTES,
  DISCARDED,
  EMITTED,
  EMPTY_MS,
  FULL_MS,
  HELD_MS,
  IN_FLIGHT,
  LONGEST_MS,
  MOST_BYTES,
  MOST_ITEMS,
  QUEUED_MS,
  QUEUED_TASKS,
  RETRIES,
  SILENT,
  SIZE,
  SKIPPED,
  TASKS,
  TIMED,
  TIMED_MS,
  TIMEOUTS,
  WAITED_MS,
} from './region-protocol.ts'

/** The region of {@link StageProxy}s. */
export interface ProxyOwner {
  /** All hooks before a stage's first item have ended. */
  innerBegan(): void
  /** A stage has failed; the workers must end it. */
  innerFailed(stage: StageProxy, cause: unknown): void
  /** The maximum number of calls in flight of a stage in each worker has changed. */
  innerResized(stage: StageProxy, concurrency: number): void
}

export interface ProxySettings {
  readonly maxFailures: FailureBudget
  readonly timeoutMs: number | undefined
  /** Number of workers that it runs in at first. */
  readonly workers: number
  /** Range of the number of calls in each worker. */
  readonly range: Range | undefined
  /** Ids of the stages that it takes items from. */
  readonly upstream: readonly number[]
  readonly kind: 'thread' | 'process'
  /** Whether it calls an op for each item, joins paths, or does something else. */
  readonly role: 'op' | 'merge' | 'other'
}

/**
 * Represents on the main side a stage that runs in the workers of a region. It adds up their
 * counts, counts its failures against its budget, calls its hooks and reports its failure. No items
 * pass through it.
 */
export class StageProxy extends Stage {
  readonly budget: Budget
  readonly #settings: ProxySettings
  readonly #exit: MergedQueue
  #copies: number
  #owner: ProxyOwner | undefined
  #cause: unknown
  #isOver = false
  #blockedMs = 0
  #heldMs = 0
  #pool = -1

  constructor(info: StageInfo, graph: GraphContext, settings: ProxySettings) {
    super(info, graph)
    this.#settings = settings
    this.#copies = settings.workers
    this.budget = new Budget(settings.maxFailures)
    this.#exit = new MergedQueue(settings.workers)
  }

  /** Time limit of each attempt at its op. */
  get timeoutMs(): number | undefined {
    return this.#settings.timeoutMs
  }

  override get range(): Range | undefined {
    return this.#settings.range
  }

  /** Number of workers that it runs in. */
  get copies(): number {
    return this.#copies
  }

  /** Sets the number of workers. The number of calls in each of them stays. */
  set copies(workers: number) {
    const each = Math.max(1, Math.round(this.concurrency / this.#copies))
    this.#copies = workers
    this.#exit.workers = workers
    this.resized(each * workers)
  }

  /**
   * Sets the maximum number of calls in flight in all workers together. It is divided equally, with
   * at least one per worker.
   */
  override resize(concurrency: number): void {
    const each = Math.max(1, Math.floor(concurrency / this.#copies))
    this.resized(each * this.#copies)
    this.#owner?.innerResized(this, each)
  }

  belongTo(owner: ProxyOwner): void {
    this.#owner = owner
    this.#pool = poolNumber(owner)
  }

  get inputs(): readonly Queue[] {
    return []
  }

  get exits(): readonly Queue[] {
    return [this.#exit]
  }

  /** Only the region knows. */
  override get isResting(): boolean {
    return true
  }

  /**
   * Hooks of tasks run before and after each call and may change its result, which is not possible
   * from the main side.
   */
  override checkHooks(hooks: readonly TaskHook[]): void {
    if (!hooks.some((hook) => hook.onTaskStart !== undefined || hook.onTaskEnd !== undefined))
      return
    const { name, where } = this.info
    const place = where === undefined ? '' : ` (${where})`
    throw new SpindleError(
      'ERR_BAD_OPTION',
      `\`hooks\`: stage "${name}"${place} runs in the workers of a region, where onTaskStart and onTaskEnd cannot be called: make \`hooks\` a function of the stage that omits them for this one`,
    )
  }

  canStart(): boolean {
    return false
  }

  offer(): boolean {
    return false
  }

  inputEnded(): void {}

  roomMade(): void {}

  pump(): void {
    this.#owner?.innerBegan()
  }

  override get callsOps(): boolean {
    return this.#settings.role !== 'merge'
  }

  get isMerge(): boolean {
    return this.#settings.role === 'merge'
  }

  override get lastCalls(): readonly MeasuredStage[] {
    return this.#settings.role === 'op' ? [this] : []
  }

  override get upstream(): readonly number[] {
    return this.#settings.upstream
  }

  override get workers(): StageWorkers {
    const { kind } = this.#settings
    return { pool: this.#pool, kind, count: this.#copies, isRegion: true }
  }

  override get heldMs(): number {
    return this.#heldMs
  }

  override get blockedMs(): number {
    return this.#blockedMs
  }

  /** Adds what one worker has counted since its last report. */
  add(counts: readonly number[], at: number): void {
    const of = (field: number): number => counts[at + field] as number
    const { counters } = this
    this.tasks += of(TASKS)
    if (this.state === RUNNING) this.running += of(IN_FLIGHT)
    this.#exit.add(counts, at)
    counters.skipped += of(SKIPPED)
    counters.retries += of(RETRIES)
    counters.timeouts += of(TIMEOUTS)
    counters.timed += of(TIMED)
    counters.timedMs += of(TIMED_MS)
    counters.longestMs = Math.max(counters.longestMs, of(LONGEST_MS))
    counters.busyMs += of(BUSY_MS)
    counters.queuedTasks += of(QUEUED_TASKS)
    counters.queuedMs += of(QUEUED_MS)
    counters.waitedMs += of(WAITED_MS)
    counters.backoffMs += of(BACKOFF_MS)
    counters.endedSilently(of(SILENT))
    this.#blockedMs += of(BLOCKED_MS)
    // Not in the counters, because it is the worker's event loop, not this one.
    this.#heldMs += of(HELD_MS)
    if (!this.budget.isRate) return
    this.budget.calls += of(TASKS) - of(IN_FLIGHT)
    this.#checkBudget(this.recent.at(-1))
  }

  /** Reports an item that failed in a worker. */
  note(
    item: Item,
    input: unknown,
    error: unknown,
    attempts: number,
    hold: (until: Promise<void>) => void,
  ): ItemError {
    return this.noteFailure(item, input, error, attempts, hold)
  }

  /** Counts a failure in any worker against the stage's budget. */
  countFailure(failure: ItemError): void {
    this.budget.failures++
    this.#checkBudget(failure)
  }

  #checkBudget(failure: ItemError | undefined): void {
    if (!this.budget.isExceeded || this.state !== RUNNING) return
    this.fail(failure?.error, failure?.index ?? -1, this.budget.describe())
  }

  protected override get failuresCounted(): number {
    return this.budget.failures
  }

  protected override failed(cause: unknown): void {
    this.#owner?.innerFailed(this, cause)
  }

  override cancel(abort: boolean): void {
    this.running = 0
    super.cancel(abort)
  }

  protected override finish(cause?: unknown): void {
    if (this.#isOver) super.finish(cause)
    else this.#cause = cause
  }

  /** Ends the stage after its region has ended. */
  end(): void {
    if (this.state === CANCELLED || this.state === ENDED) return
    // The start hooks are still running, so no other hooks are called.
    if (this.state === OPENING) {
      this.cancel(false)
      return
    }
    this.#isOver = true
    this.running = 0
    this.finish(this.#cause)
  }
}

/**
 * See {@link MeasuredStage.lastCalls}: of the last of a region's stages; if that joins paths, of
 * the last stage of each path.
 */
export function lastCallsOfProxy(inner: readonly StageProxy[]): readonly MeasuredStage[] {
  const byId = new Map(inner.map((stage) => [stage.info.id, stage]))
  const callsOf = (stage: StageProxy | undefined): readonly MeasuredStage[] => {
    if (stage === undefined) return []
    return stage.isMerge ? stage.upstream.flatMap((id) => callsOf(byId.get(id))) : stage.lastCalls
  }
  return callsOf(inner.at(-1))
}

/**
 * The statistics of the exit queues of one stage in several workers: times are means. Holds no
 * items.
 */
class MergedQueue extends Queue {
  workers: number
  #emptyMs = 0
  #fullMs = 0

  constructor(workers: number) {
    super(1, undefined)
    this.workers = workers
  }

  add(counts: readonly number[], at: number): void {
    const of = (field: number): number => counts[at + field] as number
    this.passed += of(EMITTED)
    this.length += of(SIZE)
    this.mostItems = Math.max(this.mostItems, of(MOST_ITEMS))
    this.bytes += of(BYTES)
    this.mostBytes = Math.max(this.mostBytes, of(MOST_BYTES))
    this.discarded += of(DISCARDED)
    this.#emptyMs += of(EMPTY_MS) / this.workers
    this.#fullMs += of(FULL_MS) / this.workers
  }

  override times(): QueueTimes {
    return { emptyMs: this.#emptyMs, fullMs: this.#fullMs, overMs: 0, bytesFullMs: 0 }
  }
}

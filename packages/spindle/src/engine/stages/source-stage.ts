import { show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { adopt, closeQuietly, isGenerator, isThenable } from '../../user-code.ts'
import type { SourceConfig } from '../config.ts'
import { coarseNow, exactNow } from '../flow/clock.ts'
import { callWords, enter, LEFT, leave } from '../flow/current-call.ts'
import { boundaryAfter, type SourceEpoch } from '../flow/item.ts'
import { openSource, ownSteps, type Steps, usedUpBy } from '../flow/open-source.ts'
import { Queue } from '../flow/queue.ts'
import { type Resumable, resumeNextTurn, shouldYield } from '../flow/time-slice.ts'
import { followerOf, type ItemFollower } from '../progress/followed-source.ts'
import { SourceTracker } from '../progress/source-tracker.ts'
import { isSeekable } from '../seekable.ts'
import {
  nothingPending,
  type PendingTimes,
  pendingTimes,
  TaskTimer,
  type Timing,
} from '../stats/task-timer.ts'
import type { StageInfo } from '../types.ts'
import type { GraphContext } from './graph-context.ts'
import { type PendingWork, pendingPositions } from './pending-work.ts'
import { RUNNING, Stage } from './stage.ts'

const WHOLE = { rank: 0, worldSize: 1 }

// As in `pipe-stage.ts`.
const words = callWords
const AT = LEFT

/**
 * Pulls items from the user's source into its own queue, one at a time, as long as there is room.
 * So the source runs ahead of the first stage. Synchronous steps are taken in a loop; promises are
 * awaited. The stage closes the iterator exactly once, unless the iterator ended or threw by
 * itself.
 */
export class SourceStage extends Stage implements Resumable {
  readonly exit: Queue
  private readonly config: SourceConfig
  private steps: Steps | undefined
  private previous: Steps | undefined
  /** The lineage of the items it gives. */
  private origin: SourceEpoch
  private index: number
  /** Distance between two positions: the number of ranks that share the source. */
  private readonly step: number
  /** In the pulling loop, or waiting for a step or the next turn of the event loop. */
  private isBusy = false
  private isPending = false
  /** In a call of `next()`, during which a generator cannot be closed. */
  private isInNext = false
  private isPaused = false
  /** Whether the rest of the epoch is skipped. */
  private isSkipping = false
  private readonly timer: TaskTimer = new TaskTimer()
  /** When the pending step was requested, by the coarse clock. */
  private askedAt = 0
  private timing: Timing | undefined = undefined
  /**
   * Whether no step has been taken. The first step never yields: a stream without a listener in the
   * turn in which it was made may fail unnoticed.
   */
  private isFirst = true
  private readonly ok = (step: IteratorResult<unknown>): void => this.resolved(step)
  private readonly okValue = (value: unknown): void => this.resolved({ done: false, value })
  private readonly refused = (error: unknown): void => this.rejected(error)
  /**
   * An item that was a promise has rejected. The iterator itself has not ended by that, so close
   * it.
   */
  private readonly refusedValue = (error: unknown): void => {
    if (this.steps !== undefined) closeQuietly(this.steps)
    this.rejected(error)
  }

  /** Tracks the items, if the run can be resumed. */
  private readonly tracker: SourceTracker | undefined
  /** Follows the items, if the source needs to know what becomes of them. */
  private readonly follower: ItemFollower | undefined

  constructor(info: StageInfo, graph: GraphContext, config: SourceConfig, ordinal: number) {
    super(info, graph)
    this.config = config
    const { rank, worldSize } = (isSeekable(config.source) && config.source.shard) || WHOLE
    this.index = rank
    this.step = worldSize
    this.tracker =
      graph.resumeTracker === undefined
        ? undefined
        : new SourceTracker(graph.resumeTracker, config, ordinal, () => this.pump())
    this.follower = this.tracker === undefined ? followerOf(config.source) : undefined
    this.origin = this.tracker?.begin() ?? {
      source: ordinal,
      epoch: 0,
      ...(this.follower && { ledger: this.follower.ledger }),
    }
    this.exit = new Queue(config.buffer, undefined)
    this.exit.producer = this
  }

  /** Whether the source follows its items. */
  get isFollowing(): boolean {
    return this.follower !== undefined
  }

  /** The source has no slots above its queue. It waits when the queue is full. */
  override get blockedMs(): number {
    return this.exit.times().fullMs
  }

  override get keepsItems(): boolean {
    return false
  }

  override get code(): unknown {
    return this.config.source
  }

  protected override get pendingCalls(): PendingWork | undefined {
    return this.isPending
      ? pendingPositions(this.info, 'has not given', [String(this.index)])
      : undefined
  }

  get inputs(): readonly Queue[] {
    return []
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  canStart(): boolean {
    return false
  }

  offer(): boolean {
    return false
  }

  inputEnded(): void {}

  /** Skips the rest of an epoch: closes the iterator and puts the boundary out at once. */
  skipEpoch(epoch: number): void {
    if (this.state !== RUNNING || this.origin.epoch !== epoch || this.isSkipping) return
    this.isSkipping = true
    if (this.isPending) this.closeSteps()
    else this.pump()
  }

  roomMade(): void {
    if (this.exit.capacity - this.exit.length >= this.exit.refillAt) this.pump()
  }

  /** Stops pulling until {@link unpause}. */
  pause(): void {
    this.isPaused = true
  }

  unpause(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.pump()
  }

  pump(): void {
    if (this.isBusy || this.state !== RUNNING) return
    this.isBusy = true
    this.pull()
  }

  resume(): void {
    this.pull()
  }

  /**
   * Takes steps until there is no room, or a promise to wait for. `isBusy` stays set only if
   * another event will continue here.
   */
  private pull(): void {
    while (this.state === RUNNING && !this.isPaused && this.exit.hasRoom()) {
      if (this.isSkipping) {
        this.closeSteps()
        this.endEpoch()
        continue
      }
      if (this.tracker !== undefined && !this.tracker.mayGive()) break
      if (this.isFirst) this.isFirst = false
      else if (shouldYield()) {
        resumeNextTurn(this)
        return
      }
      let step: IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>
      let isPending: boolean
      let isLast = false
      let value: unknown
      const word = enter(this.mark, this.index)
      try {
        this.steps ??= this.openEpoch()
        this.isInNext = true
        if (
          this.timer.isDue(this.index) ||
          this.tracer !== undefined ||
          this.callScope !== undefined
        )
          step = this.timedNext(this.steps)
        else step = this.steps.next()
        // The code is repeated here and below. A shared function would look up properties of
        // objects of all shapes, which costs more.
        isPending =
          typeof step === 'object' &&
          step !== null &&
          typeof (step as { readonly then?: unknown }).then === 'function'
        if (!isPending) {
          isLast = checkStep(step as IteratorResult<unknown>).done === true
          if (!isLast) value = (step as IteratorResult<unknown>).value
          if (this.timing !== undefined) this.endTiming(!isLast)
        }
        leave(word)
        this.isInNext = false
      } catch (error) {
        leave(word)
        this.isInNext = false
        this.endTiming(false)
        this.isBusy = false
        this.steps = undefined
        this.fail(error, this.index)
        return
      }
      if (isPending) {
        this.isPending = true
        this.askedAt = coarseNow()
        adopt(step as PromiseLike<IteratorResult<unknown>>).then(this.ok, this.refused)
        return
      }
      if (!this.take(isLast, value)) return
    }
    this.isBusy = false
  }

  private timedNext(steps: Steps): ReturnType<Steps['next']> {
    const timing = this.timer.begin(this.index)
    this.timing = timing
    this.tracer?.begin(timing, this.index)
    this.tracer?.called()
    const step = this.timer.call(timing, () => steps.next(), this.callScope)
    this.tracer?.returned(timing)
    this.timer.returned(timing, this.counters)
    return step
  }

  /** `isItem`: the step gave an item. The time after the last item belongs to no item. */
  private endTiming(isItem: boolean): void {
    if (this.timing === undefined) return
    this.timer.end(this.timing, this.counters, isItem)
    this.tracer?.end(this.timing, true)
    this.timing = undefined
  }

  override get pendingTimes(): PendingTimes {
    if (this.timing !== undefined) return pendingTimes([this.timing])
    return this.isPending
      ? { ...nothingPending, busyMs: exactNow() - this.askedAt }
      : nothingPending
  }

  private openEpoch(): Steps {
    const { signal, tracker } = this
    const { epoch } = this.origin
    const steps =
      tracker === undefined
        ? openSource(this.config.source, { signal, epoch, position: 0 })
        : tracker.open(signal)
    this.follower?.opened(this.graph.done)
    if (steps === this.previous) {
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `a continuous source must give a new iterator for each epoch, but in epoch ${this.origin.epoch} it gave the same one again`,
      )
    }
    if (this.config.continuous) this.previous = steps
    return steps
  }

  /** Takes the result of one step. Returns whether the loop may continue at once. */
  private take(isLast: boolean, value: unknown): boolean {
    if (this.state !== RUNNING) {
      if (isLast) this.steps = undefined
      this.isBusy = false
      this.closeSteps()
      return false
    }
    if (this.isSkipping) {
      if (isLast) this.steps = undefined
      return true
    }
    if (isLast) return this.endEpoch()
    if ((typeof value === 'object' || typeof value === 'function') && isThenable(value)) {
      this.isPending = true
      adopt(value).then(this.okValue, this.refusedValue)
      return false
    }
    const { index } = this
    this.index += this.step
    const { tracker } = this
    if (value === undefined || tracker?.isDone === true) {
      tracker?.skip()
      if (value === undefined) this.counters.skipped++
      return true
    }
    const item =
      tracker === undefined
        ? (this.follower?.give(value, this.origin, index) ??
          this.graph.itemPool.take(value, this.origin, index))
        : tracker.give(value, this.origin)
    const { exit } = this
    const { follower } = exit
    if (follower !== undefined && exit.length === 0 && follower.canStart()) {
      exit.passed++
      if ((words[AT] as number) <= 1 && shouldYield()) follower.takeLater(item)
      else follower.start(item)
    } else exit.put(item)
    return true
  }

  private endEpoch(): boolean {
    usedUpBy(this.config.source, this.steps)
    this.steps = undefined
    this.isSkipping = false
    const next = this.tracker?.end(this.config.continuous)
    if (!this.config.continuous) {
      this.isBusy = false
      this.finish()
      return false
    }
    this.index %= this.step
    const boundary = boundaryAfter(this.origin)
    this.origin = next ?? { source: this.origin.source, epoch: this.origin.epoch + 1 }
    this.exit.put(boundary)
    return true
  }

  private resolved(step: IteratorResult<unknown>): void {
    this.isPending = false
    let isLast: boolean
    let value: unknown
    try {
      isLast = checkStep(step).done === true
      value = isLast ? undefined : step.value
    } catch (error) {
      this.rejected(error)
      return
    }
    if (this.timing === undefined) this.timer.came(this.askedAt, this.counters, !isLast)
    else this.endTiming(!isLast)
    if (this.take(isLast, value)) this.pull()
  }

  private rejected(error: unknown): void {
    this.isPending = false
    this.isBusy = false
    this.endTiming(false)
    this.steps = undefined
    if (this.state === RUNNING) this.fail(error, this.index)
    else this.closeSteps()
  }

  protected override cancelled(): void {
    this.close()
  }

  protected override failed(): void {
    this.close()
  }

  /** Ends the stream here: pulls no more, but delivers what was pulled. */
  drain(): void {
    if (this.state !== RUNNING) return
    this.close()
    this.finish()
  }

  private close(): void {
    this.abort(new DOMException('The pipeline wants no more items', 'AbortError'))
    if (isGenerator(ownSteps(this.steps))) usedUpBy(this.config.source, this.steps)
    // The source itself caused this in a synchronous `next()`. `take` closes it when that returns.
    if (this.isInNext) return
    this.closeSteps()
  }

  private closeSteps(): void {
    const steps = this.steps
    if (steps === undefined) return
    this.steps = undefined
    const failed = (error: unknown): void => {
      try {
        this.graph.logger.warn('spindle: the source failed while it was closed', error)
      } catch {
        // Ignore a logger that throws.
      }
    }
    try {
      this.closing(steps.return?.(), failed)
    } catch (error) {
      failed(error)
    }
  }
}

/** Checks the result of a `next` call. @throws `ERR_BAD_SOURCE` if it is not an object. */
function checkStep(step: IteratorResult<unknown>): IteratorResult<unknown> {
  if (typeof step === 'object' && step !== null) return step
  throw new SpindleError(
    'ERR_BAD_SOURCE',
    `the source's next() gave ${show(step)}, not an iterator result`,
  )
}

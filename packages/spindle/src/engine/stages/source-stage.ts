import { show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { adopt, closeQuietly, isThenable } from '../../user-code.ts'
import type { SourceConfig } from '../config.ts'
import { coarseNow, exactNow } from '../flow/clock.ts'
import { boundaryAfter, type SourceEpoch } from '../flow/item.ts'
import { enter, LEFT, leave, marker } from '../flow/marker.ts'
import { openSource, type Steps, usedUpBy } from '../flow/open-source.ts'
import { Queue } from '../flow/queue.ts'
import { type Resumable, resumeNextTurn, shouldYield } from '../flow/time-slice.ts'
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
import { isGenerator } from './generator-run.ts'
import type { GraphContext } from './graph-context.ts'
import { type PendingWork, pendingPositions } from './pending-work.ts'
import { RUNNING, Stage } from './stage.ts'

const WHOLE = { rank: 0, worldSize: 1 }

// As in `pipe-stage.ts`.
const words = marker
const AT = LEFT

/**
 * Pulls items from the user's source into its own queue, one at a time, as long as there is room:
 * the source runs ahead of the first stage. Steps that are there at once are taken in a loop; a
 * promise is waited for. Closes the iterator exactly once, unless it ended or threw by itself.
 */
export class SourceStage extends Stage implements Resumable {
  readonly exit: Queue
  private readonly config: SourceConfig
  private steps: Steps | undefined
  private previous: Steps | undefined
  /** Where what it gives comes from: part of its lineage. */
  private origin: SourceEpoch
  private index: number
  /** From one position to the next: the number of ranks that share the source. */
  private readonly step: number
  /** In the pulling loop, or waiting for a step, or for the loop's next turn. */
  private isBusy = false
  private isPending = false
  /** In a call of `next()`: a generator cannot be closed then. */
  private isInNext = false
  private isPaused = false
  /** Whether the rest of the epoch is not wanted. */
  private isSkipping = false
  private readonly timer: TaskTimer = new TaskTimer()
  /** When the pending step was asked for, by the coarse clock. */
  private askedAt = 0
  private timing: Timing | undefined = undefined
  /**
   * Whether no step has been taken. The first one always may: a stream that is not listened to in
   * the turn in which it was made may fail with nobody to hear of it.
   */
  private isFirst = true
  private readonly ok = (step: IteratorResult<unknown>): void => this.resolved(step)
  private readonly okValue = (value: unknown): void => this.resolved({ done: false, value })
  private readonly refused = (error: unknown): void => this.rejected(error)
  /** A promise that the source gave as an item was rejected: the iterator has not ended by that. */
  private readonly refusedValue = (error: unknown): void => {
    if (this.steps !== undefined) closeQuietly(this.steps)
    this.rejected(error)
  }

  /** Keeps book of what is given, if it can be resumed. */
  private readonly tracker: SourceTracker | undefined

  constructor(info: StageInfo, host: GraphContext, config: SourceConfig, ordinal: number) {
    super(info, host)
    this.config = config
    const { rank, worldSize } = (isSeekable(config.source) && config.source.shard) || WHOLE
    this.index = rank
    this.step = worldSize
    this.tracker =
      host.book === undefined
        ? undefined
        : new SourceTracker(host.book, config, ordinal, () => this.pump())
    this.origin = this.tracker?.begin() ?? { source: ordinal, epoch: 0 }
    this.exit = new Queue(config.buffer, undefined)
    this.exit.producer = this
  }

  /** It has no slots above its queue: it waits when that is full. */
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

  /** The rest of an epoch is not wanted: it is closed, and its boundary comes at once. */
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
   * Takes steps until there is no room, or one to wait for. Leaves `isBusy` set only if something
   * will come back here.
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
        // Written out, as below: a function that all stages share looks up properties of objects of
        // all shapes, which costs more.
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

  /** `isItem`: the step gave one. What a source does after its last is no item's time. */
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
    if (steps === this.previous) {
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `a continuous source must give a new iterator each epoch; in epoch ${this.origin.epoch} it gave the one of the epoch before`,
      )
    }
    if (this.config.continuous) this.previous = steps
    return steps
  }

  /** Takes one step's result; whether the loop may go on at once. */
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
        ? this.host.itemPool.take(value, this.origin, index)
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

  /** Ends the stream here: nothing more is pulled, what was pulled goes on. */
  drain(): void {
    if (this.state !== RUNNING) return
    this.close()
    this.finish()
  }

  private close(): void {
    this.abort(new DOMException('The pipeline wants no more items', 'AbortError'))
    if (isGenerator(this.steps)) usedUpBy(this.config.source, this.steps)
    // It is the source itself that caused this, in a synchronous next(): closed when that comes
    // back, in `take`.
    if (this.isInNext) return
    this.closeSteps()
  }

  private closeSteps(): void {
    const steps = this.steps
    if (steps === undefined) return
    this.steps = undefined
    const failed = (error: unknown): void => {
      try {
        this.host.logger.warn('spindle: the source failed while it was closed', error)
      } catch {
        // A logger that throws has nobody to be told to.
      }
    }
    try {
      this.closing(steps.return?.(), failed)
    } catch (error) {
      failed(error)
    }
  }
}

/** What a call of `next` gave. @throws `ERR_BAD_SOURCE` if that is no object. */
function checkStep(step: IteratorResult<unknown>): IteratorResult<unknown> {
  if (typeof step === 'object' && step !== null) return step
  throw new SpindleError(
    'ERR_BAD_SOURCE',
    `the source's next() gave ${show(step)}, not an iterator result`,
  )
}

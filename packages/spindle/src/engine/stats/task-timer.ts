import {
  type CallListener,
  enterCall,
  followCall,
  followNone,
  leaveCall,
  missedCalls,
} from '../../track-call.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { coarseNow, exactNow } from '../flow/clock.ts'
import type { Counters } from './counters.ts'

// The duration of the last task decides which tasks are timed. Long tasks are all timed, because
// the clock (two or three reads of 43 ns) costs little beside them. Quicker tasks are sampled.
const SELDOM = 127
const OFTEN = 15
const ALWAYS = 0
const QUICK_MS = 0.02
const SLOW_MS = 0.1
/**
 * A mask: of the timed tasks that run elsewhere, one in 16 requests a report of its begin, which
 * costs a message.
 */
const ASKING = 15
/**
 * If tasks take at least this long, each one requests the report, because the message costs little
 * beside them.
 */
const LONG_MS = 2
/**
 * Number of tasks that are followed through their awaits. Then the stage gives up finding out which
 * code requests work.
 */
const TRIES_TO_FOLLOW = 16

/** Total times of the tasks in flight, in milliseconds. */
export interface PendingTimes {
  readonly busyMs: number
  /** The tasks with a known wait, and the total of their waits. */
  readonly queuedTasks: number
  readonly queuedMs: number
  readonly backoffMs: number
  readonly throttledMs: number
}

/** For a stage without timed tasks. */
export const nothingPending: PendingTimes = {
  busyMs: 0,
  queuedTasks: 0,
  queuedMs: 0,
  backoffMs: 0,
  throttledMs: 0,
}

/** A timed task. */
export class Timing implements CallListener {
  readonly startedAt: number
  /** Number of tasks that it stands for: those since the previous timed task. */
  readonly weight: number
  /** How long its op blocked the event loop. */
  loopMs = 0
  /**
   * Running calls of the stage when it began, including itself. 0 if unknown. If its work waited
   * for a worker, the calls at work when that began.
   */
  calls = 0
  /** How long it waited between its attempts. */
  backoffMs = 0
  /** When the current wait between two attempts began. 0 if there is none. */
  backoffSince = 0
  /** How long it waited for the rate limit of its stage. */
  throttledMs = 0
  /** When the current wait for the rate limit began. 0 if there is none. */
  throttledSince = 0
  /** Work requested elsewhere, if its begin is reported. */
  waits: CallWaits | undefined = undefined
  /** Whether work was requested without a report. Its wait is estimated from other tasks. */
  isGuessed = false
  /** Whether its requests after an `await` are measured too. */
  isFollowed = false
  /** Whether it requested work after an `await`. */
  isLate = false
  readonly missedBefore: number = missedCalls()
  private readonly isAsking: boolean
  /** Counts the calls whose work has begun; `undefined` if some calls do not tell. */
  private readonly atWork: { count: number } | undefined
  private isAtWork = false
  /** The work requested from an executor that reports its begin. */
  private work: ReturnType<CallListener['ask']> = undefined

  constructor(weight: number, isAsking: boolean, atWork: { count: number } | undefined) {
    this.startedAt = exactNow()
    this.weight = weight
    this.isAsking = isAsking
    this.atWork = atWork
  }

  /** Its work has begun. */
  worksNow(): void {
    if (this.isAtWork || this.atWork === undefined) return
    this.isAtWork = true
    this.calls = ++this.atWork.count
  }

  /** Its work has ended, until the next attempt. */
  stopsWork(): void {
    if (this.isAtWork && this.atWork !== undefined) this.atWork.count--
    this.isAtWork = false
  }

  /** Called when the op requests work from a library. `isLate`: after an `await`. */
  ask(isLate: boolean): ReturnType<CallListener['ask']> {
    if (isLate) this.isLate = true
    if (!this.isAsking) {
      this.isGuessed = true
      return undefined
    }
    this.waits ??= new CallWaits(this.startedAt, this)
    return this.waits.ask()
  }

  /**
   * Returns the function that an executor calls when the requested op begins. `undefined` if the
   * report is not needed. `isSure`: the executor always calls it.
   */
  onStart(isSure: boolean): ((agoMs?: number) => void) | undefined {
    if (!this.isAsking) {
      this.isGuessed = true
      return undefined
    }
    if (isSure) {
      this.work?.ends()
      const work = this.ask(false)
      this.work = work
      return (agoMs?: number) => work?.begins(agoMs)
    }
    const askedAt = exactNow()
    return () => {
      if (this.waits !== undefined) return
      this.waits = new CallWaits(askedAt, this)
      this.waits.began()
    }
  }

  /** An attempt has failed, and the next one waits. */
  backsOff(): void {
    this.work?.ends()
    this.stopsWork()
    this.backoffSince = exactNow()
  }

  triesAgain(): void {
    this.backoffMs += exactNow() - this.backoffSince
    this.backoffSince = 0
  }

  /** The next attempt waits for the rate limit. */
  isThrottled(): void {
    this.throttledSince = exactNow()
  }

  hasTurn(): void {
    this.throttledMs += exactNow() - this.throttledSince
    this.throttledSince = 0
  }

  /** The waits up to `now`, in milliseconds: between attempts, and for the rate limit. */
  pausesMs(now: number): { readonly backoffMs: number; readonly throttledMs: number } {
    const { backoffSince, throttledSince } = this
    return {
      backoffMs: this.backoffMs + (backoffSince > 0 ? now - backoffSince : 0),
      throttledMs: this.throttledMs + (throttledSince > 0 ? now - throttledSince : 0),
    }
  }
}

/** Times a sample of a stage's tasks. */
export class TaskTimer {
  /**
   * Until one task has ended, each task is timed, because tasks that begin while few others are
   * running give valuable figures.
   */
  private mask = ALWAYS
  private accounted = 0
  /**
   * Until the duration is known, each task requests a report. The first tasks wait for their
   * threads to start.
   */
  private lastMs = Number.POSITIVE_INFINITY
  private readonly atWork = { count: 0 }
  /** The wait of the last task that reported its begin. */
  private lastWaitMs = 0
  /**
   * Whether tasks have reported work elsewhere. Then tasks that request none count too, with a wait
   * of 0.
   */
  private hasWaits = false
  /**
   * Number of tasks still to be followed through their awaits. `Infinity` once a task has shown
   * that this stage requests work.
   */
  private follows = 0

  /** Whether the `count`-th task is to be timed. */
  isDue(count: number): boolean {
    return (count & this.mask) === 0
  }

  /** Begins to time the `count`-th task. */
  begin(count: number): Timing {
    const weight = Math.max(1, count + 1 - this.accounted)
    this.accounted = count + 1
    const isLong = this.lastMs >= LONG_MS
    return new Timing(weight, isLong || (count & ASKING) === 0, isLong ? this.atWork : undefined)
  }

  /**
   * Calls the op of a timed task, in `scope` if there is one, and receives its requests for work.
   */
  call<R>(timing: Timing, op: () => R, scope?: AsyncScope): R {
    const before = enterCall(timing)
    timing.isFollowed = this.follows > 0
    // This call is innermost, because the scope changes the async context by which a call is
    // followed.
    const run = timing.isFollowed ? () => followCall(timing, op) : op
    try {
      return scope === undefined ? run() : scope.runInAsyncScope(run)
    } finally {
      leaveCall(before)
    }
  }

  /**
   * Called when the op has returned, possibly with a promise. Returns whether it was so quick that
   * the time need not be checked between two calls.
   */
  returned(timing: Timing, counters: Counters): boolean {
    timing.loopMs = exactNow() - timing.startedAt
    counters.held(timing.loopMs * timing.weight)
    return timing.loopMs < QUICK_MS
  }

  /**
   * Counts an untimed step that has ended after a wait since `askedAt` (by the coarse clock). A
   * source that requests pages has one slow step among many quick ones. If it fell between two
   * samples, its time would be lost. `isItem`: the step gave an item.
   */
  came(askedAt: number, counters: Counters, isItem: boolean): void {
    const tookMs = coarseNow() - askedAt
    if (tookMs < SLOW_MS) return
    counters.took(tookMs, 1, isItem)
    // The next sample stands for one task less.
    this.accounted++
  }

  /**
   * Called when the task has ended. `isOk`: it succeeded, so its time counts as the time of an
   * item.
   */
  end(timing: Timing, counters: Counters, isOk: boolean): void {
    const now = exactNow()
    timing.stopsWork()
    const waitedMs = this.waitOf(timing, counters, now, isOk)
    counters.waitedMs += waitedMs * timing.weight
    counters.backoffMs += timing.backoffMs
    counters.throttledMs += timing.throttledMs
    // A task without a report is assumed to have waited like others. Waiting is not work.
    const pausesMs = timing.backoffMs + timing.throttledMs
    const tookMs = Math.max(0, now - timing.startedAt - waitedMs - pausesMs)
    counters.took(tookMs, timing.weight, isOk)
    if (isOk && timing.calls > 0) counters.levels.add(timing.calls, tookMs)
    // The end of a generator says nothing about the duration of its outputs.
    if (!isOk && tookMs < SLOW_MS) return
    this.lastMs = tookMs
    this.mask = tookMs >= SLOW_MS ? ALWAYS : tookMs >= QUICK_MS ? OFTEN : SELDOM
  }

  private waitOf(timing: Timing, counters: Counters, now: number, isOk: boolean): number {
    const { waits } = timing
    if (timing.isFollowed) this.hasFollowed(timing)
    else if (this.follows === 0 && missedCalls() > timing.missedBefore)
      this.follows = TRIES_TO_FOLLOW
    if (waits !== undefined) {
      this.hasWaits = true
      this.lastWaitMs = waits.readMs(now)
      counters.queued(this.lastWaitMs)
      return this.lastWaitMs
    }
    if (timing.isGuessed) return this.lastWaitMs
    if (this.hasWaits && isOk) counters.queued(0)
    return 0
  }

  /** Checks whether this stage made the requests whose caller was unknown. */
  private hasFollowed({ isLate }: Timing): void {
    if (isLate) this.follows = Number.POSITIVE_INFINITY
    else if (--this.follows === 0) {
      this.follows = -1
      followNone()
    }
  }
}

/** Sums the times of the tasks in flight. */
export function pendingTimes(timings: Iterable<Timing | undefined>): PendingTimes {
  const now = exactNow()
  let [busyMs, queuedTasks, queuedMs, backoffMs, throttledMs] = [0, 0, 0, 0, 0]
  for (const timing of timings) {
    if (timing === undefined) continue
    const pauses = timing.pausesMs(now)
    const waitedMs = timing.waits?.readMs(now) ?? 0
    const idleMs = pauses.backoffMs + pauses.throttledMs + waitedMs
    busyMs += Math.max(0, now - timing.startedAt - idleMs)
    backoffMs += pauses.backoffMs
    throttledMs += pauses.throttledMs
    if (timing.waits === undefined) continue
    queuedTasks++
    queuedMs += waitedMs
  }
  return { busyMs, queuedTasks, queuedMs, backoffMs, throttledMs }
}

/**
 * Measures how long a call waits for work that it requested: the time in which work is requested
 * and none has begun. A call may request several pieces of work, one after another or at once.
 */
class CallWaits {
  #waiting = 0
  #working = 0
  /** When the current wait began. Meaningless while work runs or nothing waits. */
  #since: number
  #sumMs = 0

  readonly #call: { worksNow(): void } | undefined

  /** `since`: when the first wait began. `call` hears when work begins while none was running. */
  constructor(since: number, call?: { worksNow(): void }) {
    this.#call = call
    this.#since = since
  }

  ask(): Work {
    if (this.#waiting === 0 && this.#working === 0) this.#since = exactNow()
    this.#waiting++
    return new Work(this)
  }

  began(agoMs: number = 0): void {
    const isFirst = this.#working++ === 0
    if (isFirst) this.#sumMs += Math.max(0, exactNow() - agoMs - this.#since)
    this.#waiting--
    if (isFirst) this.#call?.worksNow()
  }

  ended(hasBegun: boolean): void {
    if (hasBegun) {
      if (--this.#working === 0 && this.#waiting > 0) this.#since = exactNow()
    } else if (--this.#waiting === 0 && this.#working === 0) this.#sumMs += exactNow() - this.#since
  }

  /** Milliseconds up to `now`. */
  readMs(now: number): number {
    return (
      this.#sumMs + (this.#waiting > 0 && this.#working === 0 ? Math.max(0, now - this.#since) : 0)
    )
  }
}

/** One piece of work. It begins and ends at most once, even if it is called more often. */
class Work {
  readonly #waits: CallWaits
  #hasBegun = false
  #hasEnded = false

  constructor(waits: CallWaits) {
    this.#waits = waits
  }

  begins(agoMs?: number): void {
    if (this.#hasBegun || this.#hasEnded) return
    this.#hasBegun = true
    this.#waits.began(agoMs)
  }

  ends(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#waits.ended(this.#hasBegun)
  }
}

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
import { CallWaits } from './call-waits.ts'
import type { Counters } from './counters.ts'

// Which tasks are timed, by how long the last one took: all of those beside which the clock (two or
// three reads of 43 ns) is nothing, and a sample of the quicker ones.
const SELDOM = 127
const OFTEN = 15
const ALWAYS = 0
const QUICK_MS = 0.02
const SLOW_MS = 0.1
/**
 * Of the tasks that are timed and run elsewhere, one in so many asks to be told of the beginning of
 * its work, which costs a message; …
 */
const ASKING = 15
/** … and each, where tasks take so long that a message is nothing. */
const LONG_MS = 2
/**
 * Tasks that are followed through their awaits before the stage gives up finding out who asks for
 * work.
 */
const TRIES_TO_FOLLOW = 16

/** How the tasks in flight have spent their time, together, in milliseconds. */
export interface PendingTimes {
  readonly busyMs: number
  /** Those whose wait is known, and how long they have waited. */
  readonly queuedTasks: number
  readonly queuedMs: number
  readonly backoffMs: number
}

/** Of a stage in which no task is timed. */
export const nothingPending: PendingTimes = { busyMs: 0, queuedTasks: 0, queuedMs: 0, backoffMs: 0 }

/** A task that is timed. */
export class Timing implements CallListener {
  readonly startedAt: number
  /** Tasks that it stands for: those since the one timed before. */
  readonly weight: number
  /** How long its op held the loop. */
  loopMs = 0
  /** Calls of the stage under way when it began, it included; 0 if nobody told. */
  calls = 0
  /** How long it waited between its tries. */
  backoffMs = 0
  /** When the present wait between two tries began; 0 if there is none. */
  backoffSince = 0
  /** Work that was asked for elsewhere, if it is told when it begins. */
  waits: CallWaits | undefined = undefined
  /** Whether work was asked for of which nothing is told: it waits as that of other tasks does. */
  isGuessed = false
  /** Whether all that it asks for is heard of, after an `await` too. */
  isFollowed = false
  /** Whether it has asked for work after an `await`. */
  isLate = false
  readonly missedBefore: number = missedCalls()
  private readonly isAsking: boolean
  /** What an executor was asked for, if it will tell when that begins. */
  private work: ReturnType<CallListener['ask']> = undefined

  constructor(weight: number, isAsking: boolean) {
    this.startedAt = exactNow()
    this.weight = weight
    this.isAsking = isAsking
  }

  /** The op asks a library for work. `isLate`: after an `await`. */
  ask(isLate: boolean): ReturnType<CallListener['ask']> {
    if (isLate) this.isLate = true
    if (!this.isAsking) {
      this.isGuessed = true
      return undefined
    }
    this.waits ??= new CallWaits(this.startedAt)
    return this.waits.ask()
  }

  /**
   * What an executor is to call when an op begins that it was asked for now; `undefined` if that
   * need not be known. `isSure`: it will call it.
   */
  onStart(isSure: boolean): (() => void) | undefined {
    if (!this.isAsking) {
      this.isGuessed = true
      return undefined
    }
    if (isSure) {
      this.work?.ends()
      const work = this.ask(false)
      this.work = work
      return () => work?.begins()
    }
    const askedAt = exactNow()
    return () => {
      if (this.waits !== undefined) return
      this.waits = new CallWaits(askedAt)
      this.waits.began()
    }
  }

  /** A try has failed, and the next one waits. */
  backsOff(): void {
    this.work?.ends()
    this.backoffSince = exactNow()
  }

  triesAgain(): void {
    this.backoffMs += exactNow() - this.backoffSince
    this.backoffSince = 0
  }

  /** Milliseconds that were no work, up to `now`. */
  idleMs(now: number): number {
    const backoffMs = this.backoffMs + (this.backoffSince > 0 ? now - this.backoffSince : 0)
    return backoffMs + (this.waits?.readMs(now) ?? 0)
  }
}

/** Times a sample of a stage's tasks. */
export class TaskTimer {
  /**
   * Until one has ended, each is timed: those that begin while few others are under way are worth
   * knowing.
   */
  private mask = ALWAYS
  private accounted = 0
  /** Until it is known, each is asked: the first wait for their threads to start. */
  private lastMs = Number.POSITIVE_INFINITY
  /** How long the last task that told of its beginning had waited for it. */
  private lastWaitMs = 0
  /**
   * Whether tasks have told of work elsewhere: then those that need none have waited for nothing,
   * and count as well.
   */
  private hasWaits = false
  /**
   * Tasks that are still to be followed through their awaits; `Infinity` once that has shown who
   * asks.
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
    return new Timing(weight, this.lastMs >= LONG_MS || (count & ASKING) === 0)
  }

  /**
   * Calls the op of a timed task, in `scope` if there is one, and hears what work it asks others
   * for.
   */
  call<R>(timing: Timing, op: () => R, scope?: AsyncScope): R {
    const before = enterCall(timing)
    timing.isFollowed = this.follows > 0
    // Innermost, for the scope changes the async context by which a call is followed.
    const run = timing.isFollowed ? () => followCall(timing, op) : op
    try {
      return scope === undefined ? run() : scope.runInAsyncScope(run)
    } finally {
      leaveCall(before)
    }
  }

  /**
   * The op has returned, a promise perhaps. Returns whether it was so quick that nobody needs to
   * look at the time between two calls.
   */
  returned(timing: Timing, counters: Counters): boolean {
    timing.loopMs = exactNow() - timing.startedAt
    counters.held(timing.loopMs * timing.weight)
    return timing.loopMs < QUICK_MS
  }

  /**
   * A step that was not timed has ended, after a wait that began at `askedAt` by the coarse clock.
   * A source that asks for pages gives one slow step among many quick ones: if it fell between two
   * samples, nobody would know what the source does with its time. `isItem`: it gave one.
   */
  came(askedAt: number, counters: Counters, isItem: boolean): void {
    const tookMs = coarseNow() - askedAt
    if (tookMs < SLOW_MS) return
    counters.took(tookMs, 1, isItem)
    // The next sample stands for one less.
    this.accounted++
  }

  /**
   * The task has ended. `isOk`: it gave what it was to give, and its time counts among those of
   * items.
   */
  end(timing: Timing, counters: Counters, isOk: boolean): void {
    const now = exactNow()
    const waitedMs = this.waitOf(timing, counters, now, isOk)
    counters.waitedMs += waitedMs * timing.weight
    counters.backoffMs += timing.backoffMs
    // A task that did not tell has waited like those around it: what it waited is no work.
    const tookMs = Math.max(0, now - timing.startedAt - waitedMs - timing.backoffMs)
    counters.took(tookMs, timing.weight, isOk)
    if (isOk && timing.calls > 0) counters.levels.add(timing.calls, tookMs)
    // A generator's end says nothing of how long its outputs take.
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

  /** Was it this stage that asked for the work whose caller was not known? */
  private hasFollowed({ isLate }: Timing): void {
    if (isLate) this.follows = Number.POSITIVE_INFINITY
    else if (--this.follows === 0) {
      this.follows = -1
      followNone()
    }
  }
}

/** Sums up the tasks in flight. */
export function pendingTimes(timings: Iterable<Timing | undefined>): PendingTimes {
  const now = exactNow()
  let [busyMs, queuedTasks, queuedMs, backoffMs] = [0, 0, 0, 0]
  for (const timing of timings) {
    if (timing === undefined) continue
    const idleMs = timing.idleMs(now)
    const waitedMs = timing.waits?.readMs(now) ?? 0
    busyMs += Math.max(0, now - timing.startedAt - idleMs)
    backoffMs += idleMs - waitedMs
    if (timing.waits === undefined) continue
    queuedTasks++
    queuedMs += waitedMs
  }
  return { busyMs, queuedTasks, queuedMs, backoffMs }
}

import { performance } from 'node:perf_hooks'
import { isInside, LEFT } from '../engine/flow/current-call.ts'
import { clearTimeout, clockMs, setTimeout, type Timer } from '../timers.ts'
import { LoopQuestion } from './loop-question.ts'
import { withSources } from './source-maps.ts'
import { MainThreadUse, type ThreadUse } from './thread-use.ts'
import {
  BEAT_MS,
  BEATS,
  type BlockMessage,
  type LoopSample,
  WANTED_BEAT_MS,
  type WatchSetup,
} from './watch-protocol.ts'

// Intervals of the looks. A look costs 35 to 150 us on a small virtual machine (less if looks are
// frequent): 0.2 % of a core at 20 ms.
const CLOSE_MS = 4
const USUAL_MS = 20
const IDLE_MS = 200
/**
 * Longest interval of the beats. A beat wakes the watched thread, which costs about 0.1 ms on such
 * a machine.
 */
const SLOWEST_BEAT_MS = 100
/**
 * Maximum number of close looks in a row without a finding before a pause. After a block, the
 * number is higher.
 */
const CLOSE_LOOKS = 50
const CLOSE_LOOKS_AFTER_BLOCK = 150
const CLOSE_LOOKS_AT_FIRST = 250
const PAUSE_MS = 1000
/**
 * Share of an interval above which the thread counts as busy, and below which it counts as idle.
 */
const BUSY = 0.5
const IDLE = 0.1
const MOST_SAMPLES = 8

/** The values seen at one look. */
interface Look {
  readonly at: number
  readonly word: number
  readonly beats: number
  readonly use: ThreadUse
}

/** See {@link BlockMessage}. */
type Length = Pick<BlockMessage, 'ms' | 'workMs'>

/** A stretch of time without a change, which may become a block. */
interface Stretch {
  readonly id: number
  readonly word: number
  readonly beganAt: number
  readonly delayedMs: number
  readonly samples: LoopSample[]
  /** Number of turns of the event loop at the first sample. */
  turns: number | undefined
  askedAt: number
  /** When the thread was last seen in it. */
  aliveAt: number
  /** When the thread was last seen to run, or to wait for something other than a processor. */
  movedAt: number
  /** Its length, if it ended before a question was answered. */
  ended: Length | undefined
  /** What has been reported of it. */
  reported: Length | undefined
}

/**
 * Watches another thread's event loop from outside. It reads the thread's current call and its
 * count of beats (a timer of the event loop). As long as these change, it does nothing else. If the
 * current call stays at one word inside a call of user code, or the beats stop, the event loop may
 * be blocked. The thread may be working, or waiting in native code. The watcher then requests the
 * thread's stack. The thread answers in the middle of the code that blocks it, or when native code
 * returns.
 *
 *   QUIET --the same word, and inside or without a beat--> SUSPICIOUS --for the threshold--> BLOCK
 *     '<--------------the word changes, or (outside of calls) a beat comes------------------'
 */
export class LoopWatch {
  readonly #callWords: Int32Array
  readonly #setup: WatchSetup
  readonly #question: LoopQuestion | undefined
  #use: MainThreadUse | undefined
  #thresholdMs = 10
  #timer: Timer | undefined
  #isWatching = false
  /** The look at which the word was first seen, the look before it, and the last look. */
  #since: Look | undefined
  #beforeSince: Look | undefined
  #last: Look | undefined
  #stretch: Stretch | undefined
  /** The stretch for which a question was asked. */
  #asked: Stretch | undefined
  #closeLooks = CLOSE_LOOKS_AT_FIRST
  #pausedAt = 0
  /** Whether the close looks follow a block. Then they continue while the thread waits. */
  #wasBlocked = false
  #periodMs = CLOSE_MS
  readonly #control: Int32Array
  /** The look at which the last beat was seen, and the look before it. */
  #turned: Look | undefined
  #beforeTurned: Look | undefined
  #hasDebugger = false
  #blocks = 0

  constructor(setup: WatchSetup) {
    this.#setup = setup
    this.#callWords = new Int32Array(setup.callWords)
    this.#control = new Int32Array(setup.control)
    if (setup.sampler !== undefined) {
      this.#question = new LoopQuestion(setup.sampler, this.#control)
      this.#use = new MainThreadUse()
    }
  }

  begin(thresholdMs: number): void {
    this.#thresholdMs = thresholdMs
    this.#closeLooks = CLOSE_LOOKS_AT_FIRST
    if (this.#isWatching) return
    this.#isWatching = true
    this.#since = undefined
    this.#turned = undefined
    this.#last = undefined
    clearTimeout(this.#timer)
    this.#look()
  }

  rest(): void {
    this.#isWatching = false
    if (this.#stretch !== undefined) this.#end(this.#stretch, clockMs())
  }

  get #closeMs(): number {
    return Math.min(USUAL_MS, Math.max(2, Math.min(CLOSE_MS, this.#thresholdMs * 0.4)))
  }

  #look(): void {
    this.#onReplies()
    if (!this.#isWatching) {
      // An open question keeps the process alive.
      if (this.#question?.isOpen === true) this.#lookAfter(this.#closeMs)
      return
    }
    const look: Look = {
      at: clockMs(),
      word: this.#callWords[0] as number,
      beats: Atomics.load(this.#control, BEATS),
      use: this.#readUse(),
    }
    const last = this.#last ?? look
    if (this.#turned === undefined || look.beats !== last.beats) {
      this.#beforeTurned = last
      this.#turned = look
      // The event loop cannot turn within a call, where only the word counts.
      if (this.#stretch !== undefined && !isInside(this.#stretch.word))
        this.#end(this.#stretch, between(last, look))
    }
    if (this.#since === undefined || look.word !== this.#since.word) {
      if (this.#stretch !== undefined) this.#end(this.#stretch, between(last, look))
      this.#beforeSince = last
      this.#since = look
      this.#periodMs = this.#periodWhenChanging(last, look)
    } else {
      // The call takes long. After it, the engine must yield at once, and not only after some quick
      // calls.
      if (isInside(look.word)) this.#callWords[LEFT] = 0
      this.#periodMs = this.#unchanged(this.#since, last, look)
    }
    this.#last = look
    this.#lookAfter(this.#question?.isOpen === true ? this.#closeMs : this.#periodMs)
  }

  #lookAfter(ms: number): void {
    const beatMs =
      ms <= this.#closeMs ? Math.ceil(ms) : Math.min(SLOWEST_BEAT_MS, Math.max(USUAL_MS, ms))
    Atomics.store(this.#control, WANTED_BEAT_MS, beatMs)
    this.#timer = setTimeout(() => this.#look(), ms)
  }

  #readUse(): ThreadUse {
    return this.#use?.read() ?? { busyMs: 0, delayedMs: 0 }
  }

  /** Looks closely while the thread is so busy that a block is likely, but not without a limit. */
  #periodWhenChanging(last: Look, look: Look): number {
    if (busyShare(last, look) < BUSY && !isInside(look.word) && !this.#wasBlocked) return USUAL_MS
    if (this.#closeLooks > 0) {
      this.#closeLooks--
      if (this.#closeLooks === 0) {
        this.#pausedAt = look.at
        this.#wasBlocked = false
      }
      return this.#closeMs
    }
    if (look.at - this.#pausedAt > PAUSE_MS) this.#closeLooks = CLOSE_LOOKS
    return USUAL_MS
  }

  /** The word has not changed since a look: either code blocks the event loop, or nothing runs. */
  #unchanged(since: Look, last: Look, look: Look): number {
    const stretch = this.#stretch
    if (stretch !== undefined) return this.#goOn(stretch, last, look)
    const inside = isInside(look.word) && this.#isCredible(since, look)
    const turned = this.#turned ?? since
    const from = inside || since.at >= turned.at ? since : turned
    const silentMs = netMs(from, look)
    const beatMs = inside ? 0 : Atomics.load(this.#control, BEAT_MS)
    const patienceMs = this.#thresholdMs / 2
    // If beats are rare, ask before the next beat is due when the thread works without a sign of
    // the event loop.
    const isBusy = beatMs > USUAL_MS && look.use.busyMs - from.use.busyMs >= patienceMs
    if ((silentMs >= patienceMs + beatMs || isBusy) && (inside || this.#question !== undefined)) {
      this.#suspect(since, look, inside)
      return this.#closeMs
    }
    if (inside || silentMs > beatMs || busyShare(last, look) >= IDLE) return this.#closeMs
    return Math.min(IDLE_MS, this.#periodMs * 2)
  }

  /** A thread halted by a debugger also stays inside a call, but uses no processor. */
  #isCredible(since: Look, look: Look): boolean {
    return !this.#hasDebugger || busyShare(since, look) >= BUSY
  }

  #suspect(since: Look, look: Look, inside: boolean): void {
    const turned = this.#turned ?? since
    const isSinceWord = inside || since.at >= turned.at
    const from = isSinceWord ? since : turned
    const before = (isSinceWord ? this.#beforeSince : this.#beforeTurned) ?? from
    const beganAt = between(before, from)
    this.#stretch = {
      id: ++this.#blocks,
      word: look.word,
      beganAt,
      delayedMs: from.use.delayedMs,
      samples: [],
      turns: undefined,
      askedAt: 0,
      aliveAt: look.at,
      movedAt: look.at,
      ended: undefined,
      reported: undefined,
    }
    this.#ask(this.#stretch, look.at)
  }

  #goOn(stretch: Stretch, last: Look, look: Look): number {
    const inside = isInside(look.word)
    const isAlive = inside || busyShare(last, look) >= IDLE
    stretch.aliveAt = look.at
    if (look.use.busyMs > last.use.busyMs || this.#use?.isRunnable() !== true)
      stretch.movedAt = look.at
    const { ms, workMs } = this.#lengthOf(stretch, look.at, look.use)
    // The thread may be waiting for a processor at this moment. The system counts that only when
    // the thread gets one.
    const length = { ms, workMs: workMs - (look.at - stretch.movedAt) }
    const isSure = inside || stretch.turns !== undefined
    if (length.workMs >= this.#thresholdMs && isSure && stretch.reported === undefined) {
      stretch.reported = length
      this.#report(stretch, length, false)
    }
    const pauseMs = Math.max(this.#thresholdMs / 2, (look.at - stretch.beganAt) / 4)
    if (!isAlive || look.at - stretch.askedAt >= pauseMs) this.#ask(stretch, look.at)
    return this.#closeMs
  }

  #ask(stretch: Stretch, now: number): void {
    if (this.#question === undefined || this.#question.isOpen || this.#hasDebugger) return
    if (stretch.samples.length >= MOST_SAMPLES) return
    stretch.askedAt = now
    if (this.#question.ask()) this.#asked = stretch
  }

  #onReplies(): void {
    const answer = this.#question?.take()
    if (answer === undefined) return
    const stretch = this.#asked
    this.#asked = undefined
    if (stretch !== undefined) this.#answered(stretch, answer.sample)
  }

  #answered(stretch: Stretch, sample: LoopSample | undefined): void {
    if (sample?.hasDebugger === true) this.#hasDebugger = true
    // The answer may arrive after the end of the stretch, but it was given while the current call
    // still had that word.
    const isOfStretch = sample?.word === stretch.word && sample.frames.length > 0
    const isSame = isOfStretch && (stretch.turns === undefined || stretch.turns === sample.turns)
    if (isSame) {
      stretch.turns = sample.turns
      stretch.samples.push(sample)
    }
    if (stretch.ended !== undefined) this.#finish(stretch, stretch.ended)
    else if (isOfStretch && !isSame) {
      // The event loop has turned in between: there were many short stretches, or there is another
      // long one.
      this.#end(stretch, stretch.askedAt)
    } else if (sample?.word === stretch.word && !isSame && !isInside(stretch.word)) {
      // The thread was idle, so the busy stretch is over.
      if (stretch.turns === undefined) this.#stretch = undefined
      else this.#end(stretch, stretch.aliveAt)
      this.#since = undefined
    }
  }

  #lengthOf(stretch: Stretch, at: number, use: ThreadUse): Length {
    const ms = at - stretch.beganAt
    return { ms, workMs: ms - (use.delayedMs - stretch.delayedMs) }
  }

  #end(stretch: Stretch, at: number): void {
    this.#stretch = undefined
    const { ms, workMs } = this.#lengthOf(stretch, at, this.#readUse())
    const { reported } = stretch
    const length = {
      ms: Math.max(reported?.ms ?? 0, ms),
      workMs: Math.max(reported?.workMs ?? 0, workMs),
    }
    if (this.#asked === stretch) stretch.ended = length
    else this.#finish(stretch, length)
  }

  #finish(stretch: Stretch, length: Length): void {
    const isSure = isInside(stretch.word) || stretch.turns !== undefined
    if (stretch.reported === undefined && (!isSure || length.workMs < this.#thresholdMs)) return
    this.#closeLooks = CLOSE_LOOKS_AFTER_BLOCK
    this.#wasBlocked = true
    this.#report(stretch, length, true)
  }

  #report(stretch: Stretch, { ms, workMs }: Length, isOver: boolean): void {
    const message: BlockMessage = {
      id: stretch.id,
      word: stretch.word,
      beganAt: performance.timeOrigin + stretch.beganAt,
      ms,
      workMs,
      isOver,
      samples: stretch.samples.map((sample) => ({ ...sample, frames: withSources(sample.frames) })),
    }
    this.#setup.port.postMessage(message)
  }
}

/** The middle between two looks: the estimated time of changes between them. */
function between(one: Look, other: Look): number {
  return (one.at + other.at) / 2
}

/** The time between two looks without the time for which the thread waited for a processor. */
function netMs(from: Look, to: Look): number {
  return to.at - from.at - (to.use.delayedMs - from.use.delayedMs)
}

function busyShare(from: Look, to: Look): number {
  const ms = netMs(from, to)
  return ms > 0 ? (to.use.busyMs - from.use.busyMs) / ms : 0
}

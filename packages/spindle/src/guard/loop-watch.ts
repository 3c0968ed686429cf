import { performance } from 'node:perf_hooks'
import { isInside, LEFT } from '../engine/flow/marker.ts'
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

// How often the watcher looks. Each look costs 35 to 150 us on a small virtual machine, the less
// the more there are: 0.2 % of a core at 20 ms.
const CLOSE_MS = 4
const USUAL_MS = 20
const IDLE_MS = 200
/** A beat wakes the watched thread: about 0.1 ms on such a machine. */
const SLOWEST_BEAT_MS = 100
/**
 * Close looks in a row that find nothing before it is enough for a while; after a block has been
 * found, more of them.
 */
const CLOSE_LOOKS = 50
const CLOSE_LOOKS_AFTER_BLOCK = 150
const CLOSE_LOOKS_AT_FIRST = 250
const PAUSE_MS = 1000
/** Shares of a look's interval above which the thread is busy, and below which it is idle. */
const BUSY = 0.5
const IDLE = 0.1
const MOST_SAMPLES = 8

/** What was seen at a look. */
interface Look {
  readonly at: number
  readonly word: number
  readonly beats: number
  readonly use: ThreadUse
}

/** See {@link BlockMessage}. */
type Length = Pick<BlockMessage, 'ms' | 'workMs'>

/** A stretch in which nothing has changed, and which may become a block. */
interface Stretch {
  readonly id: number
  readonly word: number
  readonly beganAt: number
  readonly delayedMs: number
  readonly samples: LoopSample[]
  /** Turns of the loop at the first sample. */
  turns: number | undefined
  askedAt: number
  /** When the thread was last seen in it. */
  aliveAt: number
  /** When it was last seen to run, or to wait for something else than a processor. */
  movedAt: number
  /** How long it was, if it ended before a question was answered. */
  ended: Length | undefined
  /** What has been told of it. */
  told: Length | undefined
}

/**
 * Watches another thread's loop from outside: looks at its marker and at the count of its beats (a
 * timer of its loop), and at nothing else as long as they change. If one word stands there inside a
 * call of the user's, or the beats stay away, whether the thread works or waits in native code, it
 * asks the thread for its stack, which answers in the middle of whatever holds it, or when native
 * code comes back.
 *
 *   QUIET --the same word, and inside or without a beat--> SUSPICIOUS --for the threshold--> BLOCK
 *     '<--------------the word changes, or (outside of calls) a beat comes------------------'
 */
export class LoopWatch {
  readonly #marker: Int32Array
  readonly #setup: WatchSetup
  readonly #question: LoopQuestion | undefined
  #use: MainThreadUse | undefined
  #thresholdMs = 10
  #timer: Timer | undefined
  #isWatching = false
  /** The look at which the word was first seen, the one before it, and the last one. */
  #since: Look | undefined
  #beforeSince: Look | undefined
  #last: Look | undefined
  #stretch: Stretch | undefined
  /** The one that a question was asked about. */
  #asked: Stretch | undefined
  #closeLooks = CLOSE_LOOKS_AT_FIRST
  #pausedAt = 0
  /** Whether the close looks are due to a block: then they go on while the thread waits, too. */
  #wasBlocked = false
  #periodMs = CLOSE_MS
  readonly #control: Int32Array
  /** The look at which the last beat was seen, and the one before. */
  #turned: Look | undefined
  #beforeTurned: Look | undefined
  #hasDebugger = false
  #blocks = 0

  constructor(setup: WatchSetup) {
    this.#setup = setup
    this.#marker = new Int32Array(setup.marker)
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
    this.#hear()
    if (!this.#isWatching) {
      // A question that is open still holds the process.
      if (this.#question?.isOpen === true) this.#lookAfter(this.#closeMs)
      return
    }
    const look: Look = {
      at: clockMs(),
      word: this.#marker[0] as number,
      beats: Atomics.load(this.#control, BEATS),
      use: this.#readUse(),
    }
    const last = this.#last ?? look
    if (this.#turned === undefined || look.beats !== last.beats) {
      this.#beforeTurned = last
      this.#turned = look
      // Within a call the loop cannot turn: there it is the word that counts.
      if (this.#stretch !== undefined && !isInside(this.#stretch.word))
        this.#end(this.#stretch, between(last, look))
    }
    if (this.#since === undefined || look.word !== this.#since.word) {
      if (this.#stretch !== undefined) this.#end(this.#stretch, between(last, look))
      this.#beforeSince = last
      this.#since = look
      this.#periodMs = this.#periodWhenChanging(last, look)
    } else {
      // A call that takes long: after it the loop gets its turn, which the engine would otherwise
      // find out some quick calls later.
      if (isInside(look.word)) this.#marker[LEFT] = 0
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

  /** Close looks while the thread is so busy that a block would be no wonder, but not for ever. */
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

  /** Nothing was called since a look ago: something holds the loop, or nothing runs. */
  #unchanged(since: Look, last: Look, look: Look): number {
    const stretch = this.#stretch
    if (stretch !== undefined) return this.#goOn(stretch, last, look)
    const inside = isInside(look.word) && this.#isCredible(since, look)
    const turned = this.#turned ?? since
    const from = inside || since.at >= turned.at ? since : turned
    const silentMs = netMs(from, look)
    const beatMs = inside ? 0 : Atomics.load(this.#control, BEAT_MS)
    const patienceMs = this.#thresholdMs / 2
    // Where beats are rare, work without a sign of the loop is asked about before one is due.
    const isBusy = beatMs > USUAL_MS && look.use.busyMs - from.use.busyMs >= patienceMs
    if ((silentMs >= patienceMs + beatMs || isBusy) && (inside || this.#question !== undefined)) {
      this.#suspect(since, look, inside)
      return this.#closeMs
    }
    if (inside || silentMs > beatMs || busyShare(last, look) >= IDLE) return this.#closeMs
    return Math.min(IDLE_MS, this.#periodMs * 2)
  }

  /** A thread that is halted by a debugger stands inside a call, too; it uses no processor then. */
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
      told: undefined,
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
    // A thread that waits for a processor while this is written: the system counts that when it
    // gets one.
    const length = { ms, workMs: workMs - (look.at - stretch.movedAt) }
    const isSure = inside || stretch.turns !== undefined
    if (length.workMs >= this.#thresholdMs && isSure && stretch.told === undefined) {
      stretch.told = length
      this.#tell(stretch, length, false)
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

  #hear(): void {
    const answer = this.#question?.take()
    if (answer === undefined) return
    const stretch = this.#asked
    this.#asked = undefined
    if (stretch !== undefined) this.#answered(stretch, answer.sample)
  }

  #answered(stretch: Stretch, sample: LoopSample | undefined): void {
    if (sample?.hasDebugger === true) this.#hasDebugger = true
    // The answer may come when all is over; it was given while the word still stood there.
    const isOfStretch = sample?.word === stretch.word && sample.frames.length > 0
    const isSame = isOfStretch && (stretch.turns === undefined || stretch.turns === sample.turns)
    if (isSame) {
      stretch.turns = sample.turns
      stretch.samples.push(sample)
    }
    if (stretch.ended !== undefined) this.#finish(stretch, stretch.ended)
    else if (isOfStretch && !isSame) {
      // The loop has turned meanwhile: many short stretches, or another long one.
      this.#end(stretch, stretch.askedAt)
    } else if (sample?.word === stretch.word && !isSame && !isInside(stretch.word)) {
      // It was idle: what had been busy is over.
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
    const { told } = stretch
    const length = { ms: Math.max(told?.ms ?? 0, ms), workMs: Math.max(told?.workMs ?? 0, workMs) }
    if (this.#asked === stretch) stretch.ended = length
    else this.#finish(stretch, length)
  }

  #finish(stretch: Stretch, length: Length): void {
    const isSure = isInside(stretch.word) || stretch.turns !== undefined
    if (stretch.told === undefined && (!isSure || length.workMs < this.#thresholdMs)) return
    this.#closeLooks = CLOSE_LOOKS_AFTER_BLOCK
    this.#wasBlocked = true
    this.#tell(stretch, length, true)
  }

  #tell(stretch: Stretch, { ms, workMs }: Length, isOver: boolean): void {
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

/** The middle between two looks: what happened between them, happened about then. */
function between(one: Look, other: Look): number {
  return (one.at + other.at) / 2
}

/** Time between two looks, less that for which the thread had to wait for a processor. */
function netMs(from: Look, to: Look): number {
  return to.at - from.at - (to.use.delayedMs - from.use.delayedMs)
}

function busyShare(from: Look, to: Look): number {
  const ms = netMs(from, to)
  return ms > 0 ? (to.use.busyMs - from.use.busyMs) / ms : 0
}

import { performance } from 'node:perf_hooks'
import { isInside } from '../engine/marker.ts'
import { clearTimeout, clockMs, setTimeout, type Timer } from '../timers.ts'
import { LoopQuestion } from './loop-question.ts'
import { withSources } from './source-maps.ts'
import { MainThreadUse, type ThreadUse } from './thread-use.ts'
import type { BlockMessage, LoopSample, WatchSetup } from './watch-protocol.ts'

// How often the watcher looks. Each look costs 35 to 150 us on a small virtual machine, the less the more there are: 0.2 % of a core at 20 ms.
const CLOSE_MS = 4
const USUAL_MS = 20
const IDLE_MS = 200
/** Close looks in a row that find nothing before it is enough for a while; after a block has been found, more of them. */
const CLOSE_LOOKS = 50
const CLOSE_LOOKS_AFTER_BLOCK = 150
const CLOSE_LOOKS_AT_FIRST = 250
const PAUSE_MS = 1000
/** Shares of a look's interval above which the thread is busy, and below which it is idle. */
const BUSY = 0.5
const IDLE = 0.1
const MOST_SAMPLES = 8
const FIRST_QUESTION_MS = 250
const MOST_PATIENCE = 16

/** What was seen at a look. */
interface Look {
  readonly at: number
  readonly word: number
  readonly use: ThreadUse
}

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
  /** When the thread was last seen at work. */
  aliveAt: number
  /** How long it was, if it ended before a question was answered. */
  endedMs: number | undefined
  /** What has been told of it, in milliseconds; 0 if nothing has. */
  toldMs: number
}

/**
 * Watches another thread's loop from outside: looks at its marker and at the processor time it uses, and at nothing else as long as
 * that changes, or nothing runs. If one word stands there while the thread works (or is inside a call of the user's), it asks the thread for its stack,
 * which answers in the middle of whatever holds it.
 *
 *   QUIET --the same word, and busy or inside--> SUSPICIOUS --for the threshold--> BLOCK
 *     '<------the word or the loop's turn changes, or the thread comes to rest-------'
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
  #periodMs = CLOSE_MS
  #nextQuestionMs = FIRST_QUESTION_MS
  /** Processor time without a call after which something seems to hold the loop. */
  #suspiciousMs = 0
  #hasDebugger = false
  #blocks = 0

  constructor(setup: WatchSetup) {
    this.#setup = setup
    this.#marker = new Int32Array(setup.marker)
    if (setup.sampler !== undefined) {
      this.#question = new LoopQuestion(setup.sampler, new Int32Array(setup.control))
      this.#use = new MainThreadUse()
    }
  }

  begin(thresholdMs: number): void {
    this.#thresholdMs = thresholdMs
    this.#closeLooks = CLOSE_LOOKS_AT_FIRST
    if (this.#isWatching) return
    this.#isWatching = true
    this.#since = undefined
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
    const look: Look = { at: clockMs(), word: this.#marker[0] as number, use: this.#readUse() }
    const last = this.#last ?? look
    if (this.#since === undefined || look.word !== this.#since.word) {
      if (this.#stretch !== undefined) this.#end(this.#stretch, between(last, look))
      if (look.word !== last.word || this.#suspiciousMs === 0) {
        this.#suspiciousMs = this.#thresholdMs / 2
        this.#nextQuestionMs = FIRST_QUESTION_MS
      }
      this.#beforeSince = last
      this.#since = look
      this.#periodMs = this.#periodWhenChanging(last, look)
    } else this.#periodMs = this.#unchanged(this.#since, last, look)
    this.#last = look
    this.#lookAfter(this.#question?.isOpen === true ? this.#closeMs : this.#periodMs)
  }

  #lookAfter(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms)
  }

  #readUse(): ThreadUse {
    return this.#use?.read() ?? { busyMs: 0, delayedMs: 0 }
  }

  /** Close looks while the thread is so busy that a block would be no wonder, but not for ever. */
  #periodWhenChanging(last: Look, look: Look): number {
    if (busyShare(last, look) < BUSY && !isInside(look.word)) return USUAL_MS
    if (this.#closeLooks > 0) {
      this.#closeLooks--
      if (this.#closeLooks === 0) this.#pausedAt = look.at
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
    const busyMs = look.use.busyMs - since.use.busyMs
    // A thread that waits for a processor looks idle for a while: what counts is what it has used since the last call.
    const isAlive = busyShare(last, look) >= IDLE
    const isSuspicious = inside ? netMs(since, look) >= this.#thresholdMs / 2 : busyMs >= this.#suspiciousMs
    if (isSuspicious && (inside || isAlive)) {
      this.#suspect(since, look, inside, busyMs)
      return this.#closeMs
    }
    if (inside || isAlive) return this.#closeMs
    // Something may wait synchronously (for a child process, a slow disk) without using the processor: ask now and then.
    if (look.at - since.at >= this.#nextQuestionMs && this.#question !== undefined) {
      this.#nextQuestionMs *= 4
      this.#suspect(since, look, false, 0)
    }
    return Math.min(IDLE_MS, this.#periodMs * 2)
  }

  /** A thread that is halted by a debugger stands inside a call, too; it uses no processor then. */
  #isCredible(since: Look, look: Look): boolean {
    return !this.#hasDebugger || busyShare(since, look) >= BUSY
  }

  #suspect(since: Look, look: Look, fromFirstSeen: boolean, busyMs: number): void {
    const beganAt = fromFirstSeen ? between(this.#beforeSince ?? since, since) : look.at - busyMs
    this.#stretch = {
      id: ++this.#blocks,
      word: look.word,
      beganAt,
      delayedMs: since.use.delayedMs,
      samples: [],
      turns: undefined,
      askedAt: 0,
      aliveAt: look.at,
      endedMs: undefined,
      toldMs: 0,
    }
    this.#ask(this.#stretch, look.at)
  }

  #goOn(stretch: Stretch, last: Look, look: Look): number {
    const inside = isInside(look.word)
    const isAlive = inside || busyShare(last, look) >= IDLE
    if (isAlive) stretch.aliveAt = look.at
    const ms = this.#lengthOf(stretch, look.at, look.use)
    if (ms >= this.#thresholdMs && (inside || stretch.turns !== undefined) && stretch.toldMs === 0) {
      stretch.toldMs = ms
      this.#tell(stretch, ms, false)
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
    if (stretch.endedMs !== undefined) this.#finish(stretch, stretch.endedMs)
    else if (isOfStretch && !isSame) {
      // The loop has turned meanwhile: many short stretches, or another long one.
      this.#end(stretch, stretch.askedAt)
      this.#falseAlarm()
    } else if (sample?.word === stretch.word && !isSame && !isInside(stretch.word)) {
      // It was idle: what had been busy is over.
      if (stretch.turns === undefined) this.#stretch = undefined
      else this.#end(stretch, stretch.aliveAt)
      this.#falseAlarm()
    }
  }

  /** Other code may keep the loop busy in many short stretches: each question takes longer to be asked, until a stage is called again. */
  #falseAlarm(): void {
    this.#since = undefined
    this.#suspiciousMs = Math.min(this.#suspiciousMs * 2, this.#thresholdMs * MOST_PATIENCE)
  }

  #lengthOf(stretch: Stretch, at: number, use: ThreadUse): number {
    return at - stretch.beganAt - (use.delayedMs - stretch.delayedMs)
  }

  #end(stretch: Stretch, at: number): void {
    this.#stretch = undefined
    const ms = Math.max(stretch.toldMs, this.#lengthOf(stretch, at, this.#readUse()))
    if (this.#asked === stretch) stretch.endedMs = ms
    else this.#finish(stretch, ms)
  }

  #finish(stretch: Stretch, ms: number): void {
    const isSure = isInside(stretch.word) || stretch.turns !== undefined
    if (stretch.toldMs === 0 && (!isSure || ms < this.#thresholdMs)) return
    this.#closeLooks = CLOSE_LOOKS_AFTER_BLOCK
    this.#tell(stretch, ms, true)
  }

  #tell(stretch: Stretch, ms: number, isOver: boolean): void {
    const message: BlockMessage = {
      id: stretch.id,
      word: stretch.word,
      beganAt: performance.timeOrigin + stretch.beganAt,
      ms,
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

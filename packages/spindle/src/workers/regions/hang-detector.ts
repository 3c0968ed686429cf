import { clearInterval, clockMs, setInterval, type Timer } from '../../timers.ts'
import type { Pulse } from './pulse.ts'
import { HELD_SEQ, HOLDER, HOLDS_SO_FAR, type HoldNote } from './region-protocol.ts'

/** How often one looks within a time limit. */
const LOOKS = 4
const SHORTEST_MS = 10
const LONGEST_MS = 250
/**
 * Looks in a row that must find a worker late: after a pause of this side's own loop, what it has
 * told meanwhile is heard only after the timers.
 */
const ENOUGH = 3

/** How long a process's count may stand still beyond the longest limit, in milliseconds. */
const STILL_MS = 3000

/** What a watch is to know. */
export interface HangLimits {
  /** Number of a stage -> its limit in milliseconds. */
  readonly stages: ReadonlyMap<number, number>
  /**
   * How long a worker may tell nothing although it should, in milliseconds; `Infinity` where it may
   * be at something that has no limit.
   */
  readonly silentMs: number
}

/** Whom a watch tells. */
export interface HangOwner {
  /** Whether the worker has something to tell. */
  readonly owes: boolean
  /** A call holds the worker too long; `seq` -1: which input it is about is not known. */
  hangs(stage: number, seq: number, limitMs: number): void
}

/**
 * Notices a call that holds its worker, so that no timer goes off there, for longer than its
 * stage's `timeoutMs`. A thread notes in shared memory which call holds it, a process tells it
 * before the call and after. A worker that tells nothing at all although it should, for it was
 * stopped, or something holds it that is no call, is noticed where every stage has a limit; a
 * process that is stopped, where any has one.
 */
export class HangDetector {
  readonly #limits: ReadonlyMap<number, number>
  readonly #silentMs: number
  readonly #owner: HangOwner
  readonly #control: Int32Array | undefined
  #timer: Timer | undefined
  /** Where the life of a process can be seen. */
  pulse: Pulse | undefined
  #told: HoldNote = { holder: -1, seq: -1 }
  #toldCount = 0
  #holder = -1
  #count = 0
  #since = 0
  #late = 0
  #heardAt = 0
  #beats: number | undefined
  #beatAt = 0
  #silent = 0

  constructor(limits: HangLimits, control: SharedArrayBuffer | undefined, owner: HangOwner) {
    this.#limits = limits.stages
    this.#silentMs = limits.silentMs
    this.#control = control === undefined ? undefined : new Int32Array(control)
    this.#owner = owner
  }

  start(): void {
    if (this.#limits.size === 0) return
    const everyMs = Math.min(
      LONGEST_MS,
      Math.max(SHORTEST_MS, Math.min(...this.#limits.values()) / LOOKS),
    )
    // It is the worker that keeps the process alive while something is wanted of it.
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The worker has told something, or has got something to do. */
  alive(): void {
    this.#heardAt = clockMs()
    this.#silent = 0
  }

  /** A process tells what holds it. */
  told(note: HoldNote): void {
    this.#told = note
    this.#toldCount++
  }

  #look(): void {
    const holder =
      this.#control === undefined ? this.#told.holder : Atomics.load(this.#control, HOLDER) - 1
    const count =
      this.#control === undefined ? this.#toldCount : Atomics.load(this.#control, HOLDS_SO_FAR)
    if (holder < 0 || holder !== this.#holder || count !== this.#count) {
      const isSame = holder < 0 && count === this.#count
      this.#holder = holder
      this.#count = count
      this.#since = clockMs()
      this.#late = 0
      if (isSame) this.#lookForSilence()
      else this.alive()
      return
    }
    const limitMs = this.#limits.get(holder) ?? Number.POSITIVE_INFINITY
    if (clockMs() - this.#since < limitMs) return
    if (++this.#late < ENOUGH) return
    const seq = this.#control === undefined ? this.#told.seq : Atomics.load(this.#control, HELD_SEQ)
    this.#owner.hangs(holder, seq, limitMs)
  }

  #lookForSilence(): void {
    if (!this.#owner.owes) this.alive()
    const isLate = clockMs() - this.#heardAt >= this.#silentMs || this.#standsStill()
    if (!isLate || ++this.#silent < ENOUGH) return
    const [stage, limitMs] = [...this.#limits].reduce((one, other) =>
      other[1] > one[1] ? other : one,
    )
    this.#owner.hangs(stage, -1, limitMs)
  }

  /** Whether the process as a whole does not run: what holds its loop does not stop its count. */
  #standsStill(): boolean {
    const now = clockMs()
    const beats = this.pulse?.count
    if (beats === undefined || beats !== this.#beats || this.#beatAt < this.#heardAt) {
      this.#beats = beats
      this.#beatAt = now
      return false
    }
    return now - this.#beatAt >= Math.max(...this.#limits.values()) + STILL_MS
  }
}

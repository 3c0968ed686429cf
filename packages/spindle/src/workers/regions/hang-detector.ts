import { clearInterval, clockMs, setInterval, type Timer } from '../../timers.ts'
import type { Pulse } from './pulse.ts'
import { HELD_SEQ, HOLDER, HOLDS_SO_FAR, type HoldNote } from './region-protocol.ts'

/** Number of checks within a time limit. */
const LOOKS = 4
const SHORTEST_MS = 10
const LONGEST_MS = 250
/**
 * Number of consecutive checks that must find a worker late. After a pause of this thread's event
 * loop, timers run before the messages that arrived meanwhile.
 */
const ENOUGH = 3

/** How much longer than the longest limit a process's count may stand still, in milliseconds. */
const STILL_MS = 3000

/** Settings of a hang detector. */
export interface HangLimits {
  /** Limit of each stage in milliseconds, by the number of the stage. */
  readonly stages: ReadonlyMap<number, number>
  /**
   * How long a worker may send nothing although it should, in milliseconds; `Infinity` if it may
   * run code without a limit.
   */
  readonly silentMs: number
}

/** Receives the reports of a hang detector. */
export interface HangOwner {
  /** Whether the worker should send something. */
  readonly owes: boolean
  /** A call blocks the worker for too long. `seq`: number of its input; -1 if unknown. */
  hangs(stage: number, seq: number, limitMs: number): void
}

/**
 * Detects a call that blocks its worker, so that no timer runs there, for longer than its stage's
 * `timeoutMs`. A thread notes in shared memory which call blocks it; a process sends a message
 * before and after the call. If every stage has a limit, it also detects a worker that sends
 * nothing although it should: the worker was stopped, or is blocked by code that is not a call. If
 * any stage has a limit, it also detects a stopped process.
 */
export class HangDetector {
  readonly #limits: ReadonlyMap<number, number>
  readonly #silentMs: number
  readonly #owner: HangOwner
  readonly #control: Int32Array | undefined
  #timer: Timer | undefined
  /** Shows whether a process runs. */
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
    // Unreferenced: while work is pending, the worker keeps the process alive.
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The worker has sent something, or has received work. */
  alive(): void {
    this.#heardAt = clockMs()
    this.#silent = 0
  }

  /** A process reports the call that blocks it. */
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

  /** Whether the whole process does not run. A blocked event loop does not stop its count. */
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

import { clearInterval, clockMs, setInterval, type Timer } from '../../timers.ts'
import type { Pulse } from './pulse.ts'
import {
  BLOCKING_CALLS,
  BLOCKING_SEQ,
  BLOCKING_STAGE,
  type BlockingNote,
} from './region-protocol.ts'

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
  #note: BlockingNote = { blockingStage: -1, seq: -1 }
  #notes = 0
  #blockingStage = -1
  #count = 0
  #since = 0
  #late = 0
  #aliveAt = 0
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
    this.#aliveAt = clockMs()
    this.#silent = 0
  }

  /** A process reports the call that blocks it. */
  onNote(note: BlockingNote): void {
    this.#note = note
    this.#notes++
  }

  #look(): void {
    const blockingStage =
      this.#control === undefined
        ? this.#note.blockingStage
        : Atomics.load(this.#control, BLOCKING_STAGE) - 1
    const count =
      this.#control === undefined ? this.#notes : Atomics.load(this.#control, BLOCKING_CALLS)
    if (blockingStage < 0 || blockingStage !== this.#blockingStage || count !== this.#count) {
      const isSame = blockingStage < 0 && count === this.#count
      this.#blockingStage = blockingStage
      this.#count = count
      this.#since = clockMs()
      this.#late = 0
      if (isSame) this.#lookForSilence()
      else this.alive()
      return
    }
    const limitMs = this.#limits.get(blockingStage) ?? Number.POSITIVE_INFINITY
    if (clockMs() - this.#since < limitMs) return
    if (++this.#late < ENOUGH) return
    const seq =
      this.#control === undefined ? this.#note.seq : Atomics.load(this.#control, BLOCKING_SEQ)
    this.#owner.hangs(blockingStage, seq, limitMs)
  }

  #lookForSilence(): void {
    if (!this.#owner.owes) this.alive()
    const isLate = clockMs() - this.#aliveAt >= this.#silentMs || this.#standsStill()
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
    if (beats === undefined || beats !== this.#beats || this.#beatAt < this.#aliveAt) {
      this.#beats = beats
      this.#beatAt = now
      return false
    }
    return now - this.#beatAt >= Math.max(...this.#limits.values()) + STILL_MS
  }
}

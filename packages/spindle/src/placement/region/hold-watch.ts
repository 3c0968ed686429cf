import { clearInterval, clockMs, setInterval, type Timer } from '../../timers.ts'
import { HELD_SEQ, HOLDER, HOLDS_SO_FAR, type HoldNote } from './protocol.ts'

/** How often one looks within a time limit. */
const LOOKS = 4
const SHORTEST_MS = 10
const LONGEST_MS = 250

/**
 * Notices a call that holds its worker, so that no timer goes off there, for longer than its stage's `timeoutMs`. A thread notes in shared memory
 * which call holds it, a process tells it before the call and after.
 */
export class HoldWatch {
  readonly #limits: ReadonlyMap<number, number>
  readonly #control: Int32Array | undefined
  readonly #onHang: (stage: number, seq: number, limitMs: number) => void
  #timer: Timer | undefined
  #told: HoldNote = { holder: -1, seq: -1 }
  #toldCount = 0
  #holder = -1
  #count = 0
  #since = 0
  #late = 0

  /** `limits`: number of a stage -> its limit in milliseconds. */
  constructor(
    limits: ReadonlyMap<number, number>,
    control: SharedArrayBuffer | undefined,
    onHang: (stage: number, seq: number, limitMs: number) => void,
  ) {
    this.#limits = limits
    this.#control = control === undefined ? undefined : new Int32Array(control)
    this.#onHang = onHang
  }

  start(): void {
    if (this.#limits.size === 0) return
    const everyMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.min(...this.#limits.values()) / LOOKS))
    // It is the worker that keeps the process alive while something is wanted of it.
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** A process tells what holds it. */
  told(note: HoldNote): void {
    this.#told = note
    this.#toldCount++
  }

  #look(): void {
    const holder = this.#control === undefined ? this.#told.holder : Atomics.load(this.#control, HOLDER) - 1
    const count = this.#control === undefined ? this.#toldCount : Atomics.load(this.#control, HOLDS_SO_FAR)
    if (holder < 0 || holder !== this.#holder || count !== this.#count) {
      this.#holder = holder
      this.#count = count
      this.#since = clockMs()
      this.#late = 0
      return
    }
    const limitMs = this.#limits.get(holder) ?? Number.POSITIVE_INFINITY
    if (clockMs() - this.#since < limitMs) return
    // After a pause of this side's own loop, what the worker has told meanwhile is heard only after the timers: one looks again.
    if (++this.#late <= 2) return
    const seq = this.#control === undefined ? this.#told.seq : Atomics.load(this.#control, HELD_SEQ)
    this.#onHang(holder, seq, limitMs)
  }
}

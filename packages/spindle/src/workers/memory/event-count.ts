import { onAbort } from '../../abort-signals.ts'
import { clearTimeout, clockMs, setTimeout } from '../../timers.ts'
import type { Spin } from './spin.ts'

/** Words of shared memory that a bell takes. */
export const BELL_WORDS = 3

/** No sleep is longer; what ought to have ended it earlier is counted. */
const SLICE_MS = 1000

/** Limits of a wait that does not hold the thread. */
export interface WaitLimits {
  /** How long to wait, in milliseconds, a number > 0 or `Infinity`. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Where threads wait until somebody has changed something in shared memory.
 *
 * Three words: how many are waiting, which only those who wait change; a number that every ring
 * changes; wake-ups that were lost. Whoever changes something does so first and then rings; whoever
 * waits says so first, then reads the number, then looks, and sleeps only as long as the number is
 * what it read. So either the ringer sees that somebody waits, or the other sees the change, and a
 * ring between the last look and the sleep ends it at once. A sleep ends after a second
 * nevertheless, and what is found then, unrung, counts as lost.
 */
export class EventCount {
  readonly #words: Int32Array
  readonly #waiting: number
  readonly #rings: number
  readonly #lost: number

  constructor(words: Int32Array, at: number) {
    this.#words = words
    this.#waiting = at
    this.#rings = at + 1
    this.#lost = at + 2
  }

  /**
   * Changes that a sleeper found by itself only after its second was over. None, if all is right.
   */
  get lostWakeups(): number {
    return Atomics.load(this.#words, this.#lost)
  }

  /** Wakes all who wait. To be called after the change. */
  ring(): void {
    // A sleeper that was terminated stays counted: then this costs 30 ns more, no more.
    if (Atomics.load(this.#words, this.#waiting) === 0) return
    Atomics.add(this.#words, this.#rings, 1)
    Atomics.notify(this.#words, this.#rings)
  }

  /** Holds the thread until `look` finds something; `undefined` when `timeoutMs` are over. */
  waitSync<R>(look: () => R | undefined, timeoutMs: number, spin: Spin): R | undefined {
    const found = look() ?? (timeoutMs > 0 ? spin.for(look) : undefined)
    if (found !== undefined || timeoutMs <= 0) return found
    const deadline = clockMs() + timeoutMs
    Atomics.add(this.#words, this.#waiting, 1)
    try {
      for (;;) {
        const rings = Atomics.load(this.#words, this.#rings)
        const found = look()
        if (found !== undefined) return found
        const leftMs = deadline - clockMs()
        if (leftMs <= 0) return undefined
        const ending = Atomics.wait(this.#words, this.#rings, rings, Math.min(leftMs, SLICE_MS))
        if (ending === 'timed-out' && leftMs > SLICE_MS) {
          const late = this.#lookLate(look, rings)
          if (late !== undefined) return late
        }
      }
    } finally {
      Atomics.sub(this.#words, this.#waiting, 1)
    }
  }

  /**
   * As `waitSync`, without holding the thread; keeps the process alive meanwhile.
   *
   * @throws The signal's reason when it is aborted.
   */
  async wait<R>(
    look: () => R | undefined,
    { timeoutMs, signal }: WaitLimits,
  ): Promise<R | undefined> {
    signal?.throwIfAborted()
    const found = look()
    if (found !== undefined) return found
    const deadline = clockMs() + timeoutMs
    Atomics.add(this.#words, this.#waiting, 1)
    try {
      for (;;) {
        const rings = Atomics.load(this.#words, this.#rings)
        const found = look()
        if (found !== undefined) return found
        const leftMs = deadline - clockMs()
        if (leftMs <= 0) return undefined
        const ending = await this.#sleep(rings, Math.min(leftMs, SLICE_MS), signal)
        signal?.throwIfAborted()
        if (ending === 'timed-out' && leftMs > SLICE_MS) {
          const late = this.#lookLate(look, rings)
          if (late !== undefined) return late
        }
      }
    } finally {
      Atomics.sub(this.#words, this.#waiting, 1)
    }
  }

  #lookLate<R>(look: () => R | undefined, rings: number): R | undefined {
    const found = look()
    if (found !== undefined && Atomics.load(this.#words, this.#rings) === rings)
      Atomics.add(this.#words, this.#lost, 1)
    return found
  }

  #sleep(rings: number, ms: number, signal: AbortSignal | undefined): Promise<'ok' | 'timed-out'> {
    const sleep = waitAsync(this.#words, this.#rings, rings)
    if (!sleep.async) return Promise.resolve('ok')
    return new Promise((resolve) => {
      // The timer keeps the process alive, which `Atomics.waitAsync` does not.
      const timer = setTimeout(() => end('timed-out'), ms)
      const aborted = (): void => end('ok')
      const end = (ending: 'ok' | 'timed-out', isRung = false): void => {
        clearTimeout(timer)
        stopListening?.()
        resolve(ending)
        // The engine's own waiter would wait on; waking it wakes others, who look and sleep again.
        if (!isRung) Atomics.notify(this.#words, this.#rings)
      }
      const stopListening = signal && onAbort(signal, aborted)
      void sleep.value.then(() => end('ok', true))
    })
  }
}

type AsyncSleep =
  | { readonly async: false; readonly value: string }
  | { readonly async: true; readonly value: Promise<string> }

// In every Node that is supported, and younger than the library of types.
const { waitAsync } = Atomics as unknown as {
  readonly waitAsync: (words: Int32Array, at: number, value: number) => AsyncSleep
}

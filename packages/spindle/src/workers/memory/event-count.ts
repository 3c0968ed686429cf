import { onAbort } from '../../abort-signals.ts'
import { clearTimeout, clockMs, setTimeout } from '../../timers.ts'
import type { SpinPolicy } from './spin-policy.ts'

/** Number of words of shared memory that an event count takes. */
export const BELL_WORDS = 3

/**
 * Maximum length of a sleep, in milliseconds. A change that should have ended it earlier is
 * counted.
 */
const SLICE_MS = 1000

/** Limits of a wait that does not block the thread. */
export interface WaitLimits {
  /** How long to wait, in milliseconds, a number > 0 or `Infinity`. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Threads wait here until another thread has changed something in shared memory.
 *
 * It has three words: the number of waiters, which only waiters change; a number that every
 * notification (`ring`) changes; and the number of lost wake-ups. A thread makes its change first
 * and then rings. A waiter first counts itself, then reads the ring number, then looks for the
 * change, and sleeps only while the number is the one that it has read. So either the ringing
 * thread sees the waiter, or the waiter sees the change; a ring between the look and the sleep ends
 * the sleep at once. A sleep nevertheless ends after a second; a change found then, without a ring,
 * counts as a lost wake-up.
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
   * Number of changes that a waiter only found after its sleep of a second. 0 unless there is a
   * bug.
   */
  get lostWakeups(): number {
    return Atomics.load(this.#words, this.#lost)
  }

  /** Wakes all waiters. Must be called after the change. */
  ring(): void {
    // A waiter that was terminated stays counted. Its only effect is that a ring costs 30 ns more.
    if (Atomics.load(this.#words, this.#waiting) === 0) return
    Atomics.add(this.#words, this.#rings, 1)
    Atomics.notify(this.#words, this.#rings)
  }

  /** Blocks the thread until `look` returns a value; returns `undefined` after `timeoutMs`. */
  waitSync<R>(look: () => R | undefined, timeoutMs: number, spin: SpinPolicy): R | undefined {
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
        const result = Atomics.wait(this.#words, this.#rings, rings, Math.min(leftMs, SLICE_MS))
        if (result === 'timed-out' && leftMs > SLICE_MS) {
          const late = this.#lookLate(look, rings)
          if (late !== undefined) return late
        }
      }
    } finally {
      Atomics.sub(this.#words, this.#waiting, 1)
    }
  }

  /**
   * As `waitSync`, without blocking the thread. Keeps the process alive while it waits.
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
        const result = await this.#sleep(rings, Math.min(leftMs, SLICE_MS), signal)
        signal?.throwIfAborted()
        if (result === 'timed-out' && leftMs > SLICE_MS) {
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
      const end = (result: 'ok' | 'timed-out', isRung = false): void => {
        clearTimeout(timer)
        stopListening?.()
        resolve(result)
        // The engine's waiter would stay in place. Notifying it also wakes other waiters, which
        // look again and continue to sleep.
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

// Every supported Node has it, but TypeScript's library of types does not yet.
const { waitAsync } = Atomics as unknown as {
  readonly waitAsync: (words: Int32Array, at: number, value: number) => AsyncSleep
}

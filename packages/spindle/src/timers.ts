import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

// Clocks and timers, saved when the module is loaded. A test that mocks the global ones (node:test,
// sinon, vitest) then affects neither the pipelines of its own process nor later ones.
// `npm run lint` and `npm run imports` refuse the global ones elsewhere.

/** The longest delay of Node's timers. With a longer one, they fire after 1 ms. */
const LONGEST_MS = 2 ** 31 - 1

/** A running timer. */
export interface Timer {
  /** Keeps the process alive again. */
  ref(): Timer
  /** Lets the process end before the timer fires. */
  unref(): Timer
  /** Restarts the delay. */
  refresh(): Timer
}

const native = {
  setTimeout: timers.setTimeout,
  clearTimeout: timers.clearTimeout,
  setInterval: timers.setInterval,
  clearInterval: timers.clearInterval,
}

/** A monotonic clock in milliseconds. */
export const clockMs: () => number = performance.now.bind(performance)
/** The same clock in milliseconds since 1970, which other threads and processes can compare. */
export const sinceEpoch = (): number => performance.timeOrigin + performance.now()
/** Milliseconds since 1970. */
export const epochMs: () => number = Date.now.bind(Date)
export const setImmediate: typeof globalThis.setImmediate = timers.setImmediate
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask
export const nextTick: typeof process.nextTick = process.nextTick.bind(process)

/**
 * Calls a function once after a delay of any length. A delay of `Infinity` never ends, and keeps
 * the process alive like other delays.
 */
export function setTimeout(call: () => void, ms: number): Timer {
  return ms > LONGEST_MS ? new LongTimer(call, ms, false) : native.setTimeout(call, ms)
}

/** Calls a function repeatedly, at intervals of any length. */
export function setInterval(call: () => void, ms: number): Timer {
  return ms > LONGEST_MS ? new LongTimer(call, ms, true) : native.setInterval(call, ms)
}

export function clearTimeout(timer: Timer | undefined): void {
  if (timer instanceof LongTimer) timer.stop()
  else native.clearTimeout(timer as NodeJS.Timeout | undefined)
}

export const clearInterval: (timer: Timer | undefined) => void = clearTimeout

/**
 * Resolves after a delay.
 *
 * @throws The reason of `signal` if it is aborted first.
 */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** A delay composed of several native delays. */
class LongTimer implements Timer {
  readonly #call: () => void
  readonly #ms: number
  readonly #repeats: boolean
  #leftMs: number
  #part: NodeJS.Timeout
  #isReffed = true

  constructor(call: () => void, ms: number, repeats: boolean) {
    this.#call = call
    this.#ms = ms
    this.#repeats = repeats
    this.#leftMs = ms
    this.#part = this.#next()
  }

  #next(): NodeJS.Timeout {
    const partMs = Math.min(this.#leftMs, LONGEST_MS)
    this.#leftMs -= partMs
    const part = native.setTimeout(() => this.#fire(), partMs)
    return this.#isReffed ? part : part.unref()
  }

  #fire(): void {
    if (this.#leftMs > 0) {
      this.#part = this.#next()
      return
    }
    if (this.#repeats) this.refresh()
    this.#call()
  }

  ref(): this {
    this.#isReffed = true
    this.#part.ref()
    return this
  }

  unref(): this {
    this.#isReffed = false
    this.#part.unref()
    return this
  }

  refresh(): this {
    this.stop()
    this.#leftMs = this.#ms
    this.#part = this.#next()
    return this
  }

  stop(): void {
    native.clearTimeout(this.#part)
  }
}

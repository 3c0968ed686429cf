// Ways to hold an op where a test wants it, and to wait for an event instead of for a time.
import { setImmediate as nextTurn } from 'node:timers/promises'

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

/** A promise that the test settles. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** A promise that nothing settles. */
export function never<T = never>(): Promise<T> {
  return new Promise<T>(() => {})
}

/**
 * Rejects when the signal aborts, and never settles otherwise: a well-behaved op that waits for
 * something.
 */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Lets the loop turn, so that whatever can go on goes on. */
export async function turns(count = 1): Promise<void> {
  for (let done = 0; done < count; done++) await nextTurn()
}

/** Waits for a condition, turn by turn; fails after `limitMs`. */
export async function until(
  condition: () => boolean,
  what = 'the condition',
  limitMs = 60_000,
): Promise<void> {
  const limit = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > limit)
      throw new Error(`${what} did not come about within ${limitMs} ms`)
    await nextTurn()
  }
}

/**
 * Waits until what is observed has stayed the same for a good number of turns of the loop, and
 * gives it.
 */
export async function settled<V>(observe: () => V, quietTurns = 30): Promise<V> {
  let last = observe()
  for (let quiet = 0; quiet < quietTurns; quiet++) {
    await nextTurn()
    const now = observe()
    if (now !== last) {
      last = now
      quiet = 0
    }
  }
  return last
}

/** A door for each key: `wait(key)` blocks until `open(key)`, in either order of the two. */
export class Gates<K> {
  readonly #doors = new Map<K, Deferred<void>>()
  readonly #waiting = new Set<K>()

  /** Keys that somebody waits at, in the order in which they came. */
  get waiting(): K[] {
    return [...this.#waiting]
  }

  async wait(key: K): Promise<void> {
    this.#waiting.add(key)
    await this.#door(key).promise
    this.#waiting.delete(key)
  }

  open(...keys: K[]): void {
    for (const key of keys) this.#door(key).resolve()
  }

  #door(key: K): Deferred<void> {
    let door = this.#doors.get(key)
    if (door === undefined) {
      door = deferred()
      this.#doors.set(key, door)
    }
    return door
  }
}

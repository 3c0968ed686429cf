import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'

/** Longer than anything but a hang lasts: delays between attempts are a millisecond here. */
const STALL_MS = 2000

/**
 * Lets ops end in an order that a seed decides: each call waits in here, and a driver releases one
 * of those waiting, or several, or none, turn after turn. The same seed gives the same choices.
 */
export class Scheduler {
  readonly #waiting: (() => void)[] = []
  #state: number
  #lastWait = 0
  #isOver = false

  constructor(seed: number) {
    this.#state = seed | 0
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Waits to be released; now and then not at all, or for microtasks only; not at all when it is
   * over.
   */
  wait(): Promise<void> | undefined {
    const kind = this.random(8)
    if (kind === 0 || this.#isOver) return undefined
    if (kind === 1) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /**
   * Runs `work`, releasing the waiting until it settles. With `pauses`, it sometimes lets
   * milliseconds pass. Rejects when nothing has waited in here for a while: the work hangs.
   */
  async drive<V>(work: () => Promise<V>, pauses = false): Promise<V> {
    let isRunning = true
    const done = work().finally(() => {
      isRunning = false
    })
    const stall = (async () => {
      this.#lastWait = performance.now()
      while (isRunning) {
        if (pauses && this.random(4) === 0) await delay(2)
        else await nextTurn()
        for (let releases = this.random(3); releases > 0; releases--) this.#releaseOne()
        if (this.#waiting.length > 0) this.#lastWait = performance.now()
        else if (performance.now() - this.#lastWait > STALL_MS)
          throw new Error('the pipeline hangs')
      }
    })()
    try {
      await Promise.race([done, stall.then(() => done)])
    } catch (error) {
      done.catch(() => {})
      throw error
    }
    // What still goes on, because nobody waited for it, is not held up.
    this.#isOver = true
    while (this.#waiting.length > 0) this.#releaseOne()
    return done
  }

  /** 0, 1, … `limit - 1` (mulberry32). */
  random(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }

  #releaseOne(): void {
    if (this.#waiting.length === 0) return
    const [release] = this.#waiting.splice(this.random(this.#waiting.length), 1)
    release?.()
  }
}

import { onAbort } from '../../abort-signals.ts'
import { countMemoryWaits } from '../../engine/stats/memory-waits.ts'
import { TimeoutError } from '../../errors.ts'
import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'
import type { EventCount, WaitLimits } from './event-count.ts'

interface Waiting {
  readonly attempt: () => boolean
}

/**
 * The waiting requests for memory of one thread. They are served in order of arrival, so that small
 * requests do not starve a large one.
 */
export class AcquireQueue {
  readonly #eventCount: EventCount
  readonly #waiting: Waiting[] = []
  #isWatching: AbortController | undefined

  constructor(eventCount: EventCount) {
    this.#eventCount = eventCount
  }

  /**
   * Resolves with the result of `attempt` once that is not `undefined`, after all earlier requests.
   */
  add<R>(
    attempt: () => R | undefined,
    { timeoutMs, signal }: WaitLimits,
    what: string,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      let timer: Timer | undefined
      let stopListening: (() => void) | undefined
      let isCounted = false
      const done = (): void => {
        clearTimeout(timer)
        stopListening?.()
        if (isCounted) countMemoryWaits(-1)
      }
      const leave = (): void => {
        done()
        const at = this.#waiting.indexOf(waiting)
        if (at >= 0) this.#waiting.splice(at, 1)
        this.#serve()
      }
      const abort = (): void => {
        reject(signal?.reason)
        leave()
      }
      const waiting: Waiting = {
        attempt: () => {
          const found = attempt()
          if (found === undefined) return false
          done()
          resolve(found)
          return true
        },
      }
      this.#waiting.push(waiting)
      this.#serve()
      if (!this.#waiting.includes(waiting)) return
      countMemoryWaits(1)
      isCounted = true
      stopListening = signal && onAbort(signal, abort)
      if (timeoutMs === Number.POSITIVE_INFINITY) return
      timer = setTimeout(() => {
        reject(new TimeoutError(`${what} was not free within ${timeoutMs} ms`))
        leave()
      }, timeoutMs)
    })
  }

  /**
   * Serves waiting requests from the first on, as far as possible. Then watches for memory for the
   * rest, or stops watching.
   */
  #serve(): true | undefined {
    while (this.#waiting[0]?.attempt()) this.#waiting.shift()
    if (this.#waiting.length === 0) {
      this.#isWatching?.abort()
      this.#isWatching = undefined
      return true
    }
    if (this.#isWatching === undefined) {
      const watching = new AbortController()
      this.#isWatching = watching
      const limits = { timeoutMs: Number.POSITIVE_INFINITY, signal: watching.signal }
      // Ends when all are served or have left.
      this.#eventCount.wait(() => this.#serve(), limits).catch(() => {})
    }
    return undefined
  }
}

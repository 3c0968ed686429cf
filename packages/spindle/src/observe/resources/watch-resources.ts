import { messageOf } from '../../errors.ts'
import { boolean, durationMs, func, options, type Rules } from '../../options/index.ts'
import { plain } from '../../plain-text.ts'
import { clearInterval, setInterval, type Timer } from '../../timers.ts'
import { callListener } from '../../user-code.ts'
import type { ResourceInterval } from './interval.ts'
import { ResourceMeter, type ResourceSummary } from './meter.ts'
import { resourceUsage } from './usage.ts'

/** Options of `watchResources()`. */
export interface WatchOptions {
  /** Time between two readings, in milliseconds. Default 1000. */
  readonly intervalMs?: number
  /**
   * Called with the usage since the previous reading. An error that it throws becomes a process
   * warning.
   */
  readonly onInterval?: (usage: ResourceInterval) => void
  /** Whether readings have `pssBytes` and `privateBytes`; see `resourceUsage()`. Default false. */
  readonly pss?: boolean
}

const watchOptions = options('WatchOptions', {
  intervalMs: durationMs({ default: 1000 }),
  onInterval: func(),
  pss: boolean({ default: false }),
} satisfies Rules<WatchOptions>)

/** A running watch. `using` also ends it. */
export interface ResourceWatch extends Disposable {
  /** Usage so far. Takes a new reading unless the watch is stopped. */
  summary(): ResourceSummary
  /** Ends the watch. Can be called repeatedly. */
  stop(): ResourceSummary
}

/**
 * Takes a reading of `resourceUsage()` at regular intervals and reports the differences. It does
 * not keep the process alive. On Linux the descendants of this process are included.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { watchResources } from 'spindle'
 *
 * const watch = watchResources({ intervalMs: 200, onInterval: ({ cpuCores }) => console.log(`${cpuCores.toFixed(1)} cores`) })
 * for (let i = 0, x = 0; i < 1e7; i++) x += i
 * const { total, most } = watch.stop()
 * assert.ok(total.elapsedMs > 0 && most.rssBytes > 1e6)
 * ```
 */
export function watchResources(options: WatchOptions = {}): ResourceWatch {
  const { intervalMs, onInterval, pss } = watchOptions.check(options)
  return new Watch(new ResourceMeter(() => resourceUsage({ pss })), intervalMs, onInterval)
}

class Watch implements ResourceWatch {
  readonly #meter: ResourceMeter
  readonly #onInterval: ((usage: ResourceInterval) => void) | undefined
  readonly #timer: Timer
  #last: ResourceSummary | undefined

  constructor(
    meter: ResourceMeter,
    intervalMs: number,
    onInterval: ((usage: ResourceInterval) => void) | undefined,
  ) {
    this.#meter = meter
    this.#onInterval = onInterval
    this.#timer = setInterval(() => this.#emit(meter.advance()), intervalMs)
    this.#timer.unref()
  }

  summary(): ResourceSummary {
    if (this.#last !== undefined) return this.#last
    this.#meter.advance()
    return this.#meter.summary()
  }

  stop(): ResourceSummary {
    clearInterval(this.#timer)
    this.#last = this.summary()
    return this.#last
  }

  [Symbol.dispose](): void {
    this.stop()
  }

  #emit(interval: ResourceInterval): void {
    const onInterval = this.#onInterval
    callListener(
      () => onInterval?.(interval),
      (error) => process.emitWarning(plain(`spindle: \`onInterval\` failed: ${messageOf(error)}`)),
    )
  }
}

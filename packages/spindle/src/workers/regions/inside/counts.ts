import type { Stage } from '../../../engine/stages/stage.ts'
import { Histogram } from '../../../engine/stats/histogram.ts'
import { clockMs } from '../../../timers.ts'
import { FIELDS_OF_STAGE, LONGEST_MS, MOST_BYTES, MOST_ITEMS } from '../region-protocol.ts'

/**
 * Interval between two reports of histograms during work, in milliseconds. They are larger than the
 * rest of a report.
 */
const HISTOGRAMS_MS = 100

/** Reads what stages have counted since the last reading. */
export class CountReader {
  readonly #stages: readonly Stage[]
  #last: number[]
  readonly #lastHistograms: Histogram[]
  #sentAt = 0

  constructor(stages: readonly Stage[]) {
    this.#stages = stages
    this.#last = new Array(stages.length * FIELDS_OF_STAGE).fill(0)
    this.#lastHistograms = stages.map(() => new Histogram())
  }

  /** See `WorkerReport`. Maxima are reported as they are, not as differences. */
  read(): number[] {
    const now = this.#stages.flatMap(countsOf)
    const last = this.#last
    this.#last = now
    return now.map((count, at) => {
      const field = at % FIELDS_OF_STAGE
      const isMost = field === LONGEST_MS || field === MOST_ITEMS || field === MOST_BYTES
      return isMost ? count : count - (last[at] as number)
    })
  }

  /** Times by number of concurrent calls, since the last reading. */
  readLevels(): number[][] {
    return this.#stages.map(({ counters }) => counters.levels.news())
  }

  /** The histograms, if they are due, or if no further work would report them later. */
  readHistograms(isResting: boolean): number[][] | undefined {
    const now = clockMs()
    const hasNews = this.#stages.some(
      ({ counters }, i) => counters.histogram.total !== this.#lastHistograms[i]?.total,
    )
    if (!hasNews || (!isResting && now - this.#sentAt < HISTOGRAMS_MS)) return undefined
    this.#sentAt = now
    return this.#stages.map(({ counters }, i) => {
      const news = counters.histogram.copy()
      news.merge(this.#lastHistograms[i] as Histogram, -1)
      this.#lastHistograms[i] = counters.histogram.copy()
      return news.toJSON()
    })
  }
}

function countsOf(stage: Stage): number[] {
  const { counters, exits } = stage
  const { skipped, retries, timeouts, timed, timedMs, longestMs, busyMs } = counters
  const pending = stage.pendingTimes
  const sum = (of: (queue: (typeof exits)[number]) => number): number =>
    exits.reduce((total, queue) => total + of(queue), 0)
  const times = exits.map((queue) => queue.times())
  return [
    stage.tasks,
    stage.running,
    sum((queue) => queue.passed),
    skipped,
    retries,
    timeouts,
    timed,
    timedMs,
    longestMs,
    busyMs + pending.busyMs,
    stage.blockedMs,
    sum((queue) => queue.length),
    sum((queue) => queue.mostItems),
    sum((queue) => queue.bytes),
    sum((queue) => queue.mostBytes),
    sum((queue) => queue.discarded),
    Math.min(...times.map(({ emptyMs }) => emptyMs)),
    Math.max(...times.map(({ fullMs }) => fullMs)),
    counters.queuedTasks + pending.queuedTasks,
    counters.queuedMs + pending.queuedMs,
    counters.backoffMs + pending.backoffMs,
    counters.silent,
    counters.waitedMs + pending.queuedMs,
    counters.loopMs,
  ]
}

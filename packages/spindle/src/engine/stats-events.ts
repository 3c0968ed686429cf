import { clearInterval, setInterval, type Timer } from '../timers.ts'
import { callListener } from '../user-code.ts'
import { channels } from './channels.ts'
import type { Graph } from './graph.ts'
import { type PipelineStats, readStats } from './stats.ts'
import { statsBetween } from './stats-interval.ts'

/** Figures of a pipeline, as they are pushed to whoever asked for them. */
export interface StatsEvent {
  /** `'interval'`: some time has passed; `'final'`: the pipeline has ended, and everything is counted. */
  readonly kind: 'interval' | 'final'
  /** All since the start. */
  readonly total: PipelineStats
  /** What happened since the event before; of the final event, the rest. */
  readonly interval: PipelineStats
}

/**
 * Tells of a pipeline's figures at intervals and at its end: every task is in exactly one interval, and the intervals add up to the
 * total. Times follow the clock, not the items, so a spell that is still open at the edge of an interval is cut there.
 */
export class StatsEvents {
  readonly #graph: Graph
  readonly #onStats: ((event: StatsEvent) => void) | undefined
  readonly #intervalMs: number | undefined
  #timer: Timer | undefined
  #before: PipelineStats | undefined

  constructor(graph: Graph) {
    this.#graph = graph
    this.#onStats = graph.options.onStats
    this.#intervalMs = graph.options.reportIntervalMs
  }

  start(): void {
    this.#before = readStats(this.#graph)
    if (this.#intervalMs === undefined) return
    this.#timer = setInterval(() => this.#tell('interval'), this.#intervalMs)
    this.#timer.unref()
  }

  /** The pipeline has ended. */
  end(): void {
    clearInterval(this.#timer)
    this.#tell('final')
  }

  #tell(kind: StatsEvent['kind']): void {
    const before = this.#before
    if (before === undefined || (this.#onStats === undefined && !channels.stats.hasSubscribers)) return
    const total = readStats(this.#graph)
    this.#before = total
    const event: StatsEvent = { kind, total, interval: statsBetween(before, total) }
    const onStats = this.#onStats
    this.#graph.hookCalls.call(() => {
      channels.stats.publish(event)
      callListener(
        () => onStats?.(event),
        (error) => this.#graph.logger.error('spindle: `onStats` failed', error),
      )
    })
  }
}

import { clearInterval, setInterval, type Timer } from '../../timers.ts'
import { callListener } from '../../user-code.ts'
import { channels } from '../hooks/channels.ts'
import type { HookCalls } from '../hooks/hook-calls.ts'
import type { PipelineStats, StatsEvent } from '../stats/pipeline-stats.ts'
import type { BuildOptions, Logger } from '../types.ts'
import { type MeasuredGraph, readStats } from './read-stats.ts'
import { statsBetween } from './stats-interval.ts'

/** The graph whose statistics are reported. */
interface ListenedGraph extends MeasuredGraph {
  readonly options: BuildOptions
  readonly logger: Logger
  readonly hookCalls: HookCalls
  readonly reader: MeasuredGraph['reader'] & { onFirst: (() => void) | undefined }
}

/** A shorter start does not distort the verdict. */
const LONG_START_MS = 100

/**
 * Reports a pipeline's statistics at intervals and at its end. Every task is in exactly one
 * interval, and the intervals add up to the total. Times follow the clock and not the items, so a
 * wait that crosses the end of an interval is divided there.
 */
export class StatsEvents {
  readonly #graph: ListenedGraph
  readonly #onStats: ((event: StatsEvent) => void) | undefined
  readonly #intervalMs: number | undefined
  #timer: Timer | undefined
  #before: PipelineStats | undefined
  /**
   * The statistics at the first output, if it came late. Before that, workers were started and code
   * was loaded.
   */
  warm: PipelineStats | undefined

  constructor(graph: ListenedGraph) {
    this.#graph = graph
    this.#onStats = graph.options.onStats
    this.#intervalMs = graph.options.reportIntervalMs
    graph.reader.onFirst = () => {
      if (graph.elapsedMs >= LONG_START_MS) this.warm = readStats(graph)
    }
  }

  start(): void {
    this.#before = readStats(this.#graph)
    if (this.#intervalMs === undefined) return
    this.#timer = setInterval(() => this.#emit('interval'), this.#intervalMs)
    this.#timer.unref()
  }

  /** Called at the end of the pipeline. */
  end(): void {
    clearInterval(this.#timer)
    this.#emit('final')
  }

  #emit(kind: StatsEvent['kind']): void {
    const before = this.#before
    if (before === undefined || (this.#onStats === undefined && !channels.stats.hasSubscribers))
      return
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

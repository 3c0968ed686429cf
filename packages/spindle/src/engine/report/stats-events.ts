import { clearInterval, setInterval, type Timer } from '../../timers.ts'
import { callListener } from '../../user-code.ts'
import { channels } from '../hooks/channels.ts'
import type { HookCalls } from '../hooks/hook-calls.ts'
import type { PipelineStats, StatsEvent } from '../stats/pipeline-stats.ts'
import type { BuildOptions, Logger } from '../types.ts'
import { type MeasuredGraph, readStats } from './read-stats.ts'
import { statsBetween } from './stats-interval.ts'

/** The graph whose figures are told. */
interface ToldGraph extends MeasuredGraph {
  readonly options: BuildOptions
  readonly logger: Logger
  readonly hookCalls: HookCalls
  readonly reader: MeasuredGraph['reader'] & { onFirst: (() => void) | undefined }
}

/** A shorter start is no matter. */
const LONG_START_MS = 100

/**
 * Tells of a pipeline's figures at intervals and at its end: every task is in exactly one interval,
 * and the intervals add up to the total. Times follow the clock, not the items, so a spell that is
 * still open at the edge of an interval is cut there.
 */
export class StatsEvents {
  readonly #graph: ToldGraph
  readonly #onStats: ((event: StatsEvent) => void) | undefined
  readonly #intervalMs: number | undefined
  #timer: Timer | undefined
  #before: PipelineStats | undefined
  /**
   * Figures when the first item came out, if that took long: until then workers were started and
   * code was loaded.
   */
  warm: PipelineStats | undefined

  constructor(graph: ToldGraph) {
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

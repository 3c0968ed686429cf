import { statsBetween } from '../engine/report/stats-interval.ts'
import type { Pipeline } from '../engine/run/pipeline.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { messageOf } from '../errors.ts'
import { durationMs, is, options, type Rules } from '../options/index.ts'
import { clearInterval, setInterval, type Timer } from '../timers.ts'
import type { PageContent } from './page/content.ts'
import { renderPage } from './page/page.ts'
import { ResourceMeter } from './resources/meter.ts'
import { resourceUsage } from './resources/usage.ts'
import { pointOf, Series, type SeriesPoint } from './series.ts'

/** Options of `recordPipeline()`. */
export interface RecordOptions {
  /** Initial time between two readings, in milliseconds. Default 250. */
  readonly intervalMs?: number
  /**
   * Maximum number of points, an even integer >= 2. When it is reached, neighbours are joined, and
   * from then on points cover twice the time. Default 240.
   */
  readonly maxPoints?: number
  /** Heading of the page. Default `'Pipeline'`. */
  readonly title?: string
  /** Name of the source's items. Default `'items'`. */
  readonly unit?: string
}

const recordOptions = options('RecordOptions', {
  intervalMs: durationMs({ default: 250 }),
  maxPoints: is('an even integer >= 2', (value) => isEven(value as number), { default: 240 }),
  title: is('a text', (value) => typeof value === 'string', { default: 'Pipeline' }),
  unit: is('a text', (value) => typeof value === 'string', { default: 'items' }),
} satisfies Rules<RecordOptions>)

function isEven(value: number): boolean {
  return Number.isInteger(value) && value >= 2 && value % 2 === 0
}

/** A recording of a pipeline. `using` also ends it. */
export interface Recording extends Disposable {
  /** What happened so far, one point per time interval. */
  readonly points: readonly SeriesPoint[]
  /** A self-contained HTML page about the pipeline: graph, verdict, charts, tables. */
  html(): string
  /** Takes the last reading and ends the recording. Can be called repeatedly. */
  stop(): void
}

/**
 * Records a pipeline's figures over time, in bounded memory, for an HTML page. Call it before the
 * pipeline starts. It does not keep the process alive.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder, recordPipeline } from 'spindle'
 *
 * const pipeline = new PipelineBuilder().addSource([1, 2, 3]).pipe((n) => n * 2).build()
 * const recording = recordPipeline(pipeline, { title: 'Doubling' })
 * await pipeline.forEach(() => {})
 * recording.stop()
 * assert.match(recording.html(), /<h1>Doubling<\/h1>/)
 * // await writeFile('report.html', recording.html())
 * ```
 */
export function recordPipeline(
  pipeline: Pipeline<unknown>,
  options: RecordOptions = {},
): Recording {
  return new Recorder(pipeline, options)
}

/**
 * A recording that also reports new readings.
 *
 * @internal
 */
export class Recorder implements Recording {
  readonly #pipeline: Pipeline<unknown>
  readonly #title: string
  readonly #unit: string
  readonly #series: Series
  readonly #meter: ResourceMeter = new ResourceMeter(resourceUsage)
  readonly #timer: Timer
  readonly #startedAt: Date = new Date()
  #before: PipelineStats
  #failure: string | undefined
  #isStopped = false
  /** Called after each reading, and once when the recording stops. */
  onReading: (() => void) | undefined

  constructor(pipeline: Pipeline<unknown>, options: RecordOptions) {
    const { intervalMs, maxPoints, title, unit } = recordOptions.check(options)
    this.#pipeline = pipeline
    this.#title = title
    this.#unit = unit
    this.#series = new Series(maxPoints)
    this.#before = pipeline.stats()
    this.#timer = setInterval(() => this.#read(), intervalMs)
    this.#timer.unref()
    pipeline.done.catch((error: unknown) => {
      this.#failure = messageOf(error)
    })
  }

  get points(): readonly SeriesPoint[] {
    return this.#series.points
  }

  get content(): PageContent {
    return {
      title: this.#title,
      unit: this.#unit,
      startedAt: this.#startedAt,
      report: this.#pipeline.report(),
      failure: this.#failure,
      points: this.points,
      resources: this.#meter.summary(),
    }
  }

  html(): string {
    return renderPage(this.content)
  }

  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    clearInterval(this.#timer)
    this.#read()
  }

  [Symbol.dispose](): void {
    this.stop()
  }

  #read(): void {
    const stats = this.#pipeline.stats()
    const interval = statsBetween(this.#before, stats)
    const resources = this.#meter.advance()
    // No time passes for the pipeline before its start and after its end.
    if (interval.elapsedMs > 0) this.#series.add(pointOf(interval, stats.elapsedMs, resources))
    this.#before = stats
    this.onReading?.()
  }
}

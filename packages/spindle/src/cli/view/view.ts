import { clip } from '../../cells.ts'
import { statsBetween } from '../../engine/report/stats-interval.ts'
import { findBottleneck } from '../../engine/report/verdict.ts'
import type { Pipeline } from '../../engine/run/pipeline.ts'
import type { PipelineStats } from '../../engine/stats/pipeline-stats.ts'
import { perSecond } from '../../observe/number-text.ts'
import { failuresOf, itemsIn, writtenText } from '../../observe/totals.ts'
import { plain } from '../../plain-text.ts'
import { clearInterval, clockMs, setInterval } from '../../timers.ts'
import { drawFrame, type Scene } from './frame.ts'
import { Screen, type Terminal } from './screen.ts'

/** Where to show the view. Default: the process's own streams. */
export interface ViewStreams {
  /** Where to draw. */
  readonly terminal: Terminal
  /** Other streams that write to the same terminal. */
  readonly others: readonly Terminal[]
  readonly env: NodeJS.ProcessEnv
  /** Interval between two lines if there is no terminal, in milliseconds. Default 2000. */
  readonly linesMs?: number
}

/** Width if the terminal does not report it. */
const COLUMNS = 80
const ROWS = 24
const FRAME_MS = 250
const LINES_MS = 2000
/** Number of readings that "now" covers. */
const READINGS = 8

/**
 * Shows a running pipeline on standard error: an updating view on a terminal; elsewhere, if
 * requested, a line from time to time. Returns the function that ends it and removes the view.
 */
export function showView(
  pipeline: Pipeline<unknown>,
  unit: string,
  isAsked: boolean | undefined,
  streams: ViewStreams = {
    terminal: process.stderr,
    others: [process.stdout, process.stderr],
    env: process.env,
  },
): () => void {
  const { terminal, others, env, linesMs = LINES_MS } = streams
  if (!(isAsked ?? terminal.isTTY)) return () => {}
  const watcher = new Watcher(pipeline, unit)
  if (terminal.isTTY !== true || env.TERM === 'dumb') {
    const print = (): void => {
      const text = progressLine(watcher.look())
      terminal.write(
        `${terminal.isTTY === true ? clip(text, terminal.columns || COLUMNS) : text}\n`,
      )
    }
    const timer = setInterval(print, linesMs)
    timer.unref()
    return () => clearInterval(timer)
  }
  const screen = new Screen(terminal, others)
  const hasColors = (env.NO_COLOR ?? '') === '' && (terminal.hasColors?.() ?? false)
  const draw = (): void => {
    const size = { columns: terminal.columns || COLUMNS, rows: terminal.rows || ROWS, hasColors }
    screen.draw(drawFrame(watcher.look(), size))
  }
  const timer = setInterval(draw, FRAME_MS)
  timer.unref()
  draw()
  terminal.on('resize', draw)
  return () => {
    clearInterval(timer)
    terminal.off('resize', draw)
    screen.end()
  }
}

/** Keeps the last readings, from which current rates are computed. */
class Watcher {
  readonly #pipeline: Pipeline<unknown>
  readonly #unit: string
  readonly #readings: {
    readonly stats: PipelineStats
    readonly cpuMs: number
    readonly atMs: number
  }[] = []

  constructor(pipeline: Pipeline<unknown>, unit: string) {
    this.#pipeline = pipeline
    this.#unit = unit
  }

  look(): Scene {
    const { user, system } = process.cpuUsage()
    const reading = {
      stats: this.#pipeline.stats(),
      cpuMs: (user + system) / 1000,
      atMs: clockMs(),
    }
    const before = this.#readings[0] ?? reading
    this.#readings.push(reading)
    if (this.#readings.length > READINGS) this.#readings.shift()
    const now = reading === before ? reading.stats : statsBetween(before.stats, reading.stats)
    const spanMs = reading.atMs - before.atMs
    return {
      total: reading.stats,
      now,
      // Shortly after the start, and when there was no output for a while, the total is more
      // informative.
      bottleneck: findBottleneck(now) ?? findBottleneck(reading.stats),
      unit: this.#unit,
      cpuCores: spanMs > 0 ? (reading.cpuMs - before.cpuMs) / spanMs : 0,
      rssBytes: process.memoryUsage.rss(),
    }
  }
}

/** `12.3 s  640 images in, 20 out, 52.1 images/s, 4 failed  slowest: decode`. */
export function progressLine({ total, now, bottleneck, unit }: Scene): string {
  const failed = failuresOf(total)
  const parts = [
    `${itemsIn(total)} ${plain(unit)} in`,
    `${total.items} out`,
    `${perSecond(itemsIn(now), now.elapsedMs)} ${plain(unit)}/s`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(total.written === undefined ? [] : [`written: ${writtenText(total.written)}`]),
  ]
  const slowest = bottleneck === undefined ? '' : `  slowest: ${plain(bottleneck.stage)}`
  return `${(total.elapsedMs / 1000).toFixed(1)} s  ${parts.join(', ')}${slowest}`
}

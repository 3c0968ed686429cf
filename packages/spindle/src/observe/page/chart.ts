import type { SeriesPoint } from '../series.ts'
import { number, share, table, text } from './markup.ts'

/** One line or layer of a chart. */
export interface Layer {
  readonly label: string
  /** CSS class of the colours: `running`, `queued`, `backoff`, `blocked`, `plain` or `failed`. */
  readonly tone: string
  readonly of: (point: SeriesPoint) => number
}

/** A chart over time. */
export interface Chart {
  readonly id: string
  readonly title: string
  readonly layers: readonly Layer[]
  /** `'area'`: stacked layers; `'bars'`: one bar per point. */
  readonly form: 'area' | 'bars'
  /** Formats a value with its unit. */
  readonly show: (value: number) => string
  /** End of the value axis. Default: the next round number above all values. */
  readonly ceiling?: number
  readonly isSmall?: boolean
}

/** Inner coordinates. The drawing is scaled to the available space. */
const WIDTH = 1000
const HEIGHT = 100

/** The data twice: fine enough for drawing, and with few enough rows for a table. */
export interface Story {
  readonly points: readonly SeriesPoint[]
  readonly rows: readonly SeriesPoint[]
}

/**
 * A figure: the drawing with its axes, a readout for pointer and keys, and the same data as a
 * table.
 */
export function renderChart(chart: Chart, { points, rows }: Story): string {
  const { id, title, layers, show } = chart
  const endMs = points.at(-1)?.endMs ?? 0
  if (points.length === 0 || endMs <= 0)
    return `<figure class="chart"><figcaption>${text(title)}</figcaption><p class="none">No figures yet.</p></figure>`
  const sums = points.map((point) => layers.reduce((sum, layer) => sum + layer.of(point), 0))
  // Counts of single items have no fractions.
  const least = chart.form === 'bars' ? 2 : 0
  const top = chart.ceiling ?? niceCeiling(Math.max(least, ...sums))
  const read = points.map((point) => {
    const values = layers.map(
      ({ label, of }) => `${layers.length > 1 ? `${label} ` : ''}${show(of(point))}`,
    )
    return [
      round((point.endMs - point.spanMs / 2) / endMs),
      `${moment(point.endMs)}: ${values.join(', ')}`,
    ]
  })
  const yTicks = chart.isSmall === true ? [0, top] : [0, top / 2, top]
  const grid = yTicks.map(
    (value) => `<line x1="0" x2="${WIDTH}" y1="${y(value, top)}" y2="${y(value, top)}"/>`,
  )
  return `<figure class="chart${chart.isSmall === true ? ' small' : ''}">
<figcaption>${text(title)} <span class="last">last ${text(layers.map(({ label, of }) => `${layers.length > 1 ? `${label} ` : ''}${show(of(points.at(-1) as SeriesPoint))}`).join(', '))}</span></figcaption>
<div class="frame"><div class="y" aria-hidden="true">${yTicks.map((value) => `<span style="bottom:${share(value / top)}">${text(show(value))}</span>`).join('')}</div>
<div class="plot" id="${id}" tabindex="0" role="group" aria-roledescription="chart" aria-label="${text(`${title}. ${describe(chart, points)} Left and right arrow keys read single points.`)}" data-read="${text(JSON.stringify(read))}"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><g class="grid">${grid.join('')}</g>${chart.form === 'area' ? areas(layers, points, endMs, top) : bars(layers, points, endMs, top)}</svg><i class="cursor" hidden></i><output></output></div>
<div class="x" aria-hidden="true">${timeTicks(endMs)
    .map((at) => `<span style="left:${share(at / endMs)}">${moment(at)}</span>`)
    .join('')}</div></div>
<details id="${id}-table"><summary>As a table</summary>${chartTable(chart, rows)}</details>
</figure>`
}

/** Stacked layers, the first at the bottom, with a line on top of each. */
function areas(
  layers: readonly Layer[],
  points: readonly SeriesPoint[],
  endMs: number,
  top: number,
): string {
  const base = points.map(() => 0)
  return layers
    .map(({ tone, of }) => {
      const lower = outline(points, [...base], endMs, top)
      points.forEach((point, i) => {
        base[i] = (base[i] as number) + of(point)
      })
      const upper = outline(points, base, endMs, top)
      const area = `M${upper.join('L')}L${lower.reverse().join('L')}Z`
      return `<path class="area ${tone}" d="${area}"/><path class="line ${tone}" d="M${upper.join('L')}"/>`
    })
    .join('')
}

/** Each point is in the middle of its interval; the first and the last extend to the edges. */
function outline(
  points: readonly SeriesPoint[],
  values: readonly number[],
  endMs: number,
  top: number,
): string[] {
  const middle = points.map(
    (point, i) => `${x(point.endMs - point.spanMs / 2, endMs)} ${y(values[i] as number, top)}`,
  )
  return [
    `0 ${y(values[0] as number, top)}`,
    ...middle,
    `${WIDTH} ${y(values.at(-1) as number, top)}`,
  ]
}

function bars(
  layers: readonly Layer[],
  points: readonly SeriesPoint[],
  endMs: number,
  top: number,
): string {
  return layers
    .flatMap(({ tone, of }) =>
      points
        .filter((point) => of(point) > 0)
        .map((point) => {
          const [from, to] = [x(point.endMs - point.spanMs, endMs), x(point.endMs, endMs)]
          // At least wide enough to be visible, with a gap to the next bar.
          const width = Math.max(2, (Number(to) - Number(from)) * 0.8)
          return `<rect class="area ${tone}" x="${from}" width="${number(width)}" y="${y(of(point), top)}" height="${number((of(point) / top) * HEIGHT)}"/>`
        }),
    )
    .join('')
}

function describe({ layers, show }: Chart, points: readonly SeriesPoint[]): string {
  const spanMs = points.reduce((sum, point) => sum + point.spanMs, 0)
  return layers
    .map(({ label, of }) => {
      const values = points.map(of)
      const mean =
        points.reduce((sum, point) => sum + of(point) * point.spanMs, 0) / Math.max(spanMs, 1e-9)
      return `${label}: least ${show(Math.min(...values))}, mean ${show(mean)}, most ${show(Math.max(...values))}.`
    })
    .join(' ')
}

function chartTable({ title, layers, show }: Chart, points: readonly SeriesPoint[]): string {
  const rows = points.map((point) => [
    `${moment(point.endMs - point.spanMs)} – ${moment(point.endMs)}`,
    ...layers.map(({ of }) => text(show(of(point)))),
  ])
  return table(text(title), ['time', ...layers.map(({ label }) => text(label))], rows)
}

function x(ms: number, endMs: number): string {
  return number((ms / endMs) * WIDTH)
}

function y(value: number, top: number): string {
  return number(HEIGHT - (Math.min(value, top) / top) * HEIGHT)
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

/** The smallest of 1, 2, 5, 10, 20, … that is not below `value`: the end of an axis. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value * (1 - 1e-9)) as number
  return step * power
}

/** Round ticks for a time axis, in milliseconds: 2 to 6 of them, the first 0. */
export function timeTicks(endMs: number): number[] {
  const step = TIME_STEPS_MS.find((candidate) => endMs / candidate <= 5) ?? niceCeiling(endMs / 5)
  const ticks: number[] = []
  for (let at = 0; at <= endMs; at += step) ticks.push(at)
  return ticks
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const TIME_STEPS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12, 24].map((hours) => hours * HOUR),
]

/** Time since the start: `'0'`, `'200 ms'`, `'15 s'`, `'2:30'`, `'1:05:00'`. */
export function moment(ms: number): string {
  if (ms === 0) return '0'
  if (ms < SECOND) return `${Math.round(ms)} ms`
  if (ms < MINUTE) return `${Number((ms / SECOND).toFixed(1))} s`
  const two = (value: number): string => String(value).padStart(2, '0')
  const seconds = Math.round(ms / SECOND)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

import { cutNames, padEnd, padStart, width } from '../../cells.ts'
import type { Bottleneck } from '../../engine/report/verdict.ts'
import type { PipelineStats, StageStats } from '../../engine/stats/pipeline-stats.ts'
import { amount, bytes, duration, percent, perSecond } from '../../observe/number-text.ts'
import { failuresOf, itemsIn, writtenText } from '../../observe/totals.ts'
import { plain } from '../../plain-text.ts'
import { PARTS, shareBar, slotsBar } from './bars.ts'
import { line, type TextPiece } from './view-cells.ts'

/** The content of a frame. */
export interface Scene {
  /** Since the start. */
  readonly total: PipelineStats
  /** Of the last seconds, for rates and shares. */
  readonly now: PipelineStats
  readonly bottleneck: Bottleneck | undefined
  readonly unit: string
  /** Of the process, in the last seconds. */
  readonly cpuCores: number
  readonly rssBytes: number
}

/** Size of a terminal in cells, and whether it has colours. */
export interface Size {
  readonly columns: number
  readonly rows: number
  readonly hasColors: boolean
}

/** From this width on, all columns are shown. */
const WIDE = 72
/** Below this width, there are no bars. */
const NARROW = 34

/** The lines of one frame: fewer than the terminal has rows, each shorter than its columns. */
export function drawFrame(scene: Scene, size: Size): string[] {
  // The last column stays empty, because some terminals wrap when it is written.
  const cells = Math.max(1, size.columns - 1)
  const most = Math.max(1, size.rows - 1)
  const head: TextPiece[][] = [summaryLine(scene, cells)]
  const rows = stageRows(scene, cells)
  const foot = footLines(scene, cells)
  // On a terminal with few rows, the least important lines are left out first: the foot, the
  // headings, stages far from the bottleneck.
  if (most >= rows.length + head.length + 1) head.push(headings(scene, cells))
  const room = Math.max(0, most - head.length)
  const lines =
    rows.length <= room
      ? [...head, ...rows, ...foot.slice(0, room - rows.length)]
      : [...head, ...around(rows, bottleneckRow(scene), room)]
  return lines.map((pieces) => line(pieces, cells, size.hasColors))
}

function summaryLine({ total, now, unit }: Scene, cells: number): TextPiece[] {
  const failed = failuresOf(total)
  const rate = perSecond(itemsIn(now), now.elapsedMs)
  const units = cells < 50 ? '' : ` ${plain(unit)}`
  return [
    [duration(total.elapsedMs), 'bold'],
    `  ${itemsIn(total)}${units} in, ${total.items} out  `,
    [`${rate}${units}/s`, 'bold'],
    ...(failed > 0 ? ['  ', [`${failed} failed`, 'red', 'bold'] as const] : []),
  ]
}

/** Widths of the columns. */
interface Columns {
  readonly name: number
  readonly rate: number
  readonly slots: number
  readonly queue: number
  readonly hasNumbers: boolean
  readonly failed: number
}

function columnsFor({ total }: Scene, cells: number): Columns {
  const longest = Math.max(8, ...total.stages.map((stage) => width(labelOf(stage))))
  const rate = 8
  if (cells < NARROW)
    return {
      name: Math.max(1, cells - 2 - rate),
      rate,
      slots: 0,
      queue: 0,
      hasNumbers: false,
      failed: 0,
    }
  const hasNumbers = cells >= WIDE
  const failed = failuresOf(total) > 0 ? (hasNumbers ? 8 : 5) : 0
  const fixed = 2 + rate + 2 + 1 + (hasNumbers ? 6 + 7 : 0) + failed
  const name = Math.min(longest, Math.floor((cells - fixed) * (hasNumbers ? 0.45 : 0.5)))
  const bars = cells - fixed - name
  const queue = Math.min(12, Math.max(3, Math.floor(bars / 3)))
  return { name, rate, slots: Math.min(40, bars - queue), queue, hasNumbers, failed }
}

function headings(scene: Scene, cells: number): TextPiece[] {
  const { name, rate, slots, queue, hasNumbers, failed } = columnsFor(scene, cells)
  const text = [
    `  ${padEnd('stage', name)}${padStart('items/s', rate)}`,
    ...(slots > 0 ? [`  ${padEnd(hasNumbers ? 'time of its slots' : 'slots', slots)}`] : []),
    ...(hasNumbers ? [padStart('busy', 6)] : []),
    ...(queue > 0 ? [` ${padEnd(queue < 5 ? 'q' : 'queue', queue)}`] : []),
    ...(hasNumbers ? [padStart('now', 7)] : []),
    ...(failed > 0 ? [padStart(hasNumbers ? 'failed' : 'fail', failed)] : []),
  ]
  return [[text.join(''), 'dim']]
}

/** One row per stage, and one for the consumer. */
function stageRows(scene: Scene, cells: number): TextPiece[][] {
  const columns = columnsFor(scene, cells)
  const { now, total, bottleneck } = scene
  const labels = cutNames(now.stages.map(labelOf), columns.name)
  const rows = now.stages.map((stage, i) =>
    row(
      stage,
      labels[i] ?? '',
      failuresOf({ ...total, stages: [total.stages[i] as StageStats] }),
      columns,
      {
        isBottleneck: bottleneck?.kind !== 'consumer' && bottleneck?.stage === stage.name,
        elapsedMs: now.elapsedMs,
        hasSlots: i < now.stages.length - 1,
      },
    ),
  )
  return [...rows, consumerRow(scene, columns)]
}

function row(
  stage: StageStats,
  named: string,
  failures: number,
  { name, rate, slots, queue, hasNumbers, failed }: Columns,
  about: { readonly isBottleneck: boolean; readonly elapsedMs: number; readonly hasSlots: boolean },
): TextPiece[] {
  const { shares } = stage
  const label = padEnd(named, name)
  const { size, capacity, occupancy } = stage.queue
  return [
    about.isBottleneck ? ['▶ ', 'yellow', 'bold'] : '  ',
    about.isBottleneck ? [label, 'bold'] : label,
    padStart(perSecond(stage.items, about.elapsedMs), rate),
    ...(slots > 0
      ? ['  ', ...(about.hasSlots ? slotsBar(shares, slots) : [' '.repeat(slots)])]
      : []),
    ...(hasNumbers ? [padStart(about.hasSlots ? percent(shares.running) : '', 6)] : []),
    ...(queue > 0 ? [' ', ...shareBar(occupancy, queue)] : []),
    ...(hasNumbers ? [padStart(`${size}/${capacity}`, 7)] : []),
    ...(failed > 0
      ? [[padStart(failures > 0 ? amount(failures) : '', failed), 'red'] as const]
      : []),
  ]
}

function consumerRow(
  { now, bottleneck }: Scene,
  { name, rate, slots, hasNumbers }: Columns,
): TextPiece[] {
  const isBottleneck = bottleneck?.kind === 'consumer'
  const { busy, waiting } = now.consumer
  const shares = { idle: waiting, queued: 0, backoff: 0, throttled: 0, running: busy, blocked: 0 }
  return [
    isBottleneck ? ['▶ ', 'yellow', 'bold'] : '  ',
    [padEnd('consumer', name), isBottleneck ? 'bold' : 'dim'],
    padStart(perSecond(now.items, now.elapsedMs), rate),
    ...(slots > 0 ? ['  ', ...slotsBar(shares, slots)] : []),
    ...(hasNumbers ? [padStart(percent(busy), 6)] : []),
  ]
}

function footLines(
  { bottleneck, now, total, cpuCores, rssBytes }: Scene,
  cells: number,
): TextPiece[][] {
  const verdict: TextPiece[] =
    bottleneck === undefined
      ? [['  no bottleneck yet', 'dim']]
      : [
          ['▶ ', 'yellow', 'bold'],
          [plain(bottleneck.stage), 'bold'],
          `: ${plain(bottleneck.reason)}`,
        ]
  const used = `  loop ${percent(now.loopUtilization)}  CPU ${cpuCores.toFixed(1)} cores  ${bytes(rssBytes)}`
  const legend = PARTS.flatMap(({ part, sign, tone }): TextPiece[] => [
    [sign, tone],
    [` ${WORDS[part]}  `, 'dim'],
  ])
  const needed = legend.reduce((sum, [text]) => sum + width(text as string), 2)
  const { written } = total
  const sink: TextPiece[][] = written === undefined ? [] : [[`  written: ${writtenText(written)}`]]
  return [...sink, verdict, [[used, 'dim']], ...(needed <= cells ? [['  ', ...legend]] : [])]
}

const WORDS = {
  running: 'busy',
  queued: 'waits for worker',
  backoff: 'waits to retry',
  throttled: 'rate limit',
  blocked: 'blocked',
  idle: 'starved',
}

function labelOf({ name, concurrency }: StageStats): string {
  return concurrency > 1 ? `${plain(name)} ×${concurrency}` : plain(name)
}

function bottleneckRow({ now, bottleneck }: Scene): number {
  if (bottleneck?.kind === 'consumer') return now.stages.length
  const at = now.stages.findIndex((stage) => stage.name === bottleneck?.stage)
  return Math.max(0, at)
}

/** The rows around `middle` that fit, and the number of rows that are left out. */
function around(rows: readonly TextPiece[][], middle: number, room: number): TextPiece[][] {
  const shown = room - 1
  if (shown < 1) return rows.slice(middle, middle + room) as TextPiece[][]
  const from = Math.max(0, Math.min(rows.length - shown, middle - Math.floor(shown / 2)))
  return [...rows.slice(from, from + shown), [[`  and ${rows.length - shown} more`, 'dim']]]
}

import type { WorkerTable } from '../../engine/executor.ts'
import { droppedBy } from '../../engine/report/read-stats.ts'
import { printLetters, type Report, workerTables } from '../../engine/report/report.ts'
import type { PipelineStats, SlotShares, StageStats } from '../../engine/stats/pipeline-stats.ts'
import { messageOf } from '../../errors.ts'
import { quoted } from '../../failure-text.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { amount, duration, percent, perSecond } from '../number-text.ts'
import { share, table, text } from './markup.ts'

/** A column of the table; left out if `isShown` returns false, because it would be empty. */
interface Column {
  readonly heading: string
  readonly isShown?: boolean
  readonly cell: (stage: StageStats) => string
}

/** Whether any item was retried. */
export function hasRetries({ stages }: PipelineStats): boolean {
  return stages.some(({ retries }) => retries > 0)
}

/** All figures of the stages. */
export function renderStages({ stats, bottleneck }: Report): string {
  const { stages, elapsedMs } = stats
  const isRetrying = hasRetries(stats)
  const name = (stage: StageStats): string =>
    `${text(stage.name)}${stage.name === bottleneck?.stage && bottleneck.kind !== 'consumer' ? ' <em>bottleneck</em>' : ''}`
  const all: readonly Column[] = [
    { heading: 'stage', cell: name },
    { heading: 'slots', cell: ({ concurrency }) => String(concurrency) },
    { heading: 'items', cell: ({ items }) => amount(items) },
    { heading: 'items/s', cell: ({ items }) => perSecond(items, elapsedMs) },
    { heading: 'time of slots', cell: ({ shares }) => slotsBar(shares) },
    { heading: 'busy', cell: ({ shares }) => percent(shares.running) },
    { heading: 'waits for a worker', cell: ({ shares }) => percent(shares.queued) },
    {
      heading: 'waits to retry',
      isShown: isRetrying,
      cell: ({ shares }) => percent(shares.backoff),
    },
    {
      heading: 'waits for its rate limit',
      isShown: stages.some(({ shares }) => shares.throttled > 0),
      cell: ({ shares }) => percent(shares.throttled),
    },
    { heading: 'blocked', cell: ({ shares }) => percent(shares.blocked) },
    { heading: 'starved', cell: ({ shares }) => percent(shares.idle) },
    { heading: 'queue now', cell: ({ queue }) => `${queue.size} of ${queue.capacity}` },
    { heading: 'queue ready', cell: ({ queue }) => percent(queue.occupancy) },
    { heading: 'failed', cell: ({ failures }) => failedCell(failures) },
    { heading: 'skipped', cell: (stage) => amount(droppedBy(stage)) },
    { heading: 'retries', isShown: isRetrying, cell: ({ retries }) => amount(retries) },
  ]
  const columns = all.filter(({ isShown }) => isShown !== false)
  const figures = table(
    'Stages',
    columns.map(({ heading }) => heading),
    stages.map((stage) => columns.map(({ cell }) => cell(stage))),
  )
  return [figures, ...workerTables(stages).map(renderWorkers)].join('')
}

function renderWorkers({ title, columns, rows, notes }: WorkerTable): string {
  const cells = rows.map((row) => row.map((cell) => text(String(cell))))
  const lines = notes.map((note) => `<p class="quiet">${text(note)}</p>`)
  return [table(text(title), columns.map(text), cells), ...lines].join('')
}

function slotsBar({ running, queued, backoff, throttled, blocked }: SlotShares): string {
  const parts = { running, queued, backoff, throttled, blocked }
  return `<span class="bar" aria-hidden="true">${Object.entries(parts)
    .map(([name, part]) => `<i class="${name}" style="width:${share(part)}"></i>`)
    .join('')}</span>`
}

function failedCell(count: number): string {
  return count > 0 ? `<strong class="failed">${amount(count)}</strong>` : '0'
}

/** Maximum number of moves in the list. */
const MOST_MOVES = 30

/** The tuner's moves, newest first. */
export function renderTuning({ tuning }: Report): string {
  if (tuning.moves.length === 0) return '<p class="none">Nothing was tuned.</p>'
  const rows = tuning.moves
    .slice(-MOST_MOVES)
    .reverse()
    .map(({ atMs, stage, option, from, to, reason, outcome, evidence }) => [
      duration(atMs),
      text(stage),
      option,
      `${from} → ${to}`,
      reason,
      `${amount(evidence.itemsPerSecBefore ?? 0)} → ${evidence.itemsPerSec === undefined ? '?' : amount(evidence.itemsPerSec)}`,
      outcome,
    ])
  return table(
    'Moves',
    ['at', 'stage', 'option', 'from → to', 'reason', 'items/s', 'outcome'],
    rows,
  )
}

/**
 * Run times of tasks, with a drawing on a shared logarithmic scale: median to 99th percentile, and
 * the maximum.
 */
export function renderTimes({ stats }: Report): string {
  const timed = stats.stages.filter((stage) => stage.longestMs > 0)
  if (timed.length === 0) return '<p class="none">No task was timed yet.</p>'
  const low =
    10 ** Math.floor(Math.log10(Math.min(...timed.map((stage) => stage.p50Ms || stage.longestMs))))
  const high =
    10 ** Math.ceil(Math.log10(Math.max(...timed.map((stage) => stage.longestMs * 1.000001))))
  const decades = Math.max(1, Math.round(Math.log10(high / low)))
  const at = (ms: number): number => Math.log10(Math.max(low, ms) / low) / decades
  const rows = timed.map((stage) => [
    text(stage.name),
    duration(stage.p50Ms),
    duration(stage.p90Ms),
    duration(stage.p99Ms),
    duration(stage.longestMs),
    duration(stage.queuedMs),
    spread(stage, at, decades),
  ])
  const scale = `<span class="scale">${duration(low)}<span>${duration(high)}</span></span>`
  return table(
    'Run times of tasks',
    ['stage', 'median', '90 % below', '99 % below', 'longest', 'wait for a worker', scale],
    rows,
  )
}

function spread(stage: StageStats, at: (ms: number) => number, decades: number): string {
  const { p50Ms, p90Ms, p99Ms, longestMs } = stage
  const grid = Array.from(
    { length: decades - 1 },
    (_, i) => `<u style="left:${share((i + 1) / decades)}"></u>`,
  )
  return `<span class="spread" aria-hidden="true">${grid.join('')}<b style="left:${share(at(p50Ms))};width:${share(at(p99Ms) - at(p50Ms))}"></b><b class="strong" style="left:${share(at(p50Ms))};width:${share(at(p90Ms) - at(p50Ms))}"></b><i style="left:${share(at(longestMs))}"></i></span>`
}

/** The last failed items of each stage. */
export function renderFailures({ failures, stats }: Report): string {
  const count = stats.stages.reduce((sum, stage) => sum + stage.failures, 0)
  const letters = printLetters(stats.deadLetters).map((line) => `<p>${text(line)}</p>`)
  if (count === 0) return `<p class="none">None.</p>${letters.join('')}`
  const rows = failures.map((failure) => [
    text(failure.stage),
    String(failure.index),
    String(failure.attempts),
    `<span class="message">${text(quoted(messageOf(failure.error)))}</span>`,
    typeof failure.item === 'string'
      ? `<span class="message">${text(quoted(urlForMessages(failure.item)))}</span>`
      : '',
  ])
  const more = count - failures.length
  return `${table('The last failed items of each stage', ['stage', 'item', 'attempts', 'error', 'input'], rows)}${more > 0 ? `<p class="quiet">And ${amount(more)} more.</p>` : ''}${letters.join('')}`
}

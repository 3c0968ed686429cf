import type { ItemError } from '../errors.ts'
import { messageOf } from '../errors.ts'
import { plain } from '../plain-text.ts'
import type { DeadLetterStats } from './dead-letters.ts'
import type { LoopBlock } from './loop-blocks.ts'
import { droppedBy, type PipelineStats, type StageStats } from './stats.ts'
import { verdictText } from './verdict/text.ts'
import { type Bottleneck, judge, type Verdict } from './verdict.ts'

/** A pipeline's figures with a verdict. */
export interface Report {
  readonly stats: PipelineStats
  /** `undefined` when too little has happened to tell. */
  readonly bottleneck: Bottleneck | undefined
  /** What is missing for a verdict, where there is none: more time or more items. */
  readonly missing: string | undefined
  /** The last failed items of each stage, at most 16 each. */
  readonly failures: readonly ItemError[]
  /** The figures of each stage, in columns. */
  readonly table: string
  /** The table and the verdict, for people. */
  toString(): string
}

/** Reads a verdict off the figures. `warm`: those when a long start was over; the verdict is of the time since, if that is enough for one. */
export function makeReport(
  stats: PipelineStats,
  recent: readonly (readonly ItemError[])[],
  warm?: PipelineStats,
): Report {
  const since = warm === undefined ? undefined : judge(stats, warm)
  const verdict = since?.bottleneck === undefined ? judge(stats) : since
  const failures = recent.flat()
  const table = makeTable(stats)
  return { stats, ...verdict, failures, table, toString: () => print(stats, table, verdict, failures) }
}

/** Columns that are left out of a narrow table, in this order. */
const LEAST_WANTED = ['skipped', 'retries', 'failed', 'conc.', 'p99', 'ready', 'items/s'] as const
const SHORTEST_NAME = 8

/** The figures of each stage. `columns`: cells that a line may take; what is wanted least is left out, and names are cut. */
export function makeTable(stats: PipelineStats, columns: number = Number.POSITIVE_INFINITY): string {
  let table = cellsOf(stats)
  for (const name of LEAST_WANTED) {
    if (lengthOf(table) <= columns) break
    const at = table[0]?.indexOf(name) ?? -1
    const isFailed = name === 'failed' && stats.stages.some((stage) => stage.failures > 0)
    if (!isFailed) table = table.map((row) => row.filter((_, i) => i !== at))
  }
  const longest = Math.max(0, ...table.map(([name = '']) => name.length))
  const most = Math.max(SHORTEST_NAME, longest - Math.max(0, lengthOf(table) - columns))
  return joined(table.map(([name = '', ...cells]) => [cut(name, most), ...cells]))
}

/** The end of a name tells it from others. */
function cut(name: string, most: number): string {
  if (name.length <= most) return name
  const head = Math.floor((most - 1) / 2)
  return `${name.slice(0, head)}…${name.slice(name.length - (most - 1 - head))}`
}

function cellsOf(stats: PipelineStats): readonly (readonly string[])[] {
  const { stages, elapsedMs } = stats
  const hasWaits = stages.some((stage) => waits(stage) >= LEAST_SHOWN)
  const hasRetries = stages.some((stage) => stage.retries > 0)
  const columns: readonly (readonly [heading: string, cell: (stage: StageStats) => string])[] = [
    ['stage', ({ name }) => plain(name)],
    ['conc.', ({ concurrency }) => String(concurrency)],
    ['items', ({ items }) => String(items)],
    ['items/s', ({ items }) => rate(items, elapsedMs)],
    ['p50', ({ p50Ms }) => time(p50Ms)],
    ['p99', ({ p99Ms }) => time(p99Ms)],
    ['starved', ({ shares }) => percent(shares.idle)],
    ['busy', ({ shares }) => percent(shares.running)],
    ...(hasWaits ? [['waits', (stage: StageStats) => percent(waits(stage))] as const] : []),
    ['blocked', ({ shares }) => percent(shares.blocked)],
    ['ready', ({ queue }) => percent(queue.occupancy)],
    ['failed', ({ failures }) => String(failures)],
    ['skipped', (stage) => String(droppedBy(stage))],
    ...(hasRetries ? [['retries', ({ retries }: StageStats) => String(retries)] as const] : []),
  ]
  return [
    columns.map(([heading]) => heading),
    ...stages.map((stage) => columns.map(([, cell]) => cell(stage))),
  ]
}

/** A share that rounds to 0 % is no reason for a column. */
const LEAST_SHOWN = 0.005

/** Share of its slots' time in which a stage waits for a worker, a library's thread, or its next try. */
function waits({ shares }: StageStats): number {
  return shares.queued + shares.backoff
}

function print(
  stats: PipelineStats,
  table: string,
  verdict: Verdict,
  failures: readonly ItemError[],
): string {
  const failed = failures.map(
    (failure) => `  ${plain(`${failure.stage}, item ${failure.index}: ${messageOf(failure.error)}`)}`,
  )
  return [
    table,
    ...printVerdict(verdict),
    ...printBlocks(stats.blocks),
    ...printLetters(stats.deadLetters),
    ...(failed.length === 0 ? [] : ['Failed items (the last of each stage):', ...failed]),
  ].join('\n')
}

/** The verdict for people, or why there is none. */
export function printVerdict({ bottleneck, missing }: Verdict): readonly string[] {
  if (bottleneck === undefined)
    return [`Too little has happened to name a bottleneck: ${plain(missing ?? '')}.`]
  const { limit, advice, gain, evidence } = verdictText(bottleneck)
  return [`Bottleneck: ${limit}`, `  ${advice}`, `  ${gain}`, `  Evidence: ${evidence}.`]
}

/** What became of failed items at `deadLetter`, for people. No line where there were none. */
export function printLetters({ delivered, refused, pending }: DeadLetterStats): readonly string[] {
  if (delivered + refused + pending === 0) return []
  const others = [
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(pending > 0 ? [`${pending} not answered`] : []),
  ]
  return [`Dead letters: ${[`${delivered} delivered`, ...others].join(', ')}.`]
}

const MOST_BLOCKS = 5

/** The first of what held the loop, for people: whose code, where, how often and how long. No lines where nothing did. */
export function printBlocks(blocks: readonly LoopBlock[]): readonly string[] {
  if (blocks.length === 0) return []
  const lines = blocks.slice(0, MOST_BLOCKS).map((block) => {
    const whose =
      block.place === 'stage' ? block.stage : block.place === 'consumer' ? 'the consumer' : 'other code'
    const where = block.where === undefined ? '' : ` (${block.where})`
    return `  ${plain(`${whose}: ${block.function}${where}`)}, ${block.count === 1 ? 'once' : `${block.count} times`}, ${time(block.totalMs)}, at most ${time(block.longestMs)} at once`
  })
  const more = blocks.length - lines.length
  return [
    'Held the event loop, where nothing else went on meanwhile:',
    ...lines,
    ...(more > 0 ? [`  and ${more} more places`] : []),
  ]
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  return rows[0]?.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length))) ?? []
}

const GAP = '  '

function lengthOf(rows: readonly (readonly string[])[]): number {
  return widthsOf(rows).reduce((sum, width) => sum + width + GAP.length, -GAP.length)
}

function joined(rows: readonly (readonly string[])[]): string {
  const widths = widthsOf(rows)
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n')
}

function rate(items: number, elapsedMs: number): string {
  if (elapsedMs <= 0) return '-'
  const perSecond = (items * 1000) / elapsedMs
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toFixed(1)
}

function time(ms: number): string {
  if (ms === 0) return '-'
  if (ms < 1) return `${(ms * 1000).toFixed(ms < 0.1 ? 1 : 0)} us`
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

import { wrap } from '../../cells.ts'
import { checkInteger } from '../../check.ts'
import { type ItemError, messageOf } from '../../errors.ts'
import { quoted } from '../../failure-text.ts'
import { plain } from '../../plain-text.ts'
import { drawTable, type TableColumn, terminalColumns } from '../../table.ts'
import type { WorkerTable } from '../executor.ts'
import type { LoopBlock } from '../stats/loop-blocks.ts'
import type { DeadLetterStats, PipelineStats, StageStats } from '../stats/pipeline-stats.ts'
import { noTuning, type Tuning } from '../tuned.ts'
import { droppedBy } from './read-stats.ts'
import { printTuning } from './tuning-text.ts'
import { verdictText } from './verdict/verdict-text.ts'
import { type Bottleneck, judge, type Verdict } from './verdict.ts'

/** The statistics of a pipeline with a verdict. */
export interface Report {
  readonly stats: PipelineStats
  /** `undefined` if the pipeline has not run long enough. */
  readonly bottleneck: Bottleneck | undefined
  /** What a verdict still needs: more time or more items. `undefined` if there is a verdict. */
  readonly missing: string | undefined
  /** The last failed items of each stage, at most 16 each. */
  readonly failures: readonly ItemError[]
  /** What the tuner has done. Empty if the pipeline is not tuned. */
  readonly tuning: Tuning
  /** The figures of each stage as a table of text. */
  readonly table: string
  /**
   * The table and the verdict as readable text. `columns`: the width in cells, an integer >= 1. If
   * the width is too small, the least important columns are left out, long names lose their
   * beginnings, and sentences are broken between words. Default: the width of the terminal if
   * standard output is one, otherwise no limit.
   */
  toString(columns?: number): string
}

/**
 * Makes a report from statistics. `warm`: the statistics at the end of a long start. The verdict
 * covers the time since then, if that is enough for one.
 */
export function makeReport(
  stats: PipelineStats,
  recent: readonly (readonly ItemError[])[],
  tuning: Tuning = noTuning,
  warm?: PipelineStats,
): Report {
  const since = warm === undefined ? undefined : judge(stats, warm)
  const verdict = since?.bottleneck === undefined ? judge(stats) : since
  const failures = recent.flat()
  return {
    stats,
    ...verdict,
    failures,
    tuning,
    get table() {
      return makeTable(stats, terminalColumns())
    },
    toString: (columns) => {
      if (columns !== undefined) checkInteger('columns', columns, 1)
      return print(stats, verdict, failures, tuning, columns ?? terminalColumns())
    },
  }
}

/** Draws the figures of each stage. `columns`: the width in cells. */
export function makeTable(stats: PipelineStats, columns?: number): string {
  const { stages, elapsedMs } = stats
  const of = (
    heading: string,
    cell: (stage: StageStats) => string,
    rank?: number,
  ): TableColumn => ({
    heading,
    cells: stages.map(cell),
    rank,
  })
  const hasFailed = stages.some((stage) => stage.failures > 0)
  const hasWaits = stages.some((stage) => waits(stage) >= LEAST_SHOWN)
  const hasRetried = stages.some((stage) => stage.retries > 0)
  // Columns with the lowest numbers are dropped first if there is no room for all. A column with
  // failures stays.
  const table = [
    of('stage', (stage) => plain(stage.name)),
    of('conc.', (stage) => String(stage.concurrency), 2),
    of('items', (stage) => String(stage.items), 9),
    of('items/s', (stage) => rate(stage.items, elapsedMs), 5),
    of('p50', (stage) => time(stage.p50Ms), 6),
    of('p99', (stage) => time(stage.p99Ms), 3),
    of('starved', (stage) => percent(stage.shares.idle), 7),
    of('busy', (stage) => percent(stage.shares.running), 10),
    ...(hasWaits ? [of('waits', (stage) => percent(waits(stage)), 7)] : []),
    of('blocked', (stage) => percent(stage.shares.blocked), 8),
    of('ready', (stage) => percent(stage.queue.occupancy), 4),
    ...(hasRetried ? [of('retries', (stage) => String(stage.retries), 7)] : []),
    of('failed', (stage) => String(stage.failures), hasFailed ? undefined : 1),
    of('skipped', (stage) => String(droppedBy(stage)), 0),
  ]
  return drawTable(table, columns).join('\n')
}

/** A share that rounds to 0 % needs no column. */
const LEAST_SHOWN = 0.005

/**
 * Share of slot-time in which a stage waits for a worker, a library's thread, its next attempt, or
 * its rate limit.
 */
function waits({ shares }: StageStats): number {
  return shares.queued + shares.backoff + shares.throttled
}

function print(
  stats: PipelineStats,
  verdict: Verdict,
  failures: readonly ItemError[],
  tuning: Tuning,
  columns: number | undefined,
): string {
  const failed = failures.map(
    (failure) =>
      `  ${plain(`${failure.stage}, item ${failure.index}: ${quoted(messageOf(failure.error))}`)}`,
  )
  const lines = [
    ...printVerdict(verdict),
    ...printBlocks(stats.blocks),
    ...printLetters(stats.deadLetters),
    ...printTuning(tuning),
    ...(failed.length === 0 ? [] : ['Failed items (the last of each stage):', ...failed]),
  ]
  return [
    makeTable(stats, columns),
    ...printWorkers(stats, columns),
    ...lines.flatMap((line) => wrap(line, columns)),
  ].join('\n')
}

/** The figures of workers that an executor knows, a table for each executor. */
function printWorkers({ stages }: PipelineStats, columns: number | undefined): readonly string[] {
  return workerTables(stages).flatMap(({ title, columns: headings, rows, notes }) => [
    ...drawTable(
      headings.map((heading, i) => ({
        heading: i === 0 ? title : heading,
        cells: rows.map((row) => plain(String(row[i] ?? ''))),
        rank: i === 0 ? undefined : headings.length - i,
      })),
      columns,
    ),
    ...notes.flatMap((note) => wrap(plain(note), columns)),
  ])
}

/** The tables of the workers of stages: one for each executor. */
export function workerTables(stages: readonly StageStats[]): readonly WorkerTable[] {
  const tables = new Map<number, WorkerTable>()
  for (const { workers } of stages)
    if (workers?.table !== undefined && workers.table.rows.length > 0)
      tables.set(workers.pool, workers.table)
  return [...tables.values()]
}

/** The verdict as text, or the reason why there is none. */
export function printVerdict({ bottleneck, missing }: Verdict): readonly string[] {
  if (bottleneck === undefined)
    return [`Too little has happened to name a bottleneck: ${plain(missing ?? '')}.`]
  const { limit, advice, gain, evidence } = verdictText(bottleneck)
  return [`Bottleneck: ${limit}`, `  ${advice}`, `  ${gain}`, `  Evidence: ${evidence}.`]
}

/** The outcomes of failed items at `deadLetter` as text. No line if there were none. */
export function printLetters({ delivered, refused, pending }: DeadLetterStats): readonly string[] {
  if (delivered + refused + pending === 0) return []
  const others = [
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(pending > 0 ? [`${pending} still pending`] : []),
  ]
  return [`Dead letters: ${[`${delivered} delivered`, ...others].join(', ')}.`]
}

const MOST_BLOCKS = 5

/**
 * The first blocks of the event loop as text: whose code, where, how often and how long. No line if
 * there were none.
 */
export function printBlocks(blocks: readonly LoopBlock[]): readonly string[] {
  if (blocks.length === 0) return []
  const lines = blocks.slice(0, MOST_BLOCKS).map((block) => {
    const where = block.where === undefined ? '' : ` (${block.where})`
    return `  ${plain(`${whose(block)}: ${block.function}${where}`)}, ${block.count === 1 ? 'once' : `${block.count} times`}, ${time(block.totalMs)}, at most ${time(block.longestMs)} at once`
  })
  const more = blocks.length - lines.length
  return [
    'Code that blocked the event loop:',
    ...lines,
    ...(more > 0 ? [`  and ${more} more places`] : []),
  ]
}

function whose({ place, part, stage }: LoopBlock): string {
  if (place === 'stage') return part === 'hook' ? `a hook of ${stage}` : `${stage}`
  if (place === 'consumer') return 'the consumer'
  return part === 'hook' ? 'a hook' : part === 'sending' ? 'sending' : 'other code'
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

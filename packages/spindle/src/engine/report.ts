import type { ItemError } from '../errors.ts'
import { messageOf } from '../errors.ts'
import type { DeadLetterStats } from './dead-letters.ts'
import type { LoopBlock } from './loop-blocks.ts'
import type { PipelineStats } from './stats.ts'
import { type Bottleneck, findBottleneck } from './verdict.ts'

/** A pipeline's figures with a verdict. */
export interface Report {
  readonly stats: PipelineStats
  /** `undefined` when too little has happened to tell. */
  readonly bottleneck: Bottleneck | undefined
  /** The last failed items of each stage, at most 16 each. */
  readonly failures: readonly ItemError[]
  /** The figures of each stage, in columns. */
  readonly table: string
  /** The table and the verdict, for people. */
  toString(): string
}

/** Reads a verdict off the figures. */
export function makeReport(stats: PipelineStats, recent: readonly (readonly ItemError[])[]): Report {
  const bottleneck = findBottleneck(stats)
  const failures = recent.flat()
  const table = makeTable(stats)
  return { stats, bottleneck, failures, table, toString: () => print(stats, table, bottleneck, failures) }
}

function makeTable(stats: PipelineStats): string {
  const rows = stats.stages.map((stage) => [
    stage.name,
    String(stage.concurrency),
    String(stage.emitted),
    rate(stage.emitted, stats.elapsedMs),
    time(stage.p50Ms),
    time(stage.p99Ms),
    percent(stage.shares.idle),
    percent(stage.shares.running + stage.shares.queued),
    percent(stage.shares.blocked),
    percent(stage.queue.occupancy),
    String(stage.failures),
    String(stage.skipped),
  ])
  return columns([
    [
      'stage',
      'conc.',
      'items',
      'items/s',
      'p50',
      'p99',
      'starved',
      'busy',
      'blocked',
      'ready',
      'failed',
      'skipped',
    ],
    ...rows,
  ])
}

function print(
  stats: PipelineStats,
  table: string,
  bottleneck: Bottleneck | undefined,
  failures: readonly ItemError[],
): string {
  const verdict =
    bottleneck === undefined
      ? 'Too little has happened to name a bottleneck.'
      : `Bottleneck: ${bottleneck.stage}: ${bottleneck.reason}.\n  ${bottleneck.advice[0]?.toUpperCase()}${bottleneck.advice.slice(1)}.\n  ${headroomOf(bottleneck)}`
  const failed = failures.map(
    (failure) => `  ${failure.stage}, item ${failure.index}: ${messageOf(failure.error)}`,
  )
  return [
    table,
    verdict,
    ...printBlocks(stats.blocks),
    ...printLetters(stats.deadLetters),
    ...(failed.length === 0 ? [] : ['Failed items (the last of each stage):', ...failed]),
  ].join('\n')
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
    return `  ${whose}: ${block.function}${where}, ${block.count === 1 ? 'once' : `${block.count} times`}, ${time(block.totalMs)}, at most ${time(block.longestMs)} at once`
  })
  const more = blocks.length - lines.length
  return [
    'Held the event loop, where nothing else went on meanwhile:',
    ...lines,
    ...(more > 0 ? [`  and ${more} more places`] : []),
  ]
}

function headroomOf({ headroom, stage }: Bottleneck): string {
  return headroom < 1.1
    ? `Even if ${stage} took no time, the pipeline would hardly be faster: others are as busy.`
    : `If ${stage} took no time, the pipeline would be up to ${headroom.toFixed(1)} times faster.`
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
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

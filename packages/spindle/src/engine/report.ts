import type { ItemError } from '../errors.ts'
import { messageOf } from '../errors.ts'
import type { PipelineStats, StageStats } from './stats.ts'

/** What limits a pipeline's throughput. */
export interface Bottleneck {
  /** Name of the stage; `'consumer'` when the pipeline waits for whoever takes its items. */
  readonly stage: string
  readonly reason: string
  readonly advice: string
}

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
  return { stats, bottleneck, failures, table, toString: () => print(table, bottleneck, failures) }
}

/** Share of its slots' time that a stage works, 0 to 1. */
function busyShare(stage: StageStats, elapsedMs: number): number {
  return elapsedMs > 0 ? (stage.meanMs * stage.tasks) / (stage.concurrency * elapsedMs) : 0
}

function findBottleneck(stats: PipelineStats): Bottleneck | undefined {
  const { stages, elapsedMs } = stats
  const source = stages.find((stage) => stage.id === 0)
  const sink = stages.at(-1)
  if (source === undefined || sink === undefined || stats.items === 0 || elapsedMs === 0) return undefined
  const fullShare = sink.queue.fullMs / elapsedMs
  if (fullShare > 0.5) {
    const share = percent(fullShare)
    return {
      stage: 'consumer',
      reason: `finished items wait for it: the sink was full ${share} of the time`,
      advice:
        'the pipeline is faster than it needs to be; make the consumer faster, or give its work to a stage',
    }
  }
  const busiest = stages
    .filter((stage) => stage.meanMs > 0)
    .reduce<StageStats | undefined>(
      (most, stage) =>
        most === undefined || busyShare(stage, elapsedMs) > busyShare(most, elapsedMs) ? stage : most,
      undefined,
    )
  const share = busiest === undefined ? 0 : busyShare(busiest, elapsedMs)
  if (busiest === undefined || share < 0.3) {
    return {
      stage: source.name,
      reason: 'no stage is busy most of the time: they wait for the source',
      advice:
        'make the source faster, or let it give descriptors and do the work in a stage with more concurrency',
    }
  }
  return {
    stage: busiest.name,
    reason: `its ${busiest.concurrency} ${busiest.concurrency === 1 ? 'slot is' : 'slots are'} busy ${percent(Math.min(1, share))} of the time`,
    advice: 'raise its `concurrency` if what it waits for allows it, make its op cheaper, or split it',
  }
}

function makeTable(stats: PipelineStats): string {
  const rows = stats.stages.map((stage) => [
    stage.name,
    String(stage.concurrency),
    String(stage.emitted),
    rate(stage.emitted, stats.elapsedMs),
    time(stage.meanMs),
    percent(Math.min(1, busyShare(stage, stats.elapsedMs))),
    String(stage.failures),
    String(stage.skipped),
    percent(stats.elapsedMs > 0 ? stage.queue.fullMs / stats.elapsedMs : 0),
  ])
  return columns([
    ['stage', 'conc.', 'items', 'items/s', 'mean', 'busy', 'failed', 'skipped', 'queue full'],
    ...rows,
  ])
}

function print(table: string, bottleneck: Bottleneck | undefined, failures: readonly ItemError[]): string {
  const verdict =
    bottleneck === undefined
      ? 'Too little has happened to name a bottleneck.'
      : `Bottleneck: ${bottleneck.stage}: ${bottleneck.reason}.\n  ${bottleneck.advice[0]?.toUpperCase()}${bottleneck.advice.slice(1)}.`
  const failed = failures.map(
    (failure) => `  ${failure.stage}, item ${failure.index}: ${messageOf(failure.error)}`,
  )
  return [
    table,
    verdict,
    ...(failed.length === 0 ? [] : ['Failed items (the last of each stage):', ...failed]),
  ].join('\n')
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

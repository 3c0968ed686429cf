import type { Bottleneck } from './bottleneck.ts'
import {
  gainOf,
  LEAST_GAIN,
  limitInWords,
  othersInWords,
  percent,
  stepOfRun,
  stepTo,
  times,
} from './gain.ts'
import { trendOf } from './inner-rule.ts'
import {
  FULL,
  type Loads,
  machineEvidence,
  type NextLimit,
  nextLimit,
  placesOf,
  round,
  type StageLoad,
} from './loads.ts'

/** The stage's slots are in use, and no other limit is known. */
export function stageLimits(loads: Loads, busiest: StageLoad): Bottleneck {
  const { name, stats, use } = busiest
  const { concurrency, shares } = stats
  const gain = gainOf(loads, [name], boundOf(loads, busiest))
  // In a region, the concurrency is per worker.
  const places = placesOf(busiest)
  const from = concurrency / places
  const inUse = Math.max(1, use >= FULL ? concurrency : concurrency * use) / places
  const { to, promise } = stepOfRun(
    loads,
    stepTo(from, inUse, gain.factor),
    from,
    stats.tasks / places,
  )
  const isWorth = promise >= LEAST_GAIN && to > from
  if (isRouter(loads, busiest)) return routerLimits(loads, busiest, isWorth ? promise : 1)
  const busy = shares.running + shares.queued
  const waits = [
    ...(shares.blocked > 0.1 ? [`blocked ${percent(shares.blocked)}`] : []),
    ...(shares.backoff > 0.05 ? [`between tries ${percent(shares.backoff)}`] : []),
  ]
  const { cpu } = loads
  return {
    stage: name,
    kind: 'stage',
    reason: `its ${concurrency} ${concurrency === 1 ? 'slot is' : 'slots are'} busy ${percent(busy)} of the time${waits.map((wait) => `, ${wait}`).join('')}, with ${cpu.own.toFixed(1)} of ${cpu.cores} cores in use${othersInWords(cpu)}`,
    advice: isWorth
      ? `raise its \`concurrency\` from ${from} to ${to}: about ${times(promise)} the throughput if what it waits for can serve that many, or make its op cheaper (${stats.meanMs.toPrecision(3)} ms each)`
      : `a higher \`concurrency\` alone would hardly help: ${limitInWords(gain.by, cpu)} limits next${together(loads, name, gain.by.name)}. Make its op cheaper (${stats.meanMs.toPrecision(3)} ms each), or split it by what it waits for`,
    evidence: {
      concurrency,
      running: round(shares.running),
      queued: round(shares.queued),
      blocked: round(shares.blocked),
      meanMs: round(stats.meanMs),
      next: round(gain.by.factor),
      ...machineEvidence(loads),
    },
    promise: isWorth ? promise : 1,
    ...(isWorth ? { change: { stage: name, option: 'concurrency' as const, from, to } } : {}),
    headroom: Math.max(1, nextLimit(loads, [name]).factor),
  }
}

/** Whether a stage divides its items among several paths. It takes one item at a time. */
function isRouter({ stats: { stages } }: Loads, { stats: { id } }: StageLoad): boolean {
  return stages.filter(({ upstream }) => upstream.includes(id)).length > 1
}

function routerLimits(loads: Loads, { name, stats }: StageLoad, promise: number): Bottleneck {
  const { shares } = stats
  return {
    stage: name,
    kind: 'stage',
    reason: `its function, which chooses the path of each item, is busy ${percent(shares.running)} of the time, and takes one item at a time`,
    advice: `find what decides the path in a stage before it, with a higher \`concurrency\`, so that the router only reads it${promise > 1 ? `: about ${times(promise)} the throughput` : ''}`,
    evidence: {
      running: round(shares.running),
      meanMs: round(stats.meanMs),
      ...machineEvidence(loads),
    },
    promise,
    headroom: Math.max(1, nextLimit(loads, [name]).factor),
  }
}

/** Advises to change two stages together if both are busy. */
function together(loads: Loads, name: string, next: string): string {
  const other = loads.working.find((stage) => stage.name === next)
  if (other === undefined || other.stats.workers !== undefined) return ''
  return gainOf(loads, [name, next]).factor >= LEAST_GAIN ? ', so raise both together' : ''
}

/** The limits for a wider stage: the workers that run it, and the trend seen with fewer calls. */
function boundOf({ pools }: Loads, stage: StageLoad): { atMost?: NextLimit } {
  const bounds: NextLimit[] = []
  const pool = pools.find(({ stages }) => stages.includes(stage))
  if (pool?.workers !== undefined) {
    const isFull = stage.use >= FULL && stage.stats.workers?.isRegion === false
    const busy = Math.max(pool.busy, isFull ? stage.stats.concurrency : 0.01)
    bounds.push({ name: stage.name, factor: pool.workers / busy })
  }
  const trend = trendOf(stage.stats)
  if (trend !== undefined && trend.growthAtMost < 0.9)
    bounds.push({ name: stage.name, factor: 4 ** Math.max(0, trend.growthAtMost) })
  const least = bounds.sort((one, other) => one.factor - other.factor)[0]
  return least === undefined ? {} : { atMost: least }
}

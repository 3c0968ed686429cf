import type { Bottleneck, BottleneckChange } from './bottleneck.ts'
import {
  type CpuLoad,
  cpuOfWorker,
  type Loads,
  MOSTLY_COMPUTES,
  machineEvidence,
  nextLimit,
  type PoolLoad,
  round,
  type StageLoad,
} from './loads.ts'

/** The cores are used up. More calls at a time or more threads would only share them. */
export function cpuLimits(loads: Loads, busiest: StageLoad): Bottleneck | undefined {
  if (!loads.cpu.isUsedUp) return undefined
  // If the pool's workers mostly wait, they use little of the cores, so the cores are not the
  // limit.
  const isInPool = loads.pools.some(({ stages }) => stages.includes(busiest))
  if (isInPool && cpuOfWorker(loads) < MOSTLY_COMPUTES) return undefined
  return cpuVerdict(loads, busiest)
}

/** The verdict on a stage for which no cores are left. */
export function cpuVerdict(loads: Loads, busiest: StageLoad): Bottleneck {
  const { cpu } = loads
  const crowd = crowdedPool(loads)
  // Each thread gets its share of busy cores, so fewer threads would get less.
  const isOthers = cpu.others > cpu.own
  const threads = loads.pools.reduce((sum, { busy }) => sum + busy, 0)
  return {
    stage: busiest.name,
    kind: 'cpu',
    reason: inWords(cpu),
    advice: isOthers
      ? 'change nothing in the pipeline: measure it on a machine of its own, or after the other programs have ended'
      : adviceFor(cpu, crowd),
    evidence: {
      ...machineEvidence(loads),
      ...(loads.pools.length === 0 ? {} : { threadsBusy: round(threads) }),
      use: round(busiest.use),
    },
    promise: 1,
    ...(isOthers || crowd === undefined ? {} : { change: crowd.change }),
    headroom: Math.max(1, nextLimit(loads, [busiest.name]).factor),
  }
}

function inWords({ cores, own, others }: CpuLoad): string {
  const all = cores === 1 ? 'the one core is' : `the ${cores} cores are`
  return others >= 0.25 * cores
    ? `${all} used up: this process uses ${own.toFixed(1)} of them, other programs ${others.toFixed(1)}`
    : `${all} used up: this process uses ${own.toFixed(1)} of them`
}

function adviceFor(_cpu: CpuLoad, crowd: Crowd | undefined): string {
  const fewer =
    crowd === undefined
      ? ''
      : `; ${crowd.threads.toFixed(0)} threads share ${crowd.cores} cores: with ${crowd.change.to} instead of ${crowd.change.from} in the pool of "${crowd.change.stage}" there is less switching`
  return `more concurrency or threads would gain nothing: let each item cost less (decode smaller: \`shrinkOnDecode\`; several a call: \`loadImageBatch\`; no conversion of layout or type that the consumer does not need), or use more cores: another machine${fewer}`
}

interface Crowd {
  readonly threads: number
  readonly cores: number
  readonly change: BottleneckChange
}

/**
 * Finds pools with more threads than there are cores. Such threads take turns, and each needs its
 * own memory and caches.
 */
function crowdedPool({ pools, cpu }: Loads): Crowd | undefined {
  const known = pools.filter(
    (pool): pool is PoolLoad & { readonly workers: number } => pool.workers !== undefined,
  )
  const threads = known.reduce((sum, { workers }) => sum + workers, 0)
  const cores = Math.max(1, Math.floor(cpu.cores))
  const largest = known.reduce<(typeof known)[number] | undefined>(
    (most, pool) => (most === undefined || pool.workers > most.workers ? pool : most),
    undefined,
  )
  const stage = largest?.stages[0]
  if (threads < 1.5 * cores || largest === undefined || stage === undefined) return undefined
  const to = Math.max(1, Math.round((largest.workers * cores) / threads))
  if (to >= largest.workers) return undefined
  return {
    threads,
    cores,
    change: { stage: stage.name, option: 'workers', from: largest.workers, to },
  }
}

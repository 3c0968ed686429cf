import type { Bottleneck } from './bottleneck.ts'
import { cpuVerdict } from './cpu-rule.ts'
import { gainOf, LEAST_GAIN, limitInWords, percent, stepOfRun, stepTo, times } from './gain.ts'
import {
  cpuOfWorker,
  FULL,
  type Loads,
  MOSTLY_COMPUTES,
  machineEvidence,
  nextLimit,
  type PoolLoad,
  round,
  type StageLoad,
} from './loads.ts'

/** A worker that uses this much of a core is computing, not only waiting. */
const COMPUTES = 0.3

/** All workers that run the stage's calls are in use. */
export function executorLimits(loads: Loads, busiest: StageLoad): Bottleneck | undefined {
  const pool = loads.pools.find(({ stages }) => stages.includes(busiest))
  const { shares } = busiest.stats
  const isQueued = shares.queued > Math.max(0.15, shares.running / 4)
  if (pool?.workers !== undefined) {
    // A pool that is as busy as the slots also counts as full: each call occupies a worker.
    if (pool.use < Math.min(FULL, 0.9 * busiest.use) && !isQueued) return undefined
    // With fewer calls than workers, the calls do not wait because of missing workers.
    const calls = pool.stages.reduce((sum, { stats }) => sum + stats.concurrency, 0)
    if (pool.use < FULL && calls < pool.workers) return undefined
    return ofPool(loads, busiest, pool, pool.workers)
  }
  // The calls run in a library with its own threads that reports their begin, or in an executor
  // with an unknown number of workers.
  return isQueued ? ofThreads(loads, busiest) : undefined
}

function ofPool(loads: Loads, stage: StageLoad, pool: PoolLoad, workers: number): Bottleneck {
  const { shares, concurrency } = stage.stats
  const names = pool.stages.map(({ name }) => name)
  const worker = cpuOfWorker(loads)
  const isComputing = worker >= COMPUTES
  const gain = gainOf(loads, names, isComputing ? {} : { usesCpu: false })
  const inUse = pool.use >= FULL ? workers : Math.max(1, pool.busy)
  const calls = pool.stages.reduce((sum, { stats }) => sum + stats.tasks, 0)
  const { to, promise } = stepOfRun(
    loads,
    stepTo(workers, inUse, gain.factor),
    workers,
    calls,
    true,
  )
  const isWorth = promise >= LEAST_GAIN && to > workers
  if (!isWorth && worker >= MOSTLY_COMPUTES && gain.by.name === 'cpu' && isMachineFull(loads))
    return cpuVerdict(loads, stage)
  const [one, called] = pool.kind === 'process' ? ['process', 'processes'] : ['worker', 'workers']
  const shared = names.length > 1 ? `, which ${names.length} stages share` : ''
  return {
    stage: stage.name,
    kind: 'executor',
    reason: `its ${workers} ${workers === 1 ? one : called}${shared} ${workers === 1 ? 'is' : 'are'} busy ${percent(pool.use)} of the time${shares.queued >= 0.05 ? `, and its calls wait for one ${percent(shares.queued)} of theirs` : ''}`,
    advice: isWorth
      ? `give it ${to} ${called} instead of ${workers}${concurrency < to ? ` and \`concurrency\` ${to}` : ''}: about ${times(promise)} the throughput. A higher \`concurrency\` alone only makes the queue longer`
      : `more of them would hardly help: ${limitInWords(gain.by, loads.cpu)} limits next. Let each call cost less`,
    evidence: {
      workers,
      workersBusy: round(pool.busy),
      running: round(shares.running),
      queued: round(shares.queued),
      cpuPerWorker: round(worker),
      ...machineEvidence(loads),
    },
    promise: isWorth ? promise : 1,
    ...(isWorth
      ? { change: { stage: stage.name, option: 'workers' as const, from: workers, to } }
      : {}),
    headroom: Math.max(1, nextLimit(loads, names).factor),
  }
}

function ofThreads(loads: Loads, stage: StageLoad): Bottleneck {
  const { shares, concurrency } = stage.stats
  const gain = gainOf(loads, [stage.name])
  if (gain.factor < LEAST_GAIN && gain.by.name === 'cpu' && isMachineFull(loads))
    return cpuVerdict(loads, stage)
  const inUse = Math.max(1, Math.round(stage.running))
  return {
    stage: stage.name,
    kind: 'executor',
    reason: `its calls wait for a free thread ${percent(shares.queued)} of the time and work ${percent(shares.running)}: ${inUse} of ${concurrency} at a time`,
    advice:
      gain.factor >= LEAST_GAIN
        ? 'give the library that runs its calls more threads; a higher `concurrency` only makes the queue longer'
        : `more threads would hardly help: ${limitInWords(gain.by, loads.cpu)} limits next. Let each call cost less`,
    evidence: {
      threadsBusy: round(stage.running),
      running: round(shares.running),
      queued: round(shares.queued),
      ...machineEvidence(loads),
    },
    promise: 1,
    headroom: Math.max(1, nextLimit(loads, [stage.name]).factor),
  }
}

function isMachineFull({ cpu }: Loads): boolean {
  return cpu.own + cpu.others >= 0.95 * cpu.cores
}

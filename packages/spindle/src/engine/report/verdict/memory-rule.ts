import type { StageStats } from '../../stats/pipeline-stats.ts'
import type { Bottleneck } from './bottleneck.ts'
import { gainOf, LEAST_GAIN, percent, times } from './gain.ts'
import { FULL, type Loads, machineEvidence, most, nextLimit, round } from './loads.ts'

/** A queue that reaches its limit in bytes for this share of the time stops the stage before it. */
const OFTEN = 0.25
/** Advise an increase of the limit by at most this factor. */
const MOST_MORE = 15
/** Some of the gain is lost because results do not come evenly. */
const SOME_LOST = 0.9

/** Calls or stages wait because of a limit in bytes. */
export function memoryLimits(loads: Loads): Bottleneck | undefined {
  return poolLimits(loads) ?? queueLimits(loads)
}

/** The calls of stages on the event loop mostly wait for memory of a `SegmentPool`. */
function poolLimits(loads: Loads): Bottleneck | undefined {
  const { stats, working } = loads
  const here = working.filter((stage) => stage.stats.workers === undefined)
  const stage = most(here)
  const running = here.reduce((sum, each) => sum + each.running, 0)
  const waiting = stats.memoryWaitMs / stats.elapsedMs
  if (stage === undefined || waiting < OFTEN || waiting < running / 2) return undefined
  return {
    stage: stage.name,
    kind: 'memory',
    reason: `its calls wait for memory: ${waiting.toFixed(1)} requests to a SegmentPool waited at a time, of ${running.toFixed(1)} calls`,
    advice:
      'raise `maxBytes` of the SegmentPool if the machine has the memory, release its memory sooner, or keep fewer batches in flight (`concurrency`, `buffer`)',
    evidence: {
      requestsWaiting: round(waiting),
      running: round(running),
      ...machineEvidence(loads),
    },
    promise: 1,
    headroom: Math.max(1, nextLimit(loads, [stage.name]).factor),
  }
}

/** A limit in bytes stops a stage, although neither that stage nor a later part is always busy. */
function queueLimits(loads: Loads): Bottleneck | undefined {
  const { stats, sources, working } = loads
  const worst = stats.stages.reduce<StageStats | undefined>(
    (fullest, stage) =>
      stage.queue.bytesFullMs > (fullest?.queue.bytesFullMs ?? 0) ? stage : fullest,
    undefined,
  )
  const maxBytes = worst?.queue.maxBytes
  if (worst === undefined || maxBytes === undefined) return undefined
  const full = worst.queue.bytesFullMs / stats.elapsedMs
  if (full < OFTEN) return undefined
  // If a part is always busy, the limit only does its job.
  if ([...sources, ...working].some(({ use }) => use >= FULL) || stats.consumer.busy >= FULL)
    return undefined
  const { to, promise } = roomFor(loads, worst, maxBytes, full)
  const isWorth = promise >= LEAST_GAIN
  return {
    stage: worst.name,
    kind: 'memory',
    reason: `its results wait in memory: its queue had \`maxBytes\` ${bytes(maxBytes)} or more ${percent(full)} of the time, and the stage began no call during that time, although no part was always busy`,
    advice: isWorth
      ? `raise its \`maxBytes\` from ${bytes(maxBytes)} to ${bytes(to)} if the machine has the memory (about ${times(promise)} the throughput), or make its results smaller`
      : 'make its results smaller; more memory would hardly help, because other parts are as busy',
    evidence: {
      bytesFull: round(full),
      maxBytes,
      meanBytes: Math.round(worst.queue.meanBytes),
      spellMs: round(worst.queue.bytesFullMs / Math.max(1, worst.queue.bytesFullTimes)),
      consumerWaiting: round(stats.consumer.waiting),
      ...machineEvidence(loads),
    },
    promise: isWorth ? promise : 1,
    ...(isWorth
      ? { change: { stage: worst.name, option: 'maxBytes' as const, from: maxBytes, to } }
      : {}),
    headroom: Math.max(1, nextLimit(loads, []).factor),
  }
}

/** The room for the results that the stage would have made while it was stopped. */
function roomFor(
  loads: Loads,
  { queue }: StageStats,
  maxBytes: number,
  full: number,
): { to: number; promise: number } {
  const { elapsedMs } = loads.stats
  const spellMs = queue.bytesFullMs / Math.max(1, queue.bytesFullTimes)
  const perMs = queue.items / (elapsedMs * Math.max(0.05, 1 - full))
  const wanted = perMs * spellMs * queue.meanBytes
  const more = Math.min(wanted, MOST_MORE * maxBytes)
  const kept = full * (1 - more / Math.max(more, wanted, 1))
  const gain = (1 - kept) / (1 - full)
  return {
    to: Math.ceil((maxBytes + more) / 1e5) * 1e5,
    promise: Math.min(gainOf(loads, []).factor, gain) * SOME_LOST,
  }
}

function bytes(count: number): string {
  return count >= 1e6 ? `${(count / 1e6).toPrecision(3)} MB` : `${(count / 1e3).toPrecision(3)} kB`
}

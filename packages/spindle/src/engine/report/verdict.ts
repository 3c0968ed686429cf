import { badOption } from '../../check.ts'
import type { PipelineStats } from '../stats/pipeline-stats.ts'
import { statsBetween } from './stats-interval.ts'
import type { Bottleneck, Verdict } from './verdict/bottleneck.ts'
import { consumerLimits } from './verdict/consumer-rule.ts'
import { cpuLimits } from './verdict/cpu-rule.ts'
import { executorLimits } from './verdict/executor-rule.ts'
import { innerLimits } from './verdict/inner-rule.ts'
import { FULL, loadsOf, most } from './verdict/loads.ts'
import { loopIsFull, loopLimits } from './verdict/loop-rule.ts'
import { memoryLimits } from './verdict/memory-rule.ts'
import { rateLimits } from './verdict/rate-rule.ts'
import { sourceLimits } from './verdict/source-rule.ts'
import { stageLimits } from './verdict/stage-rule.ts'

export type { Bottleneck, BottleneckChange, Verdict } from './verdict/bottleneck.ts'

/** A shorter run is mostly its beginning and its end. */
const LEAST_MS = 200
const LEAST_TASKS = 10
/** Of slow items fewer will do, … */
const FEW_TASKS = 3
/** … if the run is so long. */
const LONG_MS = 5000

/**
 * Names what limits the throughput, with what it rests on and what to change: a function of the
 * figures alone.
 *
 * @param earlier figures of the same pipeline: then the verdict is of the time since.
 */
export function judge(now: PipelineStats, earlier?: PipelineStats): Verdict {
  const stats = earlier === undefined ? now : statsBetween(earlier, now)
  const missing = missingIn(stats)
  return missing === undefined
    ? { bottleneck: find(stats), missing }
    : { bottleneck: undefined, missing }
}

/**
 * Names what limits a pipeline's throughput, as `report()` does: from its figures alone, so it can
 * be asked of an interval.
 *
 * @param earlier figures of the same pipeline: then the verdict is of the time since.
 * @returns `undefined` when too little has happened to tell: less than 0.2 s, or fewer than 10
 *   items (3 after 5 s).
 *
 * @example
 * ```ts run
 * import { findBottleneck, PipelineBuilder } from 'spindle'
 *
 * const pipeline = new PipelineBuilder()
 *   .addSource(Array(200).keys())
 *   .pipe(async (n) => n, { concurrency: 4 })
 *   .build({
 *     reportIntervalMs: 10_000,
 *     onStats: ({ interval }) => console.log(findBottleneck(interval)?.kind ?? 'too little'),
 *   })
 * await pipeline.forEach(() => {})
 * ```
 */
export function findBottleneck(
  now: PipelineStats,
  earlier?: PipelineStats,
): Bottleneck | undefined {
  checkStats('now', now)
  if (earlier !== undefined) checkStats('earlier', earlier)
  return judge(now, earlier).bottleneck
}

function checkStats(name: string, stats: unknown): void {
  const isStats = Array.isArray((stats as PipelineStats | undefined)?.stages)
  if (!isStats) badOption(name, 'figures of a pipeline, as of `pipeline.stats()`', stats)
}

/** The first rule that holds names it: what disturbs the figures of others is asked first. */
function find(stats: PipelineStats): Bottleneck | undefined {
  const loads = loadsOf(stats)
  const busiest = most(loads.working)
  // Items wait for a consumer that takes many at once, too; but with more room they would be made
  // while it is busy.
  const memory = memoryLimits(loads)
  if (memory !== undefined && memory.promise > 1 && loads.loop.use < FULL) return memory
  // Whoever holds the loop makes all others look busy.
  const first = consumerLimits(loads) ?? loopLimits(loads)
  if (first !== undefined) return first
  if (busiest === undefined) return sourceLimits(loads, undefined)
  return (
    memory ??
    rateLimits(loads, busiest) ??
    cpuLimits(loads, busiest) ??
    sourceLimits(loads, busiest) ??
    executorLimits(loads, busiest) ??
    innerLimits(loads, busiest) ??
    loopIsFull(loads, busiest) ??
    stageLimits(loads, busiest)
  )
}

/** What is missing for a verdict, in words: calls that have not ended say nothing yet. */
function missingIn({ stages, items, elapsedMs }: PipelineStats): string | undefined {
  const tasks = Math.max(
    items,
    ...stages.map((stage) => (stage.upstream.length > 0 ? stage.tasks - stage.running : 0)),
  )
  const isEnough =
    elapsedMs >= LEAST_MS && (tasks >= LEAST_TASKS || (elapsedMs >= LONG_MS && tasks >= FEW_TASKS))
  if (isEnough) return undefined
  return `${tasks} ${tasks === 1 ? 'item' : 'items'} in ${(elapsedMs / 1000).toFixed(2)} s: it takes ${LEAST_MS / 1000} s and ${LEAST_TASKS} items, or ${LONG_MS / 1000} s and ${FEW_TASKS}`
}

import { badOption } from '../../check.ts'
import type { PipelineStats } from '../stats/pipeline-stats.ts'
import { statsBetween } from './stats-interval.ts'
import type { Bottleneck, Verdict } from './verdict/bottleneck.ts'
import { consumerLimits } from './verdict/consumer-rule.ts'
import { cpuLimits } from './verdict/cpu-rule.ts'
import { executorLimits } from './verdict/executor-rule.ts'
import { innerLimits, innerLimitsOfPool } from './verdict/inner-rule.ts'
import { FULL, loadsOf, most } from './verdict/loads.ts'
import { loopIsFull, loopLimits } from './verdict/loop-rule.ts'
import { memoryLimits } from './verdict/memory-rule.ts'
import { rateLimits } from './verdict/rate-rule.ts'
import { sourceLimits } from './verdict/source-rule.ts'
import { stageLimits } from './verdict/stage-rule.ts'
import { throttleLimits } from './verdict/throttle-rule.ts'

export type { Bottleneck, BottleneckChange, Verdict } from './verdict/bottleneck.ts'

/** A shorter run consists mostly of its beginning and end. */
const LEAST_MS = 200
const LEAST_TASKS = 10
/** Enough for slow items, … */
const FEW_TASKS = 3
/** … if the run is at least this long. */
const LONG_MS = 5000

/**
 * Finds what limits the throughput, with evidence and advice. The result depends on the statistics
 * alone.
 *
 * @param earlier Earlier statistics of the same pipeline. The verdict then covers the time since.
 */
export function judge(now: PipelineStats, earlier?: PipelineStats): Verdict {
  const stats = earlier === undefined ? now : statsBetween(earlier, now)
  const missing = missingIn(stats)
  return missing === undefined
    ? { bottleneck: find(stats), missing }
    : { bottleneck: undefined, missing }
}

/**
 * Finds what limits a pipeline's throughput, like `report()`, but from statistics alone. So it
 * works for intervals too.
 *
 * @param earlier Earlier statistics of the same pipeline. The verdict then covers the time since.
 * @returns `undefined` if there is too little evidence: less than 0.2 s, or fewer than 10 items (3
 *   after 5 s).
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

/**
 * Applies the rules in order; the first that matches gives the verdict. Rules for parts that
 * distort the figures of others come first.
 */
function find(stats: PipelineStats): Bottleneck | undefined {
  const loads = loadsOf(stats)
  const busiest = most(loads.working)
  // Items also wait for a consumer that takes many at once. With more room, they would be made
  // while it is busy.
  const memory = memoryLimits(loads)
  if (memory !== undefined && memory.promise > 1 && loads.loop.use < FULL) return memory
  // If something blocks the event loop, all other parts look busy.
  const first = consumerLimits(loads) ?? loopLimits(loads)
  if (first !== undefined) return first
  if (busiest === undefined) return sourceLimits(loads, undefined)
  return (
    memory ??
    throttleLimits(loads, busiest) ??
    rateLimits(loads, busiest) ??
    cpuLimits(loads, busiest) ??
    sourceLimits(loads, busiest) ??
    innerLimitsOfPool(loads, busiest) ??
    executorLimits(loads, busiest) ??
    innerLimits(loads, busiest) ??
    loopIsFull(loads, busiest) ??
    stageLimits(loads, busiest)
  )
}

/** Describes what is missing for a verdict. Calls that have not ended do not count. */
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

import type { Bottleneck } from './bottleneck.ts'
import { percent } from './gain.ts'
import { type Loads, machineEvidence, round, type StageLoad } from './loads.ts'

/** The stage's own `rateLimit` decides when its calls begin. */
export function throttleLimits(loads: Loads, busiest: StageLoad): Bottleneck | undefined {
  const { shares, concurrency, tasks } = busiest.stats
  const inUse = shares.running + shares.backoff + shares.queued + shares.throttled
  if (inUse < 0.5 || shares.throttled < inUse / 2) return undefined
  return {
    stage: busiest.name,
    kind: 'rateLimited',
    reason: `its slots wait for its \`rateLimit\` ${percent(shares.throttled)} of the time`,
    advice:
      'raise `rateLimit.perSecond` if the other side allows more; more calls at a time change nothing',
    evidence: {
      throttled: round(shares.throttled),
      running: round(shares.running),
      concurrency,
      tasks,
      ...machineEvidence(loads),
    },
    promise: 1,
    headroom: 1,
  }
}

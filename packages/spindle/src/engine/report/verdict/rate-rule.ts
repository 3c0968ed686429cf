import type { Bottleneck } from './bottleneck.ts'
import { percent } from './gain.ts'
import { type Loads, machineEvidence, nextLimit, round, type StageLoad } from './loads.ts'

/** The stage's calls are refused and retried. More calls at a time would be refused more often. */
export function rateLimits(loads: Loads, busiest: StageLoad): Bottleneck | undefined {
  const { shares, retries, tasks, concurrency } = busiest.stats
  const inUse = shares.running + shares.backoff + shares.queued
  const waits = inUse > 0 ? shares.backoff / inUse : 0
  const again = tasks > 0 ? retries / tasks : 0
  if (waits < 0.1 && again < 0.2) return undefined
  if (again < 0.02) return undefined
  // Calls that are not between two attempts: this many the other side accepts at a time.
  const to = Math.max(1, Math.min(concurrency, Math.ceil(shares.running * concurrency)))
  const isLess = to < concurrency
  return {
    stage: busiest.name,
    kind: 'rateLimited',
    reason: `its calls fail and are tried again: ${again.toFixed(again < 1 ? 2 : 1)} retries an item, and its slots wait between tries ${percent(shares.backoff)} of the time`,
    advice: `${isLess ? `lower its \`concurrency\` from ${concurrency} to ${to}, which is what is at work at a time` : 'ask for less at a time'}: more calls are only refused more often. If it is not a limit of the other side, look at the errors (\`onItemError\`, \`shouldRetry\`)`,
    evidence: {
      retriesPerItem: round(again),
      backoff: round(shares.backoff),
      running: round(shares.running),
      concurrency,
      ...machineEvidence(loads),
    },
    promise: 1,
    ...(isLess
      ? { change: { stage: busiest.name, option: 'concurrency' as const, from: concurrency, to } }
      : {}),
    headroom: Math.max(1, nextLimit(loads, [busiest.name]).factor),
  }
}

import type { Bottleneck } from './bottleneck.ts'
import { percent } from './gain.ts'
import { type Loads, machineEvidence, nextLimit, round, type StageLoad } from './loads.ts'

/** Retries, or calls that run into their time limit, for each call, from which on they matter. */
const OFTEN = 0.2

/**
 * The stage's calls run into their time limit. If the other side is full, more calls at a time all
 * end later, so no gain is promised. Items that are slow by themselves look the same.
 */
function timeLimits(loads: Loads, { name, stats }: StageLoad): Bottleneck | undefined {
  const { shares, timeouts, retries, tasks, concurrency } = stats
  const late = tasks > 0 ? timeouts / tasks : 0
  if (late < OFTEN || timeouts < retries / 2) return undefined
  return {
    stage: name,
    kind: 'rateLimited',
    reason: `its calls run into their time limit: ${late.toFixed(late < 1 ? 2 : 1)} times an item, with ${concurrency} at a time`,
    advice:
      'do not raise its `concurrency`: try a lower one, with which calls may end in time. If as many still end late, raise `timeoutMs`, or find out why these items are slow',
    evidence: {
      timeoutsPerItem: round(late),
      retriesPerItem: round(tasks > 0 ? retries / tasks : 0),
      running: round(shares.running),
      concurrency,
      ...machineEvidence(loads),
    },
    promise: 1,
    headroom: Math.max(1, nextLimit(loads, [name]).factor),
  }
}

/** The stage's calls are refused and retried. More calls at a time would be refused more often. */
export function rateLimits(loads: Loads, busiest: StageLoad): Bottleneck | undefined {
  const late = timeLimits(loads, busiest)
  if (late !== undefined) return late
  const { shares, retries, tasks, concurrency } = busiest.stats
  const inUse = shares.running + shares.backoff + shares.queued
  const waits = inUse > 0 ? shares.backoff / inUse : 0
  const again = tasks > 0 ? retries / tasks : 0
  if (waits < 0.1 && again < OFTEN) return undefined
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

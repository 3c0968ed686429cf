import type { Bottleneck } from './bottleneck.ts'
import { gainOf, LEAST_GAIN, percent, times } from './gain.ts'
import { type Loads, machineEvidence, most, nextLimit, round, type StageLoad } from './loads.ts'

/** The stages wait for the source. */
export function sourceLimits(loads: Loads, busiest: StageLoad | undefined): Bottleneck | undefined {
  const source = most(loads.sources)
  if (source === undefined) return undefined
  const others = busiest?.use ?? 0
  if (source.use <= others || source.use < 0.5) return undefined
  const { factor } = gainOf(loads, [source.name])
  const promise = factor >= LEAST_GAIN ? factor : 1
  return {
    stage: source.name,
    kind: 'source',
    reason: `the stages wait for it: it works ${percent(source.use)} of the time, the busiest stage ${percent(others)}`,
    advice: `make the source faster (read ahead, read in parallel), or let it give descriptors and do the work in a stage with more concurrency${promise > 1 ? `: ${Math.ceil(promise)} at a time give about ${times(promise)} the throughput` : ''}`,
    evidence: {
      sourceBusy: round(source.use),
      busiestStage: round(others),
      meanMs: round(source.stats.meanMs),
      ...machineEvidence(loads),
    },
    promise,
    headroom: Math.max(1, nextLimit(loads, [source.name]).factor),
  }
}

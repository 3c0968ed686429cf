import type { Bottleneck } from './bottleneck.ts'
import { gainOf, LEAST_GAIN, percent, times } from './gain.ts'
import { FULL, type Loads, machineEvidence, nextLimit, round } from './loads.ts'

const HALF = 0.5
const HARDLY_WAITS = 0.95

/** Finished items wait for the consumer, or it holds the loop on which the pipeline runs. */
export function consumerLimits(loads: Loads): Bottleneck | undefined {
  const { stats, loop } = loads
  const { consumer } = stats
  const ready = stats.stages.at(-1)?.queue.occupancy ?? 0
  // What ops hold the loop for is not the consumer's doing, though it waits for the loop all the
  // same.
  if (consumer.busy < HALF || consumer.busy < loop.byOps) return undefined
  // One that hardly ever waits is the limit, however few items are ready.
  const isReady = ready >= HALF || consumer.busy >= HARDLY_WAITS
  // It computes where the pipeline runs: its items may come late for that very reason, and its
  // stages look busy.
  const isHolding = loop.use >= FULL && loop.byOps < HALF && (loop.byConsumer >= HALF || isReady)
  if (!isReady && !isHolding) return undefined
  const rest = isHolding ? Math.max(0, loop.use - consumer.busy) : loop.use
  const next = nextLimit(loads, ['consumer'], rest)
  const promise = isHolding ? movedGain(loads, rest) : 1
  return {
    stage: 'consumer',
    kind: 'consumer',
    reason: isReady
      ? `finished items wait for it: the sink held some ${percent(ready)} of the time, and the consumer is busy ${percent(consumer.busy)}`
      : `it holds the event loop, on which the pipeline runs, too: it is busy ${percent(consumer.busy)} of the time`,
    advice: isHolding
      ? promise > 1
        ? `let the pipeline run off its loop, with runPipelineInWorker(), or give what it computes to worker threads (about ${times(promise)} the throughput)`
        : 'the pipeline is faster than it needs to be: make the consumer itself cheaper, or give what it computes to worker threads'
      : 'the pipeline is faster than it needs to be: make the consumer faster, give part of its work to a stage, or let several consumers share the items',
    evidence: {
      ready: round(ready),
      consumerBusy: round(consumer.busy),
      heldByConsumer: round(loop.byConsumer),
      ...machineEvidence(loads),
    },
    promise,
    headroom: Math.max(1, next.factor),
  }
}

/**
 * With the pipeline in a thread of its own, the consumer has the loop to itself, and the rest has
 * another core.
 */
function movedGain(loads: Loads, rest: number): number {
  const { factor } = gainOf(loads, ['consumer'], { loop: rest })
  const gain = Math.min(factor, 0.95 / Math.max(loads.stats.consumer.busy, 0.01))
  return gain >= LEAST_GAIN ? gain : 1
}

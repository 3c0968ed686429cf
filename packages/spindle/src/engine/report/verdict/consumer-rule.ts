import type { Bottleneck } from './bottleneck.ts'
import { gainOf, LEAST_GAIN, percent, times } from './gain.ts'
import { FULL, type Loads, machineEvidence, nextLimit, round } from './loads.ts'

const HALF = 0.5
const HARDLY_WAITS = 0.95

/** Finished items wait for the consumer, or it blocks the event loop of the pipeline. */
export function consumerLimits(loads: Loads): Bottleneck | undefined {
  const { stats, loop } = loads
  const { consumer } = stats
  const ready = stats.stages.at(-1)?.queue.occupancy ?? 0
  // The consumer also waits while ops block the event loop, but that is not the consumer's fault.
  if (consumer.busy < HALF || consumer.busy < loop.byOps) return undefined
  // A consumer that hardly ever waits is the limit, even if few items are ready.
  const isReady = ready >= HALF || consumer.busy >= HARDLY_WAITS
  // The consumer computes on the pipeline's event loop. That alone may delay its items and make
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
      : `it blocks the event loop that the pipeline also runs on: it is busy ${percent(consumer.busy)} of the time`,
    advice: isHolding
      ? promise > 1
        ? `run the pipeline in a worker with runPipelineInWorker(), or move what it computes to worker threads (about ${times(promise)} the throughput)`
        : 'the pipeline is faster than it needs to be: make the consumer cheaper, or move what it computes to worker threads'
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
 * If the pipeline has its own thread, the consumer has this event loop to itself, and the rest uses
 * another core.
 */
function movedGain(loads: Loads, rest: number): number {
  const { factor } = gainOf(loads, ['consumer'], { loop: rest })
  const gain = Math.min(factor, 0.95 / Math.max(loads.stats.consumer.busy, 0.01))
  return gain >= LEAST_GAIN ? gain : 1
}

import type { CallContext } from '../../engine/executor.ts'
import type { OpReference } from '../../engine/worker-op.ts'
import type { StageContext } from '../../op-context.ts'
import { seesContext } from '../../sees-context.ts'
import { clockMs } from '../../timers.ts'
import { isGenerator, promiseOf } from '../../user-code.ts'
import { areGivenUp, beginBatch, endBatch } from '../../workers/calls/batch-room.ts'
import { shareMemory } from '../../workers/calls/sample-memory.ts'
import { keepSpare, takeSpare } from '../../workers/calls/spare-memory.ts'
import { WorkerContext } from '../../workers/calls/worker-context.ts'
import { loadOp, type Op } from '../../workers/supervise/worker-modules.ts'
import { markMovable } from '../../workers/transport/movable.ts'
import { uncleared } from '../../workers/transport/pack.ts'
import { toWire, type WireError } from '../../workers/transport/wire-error.ts'

// What a worker does for a whole batch: `preprocess` for each item and then `collate`. Samples
// never leave the thread, so a batch costs one message instead of one for each item, and no copy of
// a sample.

/** A request to a worker. */
export interface BatchJob {
  /** Identifies the two ops, so that a worker loads them once. */
  readonly ops: number
  readonly preprocess: OpReference
  readonly collate: OpReference
  readonly items: readonly unknown[]
  /** The context of each item's call, and of the call of `collate` if that is known. */
  readonly contexts: readonly CallContext[]
  readonly batchContext: CallContext | undefined
}

/**
 * What became of an item. `'again'`: its op must be called by itself, because it gives a promise or
 * a generator, or was not called.
 */
export type SampleOutcome = { readonly value: unknown } | { readonly error: WireError } | 'again'

/**
 * The batch; or what became of each item, if the batch cannot be made here. `eachMs`: mean time of
 * an item's call.
 */
export type BatchResult = { readonly eachMs: number } & (
  | { readonly batch: unknown }
  | { readonly outcomes: readonly SampleOutcome[] }
)

interface LoadedOps {
  readonly preprocess: Op
  readonly collate: Op
  readonly isSampleInContext: boolean
  readonly isBatchInContext: boolean
  /** Size of the samples, if a batch has them in one buffer; 0: each has its own, or `NEVER`. */
  sampleBytes: number
}

shareMemory()

/** For `sampleBytes`: samples are never in one buffer. */
const NEVER = -1

const loaded = new Map<number, LoadedOps>()

/** The op of a whole batch. It is asynchronous only where an op has to be loaded or awaited. */
export function runBatch(job: BatchJob, context: StageContext): BatchResult | Promise<BatchResult> {
  const ops = loaded.get(job.ops)
  return ops === undefined
    ? load(job).then((own) => run(job, own, context))
    : run(job, ops, context)
}

async function load(job: BatchJob): Promise<LoadedOps> {
  const preprocess = await loadOp(job.preprocess)
  const collate = await loadOp(job.collate)
  const ops = {
    preprocess,
    collate,
    isSampleInContext: seesContext(preprocess),
    isBatchInContext: seesContext(collate),
    sampleBytes: 0,
  }
  loaded.set(job.ops, ops)
  return ops
}

function run(
  job: BatchJob,
  ops: LoadedOps,
  context: StageContext,
): BatchResult | Promise<BatchResult> {
  const count = job.items.length
  beginBatch(Math.max(0, ops.sampleBytes), count, (bytes) => context.alloc(bytes))
  try {
    return sampled(job, ops, context)
  } finally {
    endBatch(count)
  }
}

function sampled(
  job: BatchJob,
  ops: LoadedOps,
  context: StageContext,
): BatchResult | Promise<BatchResult> {
  const { items, contexts } = job
  const outcomes: SampleOutcome[] = []
  const beganAt = clockMs()
  for (const [i, item] of items.entries()) {
    context.signal.throwIfAborted()
    const own = ops.isSampleInContext ? contextOf(contexts[i], context, newMemory) : undefined
    const outcome = outcomeOf(() => ops.preprocess(item, own))
    if (outcome instanceof Promise) return outcome.then((last) => apart([...outcomes, last], items))
    outcomes.push(outcome)
    if (outcome === 'again') return apart(outcomes, items)
  }
  const eachMs = (clockMs() - beganAt) / items.length
  const samples = samplesOf(outcomes)
  if (samples === undefined || (ops.isBatchInContext && job.batchContext === undefined))
    return { outcomes, eachMs }
  const result = collated(job, ops, samples, context)
  const given = (outcome: SampleOutcome): BatchResult => {
    if (outcome === 'again' || 'error' in outcome) return { outcomes, eachMs }
    keepSpare(samples, outcome.value)
    return { batch: outcome.value, eachMs }
  }
  return result instanceof Promise ? result.then(given) : given(result)
}

/**
 * Calls `collate` with a list of its own, and learns whether the samples of the next batch should
 * be in one buffer. If `collate` throws, it is called again by itself, by the stage that counts its
 * failures.
 */
function collated(
  { batchContext }: BatchJob,
  ops: LoadedOps,
  samples: readonly unknown[],
  context: StageContext,
): SampleOutcome | Promise<SampleOutcome> {
  const areMoved = ops.sampleBytes === 0 && areGivenUp(samples)
  const own = ops.isBatchInContext
    ? contextOf(batchContext, context, (bytes) => context.alloc(bytes))
    : undefined
  const result = outcomeOf(() => ops.collate([...samples], own))
  const { each, isJoined } = endBatch(samples.length)
  if (areMoved) ops.sampleBytes = each
  // A `collate` that copies the samples has no use for one buffer.
  else if (ops.sampleBytes > 0 && !isJoined) ops.sampleBytes = NEVER
  return result
}

/** The samples of a batch; `undefined` if one is missing. */
function samplesOf(outcomes: readonly SampleOutcome[]): unknown[] | undefined {
  const samples: unknown[] = []
  for (const outcome of outcomes) {
    if (outcome === 'again' || 'error' in outcome || outcome.value === undefined) return undefined
    samples.push(outcome.value)
  }
  return samples
}

/** The outcome of a call; a promise if the op is asynchronous. */
function outcomeOf(call: () => unknown): SampleOutcome | Promise<SampleOutcome> {
  try {
    const result = call()
    const promise = promiseOf(result)
    if (promise !== undefined) return promise.then(ofValue, (error) => ({ error: toWire(error) }))
    return ofValue(result)
  } catch (error) {
    return { error: toWire(error) }
  }
}

/** No code of a generator has run yet, so the op can be called again. */
function ofValue(value: unknown): SampleOutcome {
  return isGenerator(value) ? 'again' : { value }
}

/** The items after the last outcome are called one by one. */
function apart(outcomes: readonly SampleOutcome[], items: readonly unknown[]): BatchResult {
  return { outcomes: items.map((_, i) => outcomes[i] ?? 'again'), eachMs: 0 }
}

function contextOf(
  wire: CallContext | undefined,
  { signal }: StageContext,
  alloc: (byteLength: number) => Uint8Array,
): WorkerContext {
  return new WorkerContext(wire, () => signal.aborted, alloc)
}

function newMemory(byteLength: number): Uint8Array {
  const memory = takeSpare(byteLength) ?? uncleared(byteLength)
  markMovable(memory)
  return new Uint8Array(memory)
}

// What runs in a worker: it opens one session, and runs batches one after another.

import { threadId } from 'node:worker_threads'
import { loadFunction, move, type StageContext } from 'spindle/worker'
import { arraysOf } from '../base/arrays.ts'
import { faultOf, modelError } from '../base/errors.ts'
import { messageOf } from '../base/message-of.ts'
import { clockMs, epochMs } from '../timers.ts'
import type {
  BatchReply,
  BatchRequest,
  ModelSpec,
  SessionReport,
  SessionSetup,
} from './batch-protocol.ts'
import type { ModelSession, OpenSession, SessionContext } from './define-backend.ts'
import type { ItemOutcome } from './item-outcome.ts'
import { openOnnx } from './onnx-backend.ts'
import { packResults } from './pack-results.ts'
import { runBatch } from './run-batch.ts'
import { openTokenizer } from './tokenizer-backend.ts'
import { openTransformers } from './transformers-backend.ts'

type AnySession = ModelSession<unknown, unknown>

const worker = `${process.pid}:${threadId}`
let opened: Promise<AnySession> | undefined
let report: SessionReport = { worker, provider: undefined, notes: [], loadMs: 0 }
/** Whether the results are this package's own, so that nothing else uses their memory. */
let ownsResults = false
/** The end of the last run: runs do not overlap. */
let before: Promise<unknown> = Promise.resolve()

/** Opens the session. A failure is reported by the first batch, so that it keeps its code. */
export async function openSession(setup: SessionSetup): Promise<void> {
  opened = open(setup)
  await opened.catch(() => {})
}

/** Runs one batch. */
export async function runInSession(
  request: BatchRequest,
  context: StageContext,
): Promise<BatchReply> {
  // Taken before anything is awaited, so that runs keep the order of their calls.
  const { signal } = context
  const turn = before.then(() => runNow(request, signal))
  before = turn.catch(() => {})
  return turn
}

async function runNow({ inputs }: BatchRequest, signal: AbortSignal): Promise<BatchReply> {
  const beganAt = epochMs()
  const from = clockMs()
  try {
    const session = await (opened as Promise<AnySession>)
    const { outcomes, runs } = await runBatch(session, inputs, signal)
    const packed = packResults(outcomes)
    if (packed !== undefined) move(packed)
    else for (const outcome of outcomes) giveAway(outcome)
    const left = packed === undefined ? outcomes : []
    return { session: report, outcomes: left, packed, beganAt, runMs: clockMs() - from, runs }
  } catch (error) {
    signal.throwIfAborted()
    const fault = faultOf(error)
    return { session: report, outcomes: [], fault, beganAt, runMs: clockMs() - from, runs: 0 }
  }
}

async function open(setup: SessionSetup): Promise<AnySession> {
  const { spec, warmup, ...context } = setup
  const from = clockMs()
  ownsResults = spec.kind !== 'module'
  try {
    const session = await openSpec(spec, context)
    if (typeof session?.run !== 'function')
      throw modelError('ERR_MODEL_LOAD', 'the backend gave no object with a function run')
    if (warmup !== undefined && warmup.length > 0)
      await session.run(warmup, new AbortController().signal)
    const { provider, notes = [] } = session
    report = { worker, provider, notes, loadMs: clockMs() - from }
    return session
  } catch (error) {
    if (faultOf(error).isInfrastructure) throw error
    throw modelError('ERR_MODEL_LOAD', `opening the model failed: ${messageOf(error)}`, error)
  }
}

async function openSpec(spec: ModelSpec, context: SessionContext): Promise<AnySession> {
  if (spec.kind === 'onnx') return (await openOnnx(spec, context)) as AnySession
  if (spec.kind === 'tokenizer') return openTokenizer(spec)
  if (spec.kind === 'transformers') return openTransformers(spec, context)
  const open = await loadFunction(spec.href, spec.exportName)
  return (open as unknown as OpenSession<unknown, unknown, unknown>)(spec.settings, context)
}

/**
 * Memory that leaves without a copy: inputs that go back, and results of this package's backends.
 * Others may keep their results, and mark what is free by `move()`.
 */
function giveAway(outcome: ItemOutcome): void {
  if ('fault' in outcome) for (const { data } of arraysOf(outcome.input)) move(data)
  else if (ownsResults) for (const { data } of arraysOf(outcome.result)) move(data)
}

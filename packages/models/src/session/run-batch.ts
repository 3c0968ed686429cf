import { faultOf, modelError } from '../base/errors.ts'
import type { ModelSession } from './define-backend.ts'
import type { ItemOutcome } from './item-outcome.ts'

/** The outcomes of a batch, and how often the model was run for them. */
export interface BatchRun {
  readonly outcomes: readonly ItemOutcome[]
  readonly runs: number
}

/**
 * Runs a batch. If that fails, it runs each half, and so on, so that only the items fail that fail
 * alone. For one such item of `n` these are about `2 log2(n)` further runs.
 *
 * @throws errors that no item is to blame for
 */
export async function runBatch(
  session: ModelSession<unknown, unknown>,
  inputs: readonly unknown[],
  signal: AbortSignal,
): Promise<BatchRun> {
  signal.throwIfAborted()
  try {
    const results = await session.run(inputs, signal)
    checkResults(results, inputs.length)
    return { outcomes: results.map((result) => ({ result })), runs: 1 }
  } catch (error) {
    signal.throwIfAborted()
    const fault = faultOf(error)
    if (fault.isInfrastructure) throw error
    if (inputs.length === 1) return { outcomes: [{ fault, input: inputs[0] }], runs: 1 }
  }
  const half = inputs.length >> 1
  const first = await runBatch(session, inputs.slice(0, half), signal)
  const second = await runBatch(session, inputs.slice(half), signal)
  return {
    outcomes: [...first.outcomes, ...second.outcomes],
    runs: 1 + first.runs + second.runs,
  }
}

function checkResults(results: unknown, count: number): asserts results is readonly unknown[] {
  if (Array.isArray(results) && results.length === count) return
  const given = Array.isArray(results) ? `${results.length} results` : 'no array of results'
  throw modelError(
    'ERR_MODEL_OUTPUT',
    `the backend gave ${given} for a batch of ${count}: run() must return an array with one result for each item`,
  )
}

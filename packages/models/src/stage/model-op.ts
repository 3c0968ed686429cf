import type { WorkerOp } from 'spindle'
import type { ModelSpec } from '../session/batch-protocol.ts'
import type { CheckedModel } from './checked-options.ts'
import type { DirectCall } from './model-call.ts'
import { ModelRunner } from './model-runner.ts'
import type { ModelStats } from './session-stats.ts'

/**
 * A model as the op of a stage: `pipe(model(…))`. Its sessions start with the first pipeline that
 * uses it, and end with the last one.
 */
export interface ModelOp<in T, out R> extends WorkerOp<T, R>, AsyncDisposable {
  /**
   * Runs one item without a pipeline. Concurrent calls share batches. The sessions stay open until
   * {@link close}.
   */
  run(item: T, options?: { readonly signal?: AbortSignal }): Promise<R>
  /** What the sessions have done. */
  stats(): ModelStats
  /** Ends sessions that {@link run} has opened. Pipelines end theirs themselves. */
  close(): Promise<void>
}

/** Makes the op of a model. `outputs`: names of the outputs that sessions give. */
export function opOf<T, R>(
  spec: ModelSpec,
  options: CheckedModel & { readonly name: string },
  outputs: readonly string[] | undefined,
): ModelOp<T, R> {
  const runner = new ModelRunner(spec, options, outputs)
  return Object.freeze({
    ...runner.op,
    run: (item: unknown, call: DirectCall = {}) => runner.runDirectly(item, call),
    stats: () => runner.stats(),
    close: () => runner.close(),
    [Symbol.asyncDispose]: () => runner.close(),
  }) as unknown as ModelOp<T, R>
}

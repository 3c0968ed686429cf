import type { Executor } from '../executor.ts'
import type { StageContext } from '../types.ts'
import type { WorkerOp } from '../worker-op.ts'
import type { TaskContext } from './context.ts'

/**
 * Makes the function that a stage calls for an op that runs elsewhere. `executor` is called at the
 * first item, because it may create the executor. Calls with a higher `priority`, nearer to the
 * sink, go first.
 */
export function remoteOp(
  op: WorkerOp<never, unknown>,
  executor: () => Executor,
  priority: number,
  timeoutMs: number | undefined,
): (item: unknown, context: StageContext) => Promise<unknown> {
  const { href: filename, exportName: name, init, initArgs, bound } = op
  let chosen: Executor | undefined
  return (item, context) => {
    chosen ??= executor()
    const { sharedSignal: signal, onStart, onSpan } = context as TaskContext
    return chosen.run(item, {
      filename,
      name,
      init,
      initArgs,
      bound,
      signal,
      context: context as TaskContext,
      priority,
      timeoutMs,
      onStart,
      onSpan,
    })
  }
}

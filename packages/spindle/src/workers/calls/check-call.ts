import { badOption } from '../../check.ts'
import type { ExecutorCall } from '../../engine/executor.ts'
import { isWorkerOp } from '../../engine/worker-op.ts'

/** A call as a program makes it, without a pipeline. */
export type DirectCall = Omit<ExecutorCall, 'signal'> & { readonly signal?: AbortSignal }

const never: AbortSignal = new AbortController().signal

const RULE =
  'an object with `filename` and `name`, the URL of a module and the name of its exported function: pool.run(item, { filename: op.href, name: op.exportName })'

/**
 * Checks the second argument of a pool's `run()`, and adds a signal if there is none.
 *
 * @throws `ERR_BAD_OPTION` with an example.
 */
export function checkCall(call: DirectCall): ExecutorCall {
  if (typeof call !== 'object' || call === null) badOption('call', RULE, call)
  if (isWorkerOp(call)) badOption('call', RULE, 'an op of workerModule()')
  const { filename, name, signal } = call
  if (typeof filename !== 'string') badOption('call.filename', 'the URL of a module', filename)
  if (typeof name !== 'string') badOption('call.name', 'the name of an exported function', name)
  if (signal === undefined) return { ...call, signal: never }
  if (!(signal instanceof AbortSignal)) badOption('call.signal', 'an AbortSignal', signal)
  return call as ExecutorCall
}

import type { WorkerOp } from 'spindle'
import { currentCall, type OpCall } from 'spindle/worker'
import { errorOf, type Fault, MediaError } from '../base/errors.ts'
import { placed } from '../files/placed.ts'
import {
  checkSource,
  describeSource,
  localSource,
  type MediaSource,
  type SyncSource,
} from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import { fetchingOf, type UrlOptions } from '../files/url-options.ts'
import type { CallOptions, MediaFunction, SourceJob } from './media-function.ts'
import { runInPool } from './pool.ts'
import { withThreads } from './video-threads.ts'

/** A call of a function that reads a source. */
export interface PoolCall<J, O> {
  readonly source: MediaSource
  readonly job: J
  readonly options: O
  /** The call of a pipeline's op that requested it. */
  readonly caller: OpCall
  /** The source in a form that a thread can read, as soon as it is known. */
  local: Exclude<SyncSource, URL> | undefined
}

/**
 * The asynchronous form of a {@link MediaFunction}: it reads the sources that a thread cannot read,
 * and a thread of the pool does the rest.
 *
 * @param without returns a result that needs no thread; `undefined` if a thread is needed
 * @throws MediaError; the signal's reason if it is aborted
 */
export async function loadInPool<
  O extends CallOptions & UrlOptions,
  C,
  J extends object,
  R extends object,
  V,
>(
  form: MediaFunction<O, C, J, R, V>,
  op: WorkerOp<SourceJob<J>, R | Fault>,
  given: MediaSource,
  givenOptions: O,
  without?: (call: PoolCall<J, O>) => Promise<R | undefined>,
): Promise<V> {
  const caller = currentCall()
  checkSource(given, 'source')
  const checked = form.check(givenOptions)
  const { source, options } = placed(given, givenOptions)
  const { signal } = options
  signal?.throwIfAborted()
  const job = form.job(checked, options, true)
  const name = describeSource(source)
  const call: PoolCall<J, O> = { source, job, options, caller, local: localSource(source) }
  const early = without && (await without(call))
  if (early !== undefined) return form.value(early, checked, name)
  call.local ??= await readSource(source, fetchingOf(options))
  const posted: SourceJob<J> = { ...job, source: call.local }
  const outcome =
    form.threads === undefined
      ? await runInPool(op, posted, signal, caller)
      : await withThreads(form.threads(checked), () => runInPool(op, posted, signal, caller))
  if (isFault(outcome)) throw errorOf(outcome, name)
  return form.value(outcome as R, checked, name)
}

/**
 * Runs a checked job in a thread of the pool.
 *
 * @throws MediaError; the signal's reason
 */
export async function runJob<J, R>(
  op: WorkerOp<J, R | Fault>,
  job: J & { readonly path?: string | undefined },
  signal: AbortSignal | undefined,
  caller: OpCall = currentCall(),
): Promise<R> {
  signal?.throwIfAborted()
  return resultOf((await runInPool(op, job, signal, caller)) as R | Fault, job.path)
}

/**
 * The result of an op.
 *
 * @throws MediaError the op's fault, with the name of the source or target
 */
export function resultOf<R>(outcome: R | Fault, name: string | undefined): R {
  if (!isFault(outcome)) return outcome
  const { code, problem } = outcome
  if (name === undefined) throw new MediaError(code, problem)
  // Some faults have the name already.
  if (problem.startsWith(`${name}: `)) throw new MediaError(code, problem, { source: name })
  throw errorOf(outcome, name)
}

function isFault(outcome: unknown): outcome is Fault {
  return typeof outcome === 'object' && outcome !== null && 'problem' in outcome
}

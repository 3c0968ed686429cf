import type { StageContext } from 'spindle/worker'
import { type Fault, faultOf, nameSource } from '../base/errors.ts'
import { callerContext, type ThreadContext } from '../base/thread-context.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'
import { nextTurn } from '../timers.ts'

// A public function has three forms: one that runs in the pool's threads, one that runs in the
// calling thread, and the op that the threads run. A `MediaFunction` and a `run` function contain
// their common parts. This module builds the synchronous form and the op from them, and
// `in-pool.ts` builds the asynchronous form. So a thread does not load the pool, and the caller
// does not load the decoders.

/** Options of every function. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/**
 * A function of a source. `O`: options, `C`: checked options, `J`: the request to `run` without the
 * source, `R`: the result of `run`, `V`: the result of the caller.
 */
export interface MediaFunction<O extends CallOptions, C, J extends object, R, V> {
  /**
   * Checks options and fills in defaults.
   *
   * @throws MediaError `ERR_BAD_OPTION`
   */
  check(options: O): C
  /**
   * Builds the request to `run`, without the source. `isPosted`: whether it goes to another thread.
   * Called once, before anything is awaited.
   */
  job(checked: C, options: O, isPosted: boolean): J
  /** Builds the caller's result. `name` is the name of the source, for its errors. */
  value(raw: R, checked: C, name: string): V
  /** Threads of a decoder, if they can be chosen. */
  threads?(checked: C): number
}

/** Does the work in this thread. Errors do not name the source. */
export type Run<J, R> = (job: J, context: ThreadContext) => R

/** The op of a function, of one that gives chunks, and of one that waits between chunks. */
export type Op<J, R> = (job: J, context: StageContext) => R | Fault
export type GeneratorOp<J, R> = (job: J, context: StageContext) => Generator<R | Fault>
export type StreamOp<J, R> = (job: J, context: StageContext) => AsyncGenerator<R | Fault>

/** A job with its source. */
export type SourceJob<J> = J & { readonly source: SyncSource }

/** A job for a byte stream, which FFmpeg reads from the URL. */
export type StreamJob<J> = J & { readonly url: string }

/**
 * The synchronous form: it works in this thread.
 *
 * @throws MediaError; the signal's reason
 */
export function runInThread<O extends CallOptions, C, J extends object, R, V>(
  form: MediaFunction<O, C, J, R, V>,
  run: Run<SourceJob<J>, R>,
  source: SyncSource,
  options: O,
): V {
  checkSyncSource(source, 'source')
  const checked = form.check(options)
  const { signal } = options
  signal?.throwIfAborted()
  const job = form.job(checked, options, false)
  const name = describeSource(source)
  try {
    return form.value(run({ ...job, source }, callerContext(signal)), checked, name)
  } catch (error) {
    signal?.throwIfAborted()
    throw nameSource(error, name)
  }
}

/**
 * The synchronous form of a function that yields chunks. Arguments are checked at once. The work
 * begins with the first chunk, and the signal is checked before each chunk.
 */
export function streamInThread<O extends CallOptions, C, J extends object, R, V>(
  form: MediaFunction<O, C, J, R, V>,
  run: Run<SourceJob<J>, Generator<R>>,
  source: SyncSource,
  options: O,
): Generator<V, void, undefined> {
  checkSyncSource(source, 'source')
  const checked = form.check(options)
  const { signal } = options
  signal?.throwIfAborted()
  const job = form.job(checked, options, false)
  const name = describeSource(source)
  return (function* chunks() {
    try {
      for (const chunk of run({ ...job, source }, callerContext(signal))) {
        signal?.throwIfAborted()
        yield form.value(chunk, checked, name)
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw nameSource(error, name)
    }
  })()
}

/** The synchronous form of a function that reads no source. */
export function jobInThread<J, R>(run: (job: J) => R, job: J, signal: AbortSignal | undefined): R {
  signal?.throwIfAborted()
  return run(job)
}

/**
 * The op that the pool's threads run. Faults return as data, because errors would lose their class.
 *
 * @param give prepares a result for leaving the thread: `move` to transfer its memory
 */
export function threadOp<J, R>(run: Run<J, R>, give: (result: R) => R = unchanged): Op<J, R> {
  const attempt = (job: J, context: StageContext): R | Fault => {
    try {
      return give(run(job, context))
    } catch (error) {
      context?.signal.throwIfAborted()
      return faultOf(error)
    }
  }
  // A thread makes a context only for functions of two parameters.
  return run.length > 1 ? attempt : (job) => attempt(job, undefined as never)
}

/** The op of a function that yields chunks. */
export function threadGenerator<J, R>(
  run: Run<J, Generator<R>>,
  give: (result: R) => R = unchanged,
): GeneratorOp<J, R> {
  return function* chunks(job, context) {
    try {
      for (const chunk of run(job, context)) yield give(chunk)
    } catch (error) {
      context.signal.throwIfAborted()
      yield faultOf(error)
    }
  }
}

/** The op of a function that yields chunks of a stream, and waits for the stream between chunks. */
export function threadStream<J, R>(
  run: Run<J, Generator<R>>,
  give: (result: R) => R = unchanged,
): StreamOp<J, R> {
  const chunks = threadGenerator(run, give)
  return async function* stream(job, context) {
    for (const chunk of chunks(job, context)) {
      yield chunk
      await nextTurn() // the message leaves this thread only then, and the next one may take long
    }
  }
}

function unchanged<T>(result: T): T {
  return result
}

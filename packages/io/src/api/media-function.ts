import type { StageContext } from 'spindle/worker'
import { type Fault, faultOf, nameSource } from '../base/errors.ts'
import { callerContext, type ThreadContext } from '../base/thread-context.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'
import { nextTurn } from '../timers.ts'

// A public function has three forms: one that runs in the pool's threads, one that runs in the
// calling thread, and the op that the threads run. All that they have in common stands once, in a
// `MediaFunction` and in a `run` function. The forms are made of these two: the first here and in
// `in-pool.ts`, so that a thread does not load the pool, nor the caller the decoders.

/** Options that every function has. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/**
 * A function of a source. `O`: options, `C`: checked options, `J`: what `run` is told besides the
 * source, `R`: what `run` gives, `V`: what the caller gets.
 */
export interface MediaFunction<O extends CallOptions, C, J extends object, R, V> {
  /** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
  check(options: O): C
  /**
   * What `run` is told besides the source. `isPosted`: whether it goes to another thread. Called
   * once, before anything is awaited.
   */
  job(checked: C, options: O, isPosted: boolean): J
  /** What the caller gets. `name` of the source, for the errors in it. */
  value(raw: R, checked: C, name: string): V
  /** Threads of a decoder, where that can be chosen. */
  threads?(checked: C): number
}

/** Does the work in this thread. Throws errors that do not name the source. */
export type Run<J, R> = (job: J, context: ThreadContext) => R

/** The op of a function, of one that gives chunks, and of one that waits between chunks. */
export type Op<J, R> = (job: J, context: StageContext) => R | Fault
export type GeneratorOp<J, R> = (job: J, context: StageContext) => Generator<R | Fault>
export type StreamOp<J, R> = (job: J, context: StageContext) => AsyncGenerator<R | Fault>

/** A job with its source. */
export type SourceJob<J> = J & { readonly source: SyncSource }

/** A job of a byte stream, which FFmpeg reads from that URL. */
export type StreamJob<J> = J & { readonly url: string }

/** The synchronous form: works in this thread. @throws MediaError; the signal's reason */
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
 * The synchronous form of a function that gives chunks. Arguments are checked now; the work begins
 * with the first chunk, and the signal is looked at before each.
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
 * The op that the pool's threads run. Faults come back as data: errors would lose their class on
 * the way.
 *
 * @param give what becomes of a result before it leaves the thread: `move` where its memory does
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
  // A thread makes a context for functions of two parameters only.
  return run.length > 1 ? attempt : (job) => attempt(job, undefined as never)
}

/** The op of a function that gives chunks. */
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

/** The op of a function that gives chunks of a stream, for which it waits between chunks. */
export function threadStream<J, R>(
  run: Run<J, Generator<R>>,
  give: (result: R) => R = unchanged,
): StreamOp<J, R> {
  const chunks = threadGenerator(run, give)
  return async function* stream(job, context) {
    for (const chunk of chunks(job, context)) {
      yield chunk
      await nextTurn() // it leaves this thread only then, and the next may be long in coming
    }
  }
}

function unchanged<T>(result: T): T {
  return result
}

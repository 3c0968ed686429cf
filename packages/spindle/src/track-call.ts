import { AsyncLocalStorage } from 'node:async_hooks'
import { badOption, checkFunction, checkInteger } from './check.ts'
import { adopt, isThenable } from './user-code.ts'

// A library with its own threads (`@spindle/io`, sharp, libuv) may queue calls until a thread is
// free. The pipeline cannot distinguish such a call from a running one. The library therefore
// reports here when the work begins, and a stage that measures the call listens.

/** One piece of work that a library does for a call. */
interface Work {
  begins(agoMs?: number): void
  ends(): void
}

/** A measured call of a stage. It receives the requests for work made within it. */
export interface CallListener {
  /**
   * Called when work is requested, which may wait for a thread. `isLate`: the request came after an
   * `await`. Returns `undefined` if the pipeline does not measure this request.
   */
  ask(isLate: boolean): Work | undefined
}

/** State that all copies of the package in one thread share. */
interface Shared {
  /** The measured call whose code runs now, up to its first `await`. */
  current: CallListener | undefined
  /** The measured call after an `await`, for stages that need it. */
  readonly storage: AsyncLocalStorage<CallListener | undefined>
  /** Number of requests for work by code that belonged to no measured call. */
  missed: number
}

const KEY = Symbol.for('spindle.trackedCalls/1')
const holder = globalThis as { [KEY]?: Shared }
holder[KEY] ??= { current: undefined, storage: new AsyncLocalStorage(), missed: 0 }
const shared: Shared = holder[KEY]

/** A call of a stage's op, as {@link currentCall} returns it. */
export interface OpCall {
  /**
   * Calls `run` at once and returns its result. Until `run` calls `begins`, the work counts as
   * waiting: the statistics show that time as `queued`. The work ends when the promise that `run`
   * returned settles.
   *
   * `isWanted` is false if no pipeline listens, so that a library can save the cost of the message.
   * `begins` does nothing then.
   */
  track<R>(run: (begins: () => void, isWanted: boolean) => R): R
}

const ignored = (): void => {}
const untracked: OpCall = { track: (run) => run(ignored, false) }

/**
 * Returns the op call that the calling code belongs to. Use it in functions that are asynchronous
 * before they request their work: call it on entry, before the first `await`, and call `track()` on
 * the result later. Outside a pipeline, `track()` only calls its function.
 *
 * @example
 * ```ts run
 * import { currentCall } from 'spindle'
 *
 * async function decode(path: string): Promise<string> {
 *   const call = currentCall()
 *   await Promise.resolve() // opens the file
 *   return call.track((begins) => inOwnThread(path, begins))
 * }
 *
 * async function inOwnThread(path: string, onStart: () => void): Promise<string> {
 *   onStart()
 *   return path
 * }
 *
 * await decode('cat.jpg')
 * ```
 */
export function currentCall(): OpCall {
  const isLate = shared.current === undefined
  const listener = isLate ? shared.storage.getStore() : shared.current
  if (listener === undefined) {
    shared.missed++
    return untracked
  }
  return { track: (run) => track(listener, isLate, run) }
}

/**
 * Reports when a library with its own threads begins the work of a call. The pipeline counts the
 * time before as waiting (`queued`) instead of working. The verdict can then distinguish a stage
 * that needs more concurrency from one whose threads are all busy.
 *
 * Call it in an op, before or after an `await`. Outside a pipeline it only calls `run`.
 *
 * @param run Called at once. It calls `begins` when the work begins. See {@link OpCall.track}.
 * @returns The result of `run`.
 *
 * @example
 * ```ts run
 * import { PipelineBuilder, trackCall } from 'spindle'
 *
 * const pipeline = new PipelineBuilder()
 *   .addSource(['a.jpg', 'b.jpg'])
 *   .pipe((path) => trackCall((begins) => decode(path, { onStart: begins })), { concurrency: 2 })
 *   .build()
 * await pipeline.forEach(() => {})
 *
 * async function decode(path: string, { onStart }: { onStart: () => void }): Promise<string> {
 *   onStart()
 *   return path
 * }
 * ```
 */
export function trackCall<R>(run: (begins: () => void, isWanted: boolean) => R): R {
  checkFunction('run', run)
  return currentCall().track(run)
}

function track<R>(
  listener: CallListener,
  isLate: boolean,
  run: (begins: () => void, isWanted: boolean) => R,
): R {
  const work = listener.ask(isLate)
  if (work === undefined) return run(ignored, false)
  let result: R
  try {
    result = run(() => work.begins(), true)
  } catch (error) {
    work.ends()
    throw error
  }
  if (!isThenable(result)) {
    work.ends()
    return result
  }
  const ends = (): void => work.ends()
  adopt(result).then(ends, ends)
  return result
}

/**
 * Runs a function when a thread is free; see {@link limitCalls}. `caller` is the call to which the
 * wait is reported, as {@link currentCall} returns it. Default: the current call.
 */
export type CallLimiter = <R>(run: () => R, caller?: OpCall) => Promise<Awaited<R>>

/**
 * Makes a function that runs at most `limit` calls at a time, in the order of their requests. It
 * reports to the pipeline that the others wait ({@link trackCall}). Use it for libraries that have
 * a fixed number of threads and do not report when a call begins, and pass that number.
 *
 * @param limit Calls at a time, an integer >= 1. For sharp and Node's own `fs`, `zlib` and
 *   `crypto`, use the size of libuv's pool (`UV_THREADPOOL_SIZE`, 4 by default).
 * @throws `ERR_BAD_OPTION` for another value.
 *
 * @example
 * ```ts run
 * import { gunzip, gzipSync } from 'node:zlib'
 * import { promisify } from 'node:util'
 * import { limitCalls, PipelineBuilder } from 'spindle'
 *
 * const inThreads = limitCalls(4)
 * const pipeline = new PipelineBuilder()
 *   .addSource([gzipSync('one'), gzipSync('two')])
 *   .pipe((bytes) => inThreads(() => promisify(gunzip)(bytes)), { concurrency: 8 })
 *   .build()
 * await pipeline.forEach(() => {})
 * ```
 */
export function limitCalls(limit: number): CallLimiter {
  checkInteger('limit', limit, 1)
  let running = 0
  const waiting: (() => void)[] = []
  const left = (): void => {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
  return <R>(run: () => R, caller: OpCall = currentCall()): Promise<Awaited<R>> => {
    if (typeof run !== 'function') badOption('run', 'a function', run)
    return caller.track(async (begins): Promise<Awaited<R>> => {
      if (running < limit) running++
      else await new Promise<void>((go) => waiting.push(go))
      begins()
      try {
        return await run()
      } finally {
        left()
      }
    })
  }
}

// --- the engine's side

/**
 * Called when the code of a measured call begins. Pass the result to {@link leaveCall}.
 * `undefined`: the call is not measured.
 */
export function enterCall(listener: CallListener | undefined): CallListener | undefined {
  const before = shared.current
  shared.current = listener
  return before
}

/** Called when the call has returned, possibly with a promise. */
export function leaveCall(before: CallListener | undefined): void {
  shared.current = before
}

/**
 * Calls code so that its requests after an `await` are measured too. On Node 22 and older, this
 * makes every promise of the process slower.
 */
export function followCall<R>(listener: CallListener, call: () => R): R {
  return shared.storage.run(listener, call)
}

/** Called when no stage needs {@link followCall} any more. */
export function followNone(): void {
  shared.storage.disable()
}

/** Number of requests for work that belonged to no measured call. */
export function missedCalls(): number {
  return shared.missed
}

import { AsyncLocalStorage } from 'node:async_hooks'
import { badOption, checkFunction, checkInteger } from './check.ts'
import { adopt, isThenable } from './user-code.ts'

// A library with threads of its own (`@spindle/io`, sharp, libuv) lets calls wait for a free
// thread. To the pipeline such a call looks like one that works. Here the library tells when the
// work begins, and a stage that measures one of its calls listens.

/** One piece of work that a library does for a call. */
interface Work {
  begins(): void
  ends(): void
}

/** A measured call of a stage: hears of the work that is asked for within it. */
export interface CallListener {
  /**
   * Some work is asked for, which may wait; `isLate`: after an `await`. `undefined` if the pipeline
   * does not want to hear of this one.
   */
  ask(isLate: boolean): Work | undefined
}

/** What all copies of the package in one thread share. */
interface Shared {
  /** The measured call whose code runs now, up to its first `await`. */
  current: CallListener | undefined
  /** The same after an `await`, for stages in which that is needed. */
  readonly storage: AsyncLocalStorage<CallListener | undefined>
  /** How often work was asked for by code that belonged to no measured call. */
  missed: number
}

const KEY = Symbol.for('spindle.trackedCalls/1')
const holder = globalThis as { [KEY]?: Shared }
holder[KEY] ??= { current: undefined, storage: new AsyncLocalStorage(), missed: 0 }
const shared: Shared = holder[KEY]

/** A call of a stage's op, as {@link currentCall} gives it. */
export interface OpCall {
  /**
   * Calls `run` at once and returns what it returns. Until `run` calls `begins`, the work waits:
   * the statistics count that time as `queued`. The work ends when the promise that `run` returned
   * is settled.
   *
   * `isWanted` is false when no pipeline listens, so that a library need not pay for the message;
   * `begins` then does nothing.
   */
  track<R>(run: (begins: () => void, isWanted: boolean) => R): R
}

const ignored = (): void => {}
const untracked: OpCall = { track: (run) => run(ignored, false) }

/**
 * The call of a stage's op that the calling code runs in. For functions that are asynchronous
 * before they ask for their work: take it on entry, before the first `await`, and call `track()` on
 * it later. Outside of a pipeline, `track()` only calls its function.
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
 * Reports when a library with threads of its own begins the work of a call. The pipeline counts the
 * time before as waiting (`queued`), not as working, so that its verdict can tell a stage that
 * needs more concurrency from one whose threads are all in use.
 *
 * Call it in an op, before or after an `await`. Outside of a pipeline it only calls `run`.
 *
 * @param run called at once; it calls `begins` when the work begins. See {@link OpCall.track}.
 * @returns what `run` returns
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
 * Runs a function when a thread is free; see {@link limitCalls}. `caller`: the call that it is
 * reported to, as {@link currentCall} gives it; by default the present one.
 */
export type CallLimiter = <R>(run: () => R, caller?: OpCall) => Promise<Awaited<R>>

/**
 * Makes a function that lets at most `limit` calls run at a time, first come, first served, and
 * reports to the pipeline that the others wait ({@link trackCall}). For libraries that have a fixed
 * number of threads and do not tell when a call begins: give that number.
 *
 * @param limit calls at a time, an integer >= 1: of sharp and Node's own `fs`, `zlib` and `crypto`,
 *   the size of libuv's pool (`UV_THREADPOOL_SIZE`,
 * 4 by default)
 * @throws `ERR_BAD_OPTION` for another number
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
 * The code of a measured call begins; returns what is to be given to {@link leaveCall}.
 * `undefined`: a call that is not measured.
 */
export function enterCall(listener: CallListener | undefined): CallListener | undefined {
  const before = shared.current
  shared.current = listener
  return before
}

/** The call has returned, a promise perhaps. */
export function leaveCall(before: CallListener | undefined): void {
  shared.current = before
}

/**
 * Calls code such that what it asks for after an `await` is heard of, too. It costs every promise
 * of the process on Node 22 and older.
 */
export function followCall<R>(listener: CallListener, call: () => R): R {
  return shared.storage.run(listener, call)
}

/** No stage needs {@link followCall} any more. */
export function followNone(): void {
  shared.storage.disable()
}

/** How often work was asked for that belonged to no measured call. */
export function missedCalls(): number {
  return shared.missed
}

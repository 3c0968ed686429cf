import { availableParallelism } from 'node:os'
import { currentCall, type OpCall, ThreadPool, type WorkerOp } from 'spindle'

/** Threads that the asynchronous functions of this package decode in: one a core. */
export const POOL_SIZE: number = availableParallelism()

/**
 * How long a thread may go on with a call that is not wanted any more, and how long the end of the
 * process waits for it. A decoder's call cannot be interrupted, and a thread that is ended within
 * one takes the process with it; one that takes so long hangs.
 */
const GRACE_MS = 30_000

let pool: ThreadPool | undefined

/**
 * Calls an op in the pool that all asynchronous functions of this package share. Its threads are
 * started when there is work for them, and keep the process alive only while calls are waited for.
 *
 * `caller`: the call of a pipeline's op in which this is asked for. It hears when a thread begins,
 * so that waiting for one is not counted as work. A function that awaits something before it comes
 * here takes it on entry.
 */
export function runInPool<T, R>(
  op: WorkerOp<T, R>,
  item: T,
  signal: AbortSignal = never,
  caller: OpCall = currentCall(),
): Promise<Awaited<R>> {
  pool ??= new ThreadPool({ size: POOL_SIZE, graceMs: GRACE_MS })
  const threads = pool
  const { href: filename, exportName: name, init } = op
  return caller.track((begins, isWanted) => {
    const onStart = isWanted ? begins : undefined
    return threads.run(item, { filename, name, init, signal, onStart }) as Promise<Awaited<R>>
  })
}

const never: AbortSignal = new AbortController().signal

/**
 * Gives the memory of results back, so that the next ones need none that is new to the process,
 * which costs 0.15 ms an image of 224x224: a sixth of loading it. All buffers that `result` covers
 * as a whole (of an array, a batch, a list of them) are empty from now on. What is not given back
 * is left to the garbage collector.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { giveBack, loadImageBatch } from '@spindle/io'
 *
 * const batch = await loadImageBatch(['examples/photos/cat-1.png'], { width: 64, height: 64 })
 * assert.equal(batch.data.length, 64 * 64 * 3)
 * giveBack(batch) // once it has been used
 * assert.equal(batch.data.length, 0)
 * ```
 */
export function giveBack(result: unknown): void {
  pool?.giveBack(result)
}

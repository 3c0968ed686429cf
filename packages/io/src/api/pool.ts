import { availableParallelism } from 'node:os'
import type { WorkerOp } from 'spindle'
import type { ThreadPool } from 'spindle/threads'
import { currentCall, type OpCall } from 'spindle/worker'

/** Number of threads that the asynchronous functions of this package use: one for each core. */
export const POOL_SIZE: number = availableParallelism()

/**
 * Longest time that a thread may continue an abandoned call, and that the end of the process waits
 * for it, in milliseconds. A decoder's call cannot be interrupted, and terminating a thread within
 * one crashes the process. A longer call hangs.
 */
const GRACE_MS = 30_000

let pool: ThreadPool | undefined
let loading: Promise<ThreadPool> | undefined

/**
 * Loaded with the first call, because many programs need no thread. Models that run reserve cores:
 * then the decoders use the others.
 */
async function loadPool(): Promise<ThreadPool> {
  const { ThreadPool, freeCores, onFreeCores } = await import('spindle/threads')
  const threads = new ThreadPool({ size: POOL_SIZE, graceMs: GRACE_MS })
  threads.resize(Math.min(POOL_SIZE, freeCores()))
  onFreeCores((free) => threads.resize(Math.min(POOL_SIZE, free)))
  pool = threads
  return threads
}

/**
 * Calls an op in the pool that all asynchronous functions of this package share. The threads start
 * when there is work, and keep the process alive only while calls are pending.
 *
 * `caller` is the call of a pipeline's op that needs the result. It is notified when a thread
 * begins, so that waiting for one does not count as work. A function that awaits something first
 * must take `caller` on entry.
 */
export function runInPool<T, R>(
  op: WorkerOp<T, R>,
  item: T,
  signal: AbortSignal = never,
  caller: OpCall = currentCall(),
): Promise<Awaited<R>> {
  const { href: filename, exportName: name, init } = op
  return caller.track((begins, isWanted) => {
    const onStart = isWanted ? begins : undefined
    const call = { filename, name, init, signal, onStart }
    if (pool !== undefined) return pool.run(item, call) as Promise<Awaited<R>>
    loading ??= loadPool()
    return loading.then((threads) => threads.run(item, call) as Promise<Awaited<R>>)
  })
}

const never: AbortSignal = new AbortController().signal

/**
 * Returns the memory of results to the threads, so that the next results need no new memory. New
 * memory costs 0.15 ms for an image of 224x224, a sixth of loading it. All buffers that `result`
 * covers completely (an array, a batch, a list of them) are empty afterwards. The garbage collector
 * frees memory that is not given back.
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

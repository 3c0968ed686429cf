import { availableParallelism } from 'node:os'
import { ThreadPool, type WorkerOp } from 'spindle'

/** Threads that the asynchronous functions of this package decode in: one a core. */
export const POOL_SIZE: number = availableParallelism()

/**
 * How long a thread may go on with a call that is not wanted any more, and how long the end of the process waits for it. A decoder's call cannot be
 * interrupted, and a thread that is ended within one takes the process with it; one that takes so long hangs.
 */
const GRACE_MS = 30_000

let pool: ThreadPool | undefined

/**
 * Calls an op in the pool that all asynchronous functions of this package share. Its threads are started when there is work for them, and keep
 * the process alive only while calls are waited for.
 */
export function runInPool<T, R>(
  op: WorkerOp<T, R>,
  item: T,
  signal: AbortSignal = never,
): Promise<Awaited<R>> {
  pool ??= new ThreadPool({ size: POOL_SIZE, graceMs: GRACE_MS })
  const { href, exportName, init } = op
  return pool.run(item, { filename: href, name: exportName, init, signal }) as Promise<Awaited<R>>
}

const never: AbortSignal = new AbortController().signal

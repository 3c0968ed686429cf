import { availableParallelism } from 'node:os'

/** Sessions, and the threads of each. */
export interface ThreadPlan {
  readonly count: number
  readonly threads: number
}

/** A session with more threads gains little: four threads are a good size. */
const THREADS_OF_A_SESSION = 4

/**
 * Divides the machine: a quarter of the cores, at least one, is left to decoding and the event
 * loop, and the sessions share the others. What the caller gives stays as it is. With one core,
 * decoding and the model share it.
 */
export function planThreads(
  count: number | undefined,
  threads: number | undefined,
  cores: number = availableParallelism(),
): ThreadPlan {
  const forModel = Math.max(1, cores - Math.max(1, Math.round(cores / 4)))
  const sessions = count ?? Math.max(1, Math.floor(forModel / (threads ?? THREADS_OF_A_SESSION)))
  return { count: sessions, threads: threads ?? Math.max(1, Math.floor(forModel / sessions)) }
}

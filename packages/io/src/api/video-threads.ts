import { availableParallelism } from 'node:os'
import { POOL_SIZE } from './pool.ts'

let isWarned = false
let underWay = 0

/**
 * Counts a call that decodes with `threads` threads while it runs. Decoder threads and decoding
 * threads share one budget. If both together exceed the cores, a warning says so once, because they
 * only take turns then.
 */
export async function withThreads<T>(threads: number, work: () => Promise<T>): Promise<T> {
  enterThreads(threads)
  try {
    return await work()
  } finally {
    leaveThreads()
  }
}

/** A call begins. */
export function enterThreads(threads: number): void {
  underWay += 1
  const cores = availableParallelism()
  const calls = Math.min(underWay, POOL_SIZE)
  if (threads === 1 || isWarned || threads * calls <= cores) return
  isWarned = true
  process.emitWarning(
    `\`threads: ${threads}\` for each of ${calls} videos that are decoded at a time is more than the ${cores} cores here. Leave it at 1 where there are many videos; more pay where a single one is waited for.`,
    { type: 'SpindleWarning', code: 'SPINDLE_VIDEO_THREADS' },
  )
}

/** A call has ended. */
export function leaveThreads(): void {
  underWay -= 1
}

import { availableParallelism } from 'node:os'
import { POOL_SIZE } from '../pool.ts'

let isWarned = false

/**
 * Threads of decoders and threads that decode are one budget: told once, where both together are more than the cores, for then they only take turns.
 */
export function warnOfThreads(threads: number): void {
  const cores = availableParallelism()
  if (threads === 1 || isWarned || threads * POOL_SIZE <= cores) return
  isWarned = true
  process.emitWarning(
    `\`threads: ${threads}\` for each of up to ${POOL_SIZE} videos that are decoded at a time is more than the ${cores} cores here. Leave it at 1 where there are many videos; more pay where a single one is waited for.`,
    { type: 'SpindleWarning', code: 'SPINDLE_VIDEO_THREADS' },
  )
}

// Threads without the rest of the package, for libraries whose functions run in threads. A program
// that also uses `spindle` loads nothing twice.

export { freeCores, onFreeCores } from '../core-budget.ts'
export type { PoolOptions } from './calls/pool-options.ts'
export type { PoolStats } from './calls/pool-stats.ts'
export { ThreadPool, type ThreadPoolOptions } from './calls/thread-pool.ts'

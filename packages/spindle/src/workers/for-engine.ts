import { freeCores } from '../core-budget.ts'
import type { WorkerServices } from '../engine/run/worker-services.ts'
import { ThreadPool } from './calls/thread-pool.ts'
import { assembleRegion } from './regions/assemble-region.ts'
import { checkNesting, isNested } from './supervise/nesting.ts'

/** The workers of this package, for a `Pipeline`. */
export const workerServices: WorkerServices = {
  makeThreads: (size = freeCores()) => new ThreadPool({ size }),
  checkNesting: (hrefs) => {
    if (isNested()) checkNesting(hrefs)
  },
  assembleRegion,
}

import type { Executor, WorkerTable } from '../executor.ts'

/** The workers that run a stage's calls. */
export interface StageWorkers {
  /** Stages with the same number share their workers. */
  readonly pool: number
  readonly kind: 'thread' | 'process' | 'executor'
  /** Maximum number of workers. `undefined` if the executor does not tell. */
  readonly count: number | undefined
  /**
   * Whether they are a region's workers. The stage then runs `count` times, each time with
   * `concurrency / count` slots.
   */
  readonly isRegion: boolean
  /**
   * Total time in which workers were busy, in milliseconds, if the executor tells. Otherwise each
   * call in progress occupies a worker.
   */
  readonly busyMs?: number | undefined
  /** Figures of each worker, if the executor has them. */
  readonly table?: WorkerTable | undefined
}

const numbers = new WeakMap<object, number>()
let count = 0

/** The number that identifies workers in statistics. */
export function poolNumber(workers: object): number {
  let number = numbers.get(workers)
  if (number === undefined) {
    number = count++
    numbers.set(workers, number)
  }
  return number
}

/** Describes the workers of an executor. */
export function workersOf(executor: Executor): StageWorkers {
  const { workers } = executor
  const owner = workers?.of ?? executor
  return {
    pool: poolNumber(owner),
    kind: workers?.kind ?? 'executor',
    count: workers?.count,
    isRegion: false,
    ...(workers?.busyMs === undefined ? {} : { busyMs: workers.busyMs }),
    ...(workers?.table === undefined ? {} : { table: workers.table }),
  }
}

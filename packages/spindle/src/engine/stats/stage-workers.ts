import type { Executor } from '../executor.ts'

/** The workers that run a stage's calls. */
export interface StageWorkers {
  /** Stages with the same number share their workers. */
  readonly pool: number
  readonly kind: 'thread' | 'process' | 'executor'
  /** How many there may be; `undefined` if the executor does not tell. */
  readonly count: number | undefined
  /**
   * Whether they are a region's: `count` runs of the stage then, each with `concurrency / count`
   * slots.
   */
  readonly isRegion: boolean
}

const numbers = new WeakMap<object, number>()
let count = 0

/** The number by which workers are known in figures. */
export function poolNumber(workers: object): number {
  let number = numbers.get(workers)
  if (number === undefined) {
    number = count++
    numbers.set(workers, number)
  }
  return number
}

/** What an executor tells of its workers. */
export function workersOf(executor: Executor): StageWorkers {
  const { workers } = executor
  const owner = workers?.of ?? executor
  return {
    pool: poolNumber(owner),
    kind: workers?.kind ?? 'executor',
    count: workers?.count,
    isRegion: false,
  }
}

import type { ExecutorWorkers, WorkerNumber } from '../../engine/executor.ts'
import type { PoolSettings } from './pool-options.ts'

/**
 * Describes the workers of a pool for reports. `of`: the pool that owns the workers, for an
 * executor that is not the pool itself.
 */
export function workersOf(
  kind: ExecutorWorkers['kind'],
  size: () => number,
  of?: object,
): ExecutorWorkers {
  return {
    kind,
    get count() {
      return size()
    },
    ...(of === undefined ? {} : { of }),
  }
}

/** Maximum number of workers of a pool, and how to change it. */
export function sizingOf(
  { minSize, maxSize, isRange }: PoolSettings,
  size: () => number,
  load: () => { readonly busy: number; readonly waiting: number },
  resize: (size: number) => void,
): WorkerNumber {
  return {
    get size() {
      return size()
    },
    min: minSize,
    max: maxSize,
    isRange,
    get busy() {
      return load().busy
    },
    get waiting() {
      return load().waiting
    },
    resize,
  }
}

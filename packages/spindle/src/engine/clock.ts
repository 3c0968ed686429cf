import { performance } from 'node:perf_hooks'

// A clock read costs as much as a whole stage (about 43 ns), and queues change between empty and not empty with nearly each
// item. So time is read at most once in a burst of microtasks: the first reader starts a microtask that makes the
// reading stale. After any wait, and so for anything that is worth measuring, the time is exact.

let time = 0
let isFresh = false
const settled = Promise.resolve()
const expire = (): void => {
  isFresh = false
}

/** Milliseconds, monotonic, good to the current burst of microtasks. */
export function coarseNow(): number {
  if (!isFresh) {
    time = performance.now()
    isFresh = true
    void settled.then(expire)
  }
  return time
}

/** Milliseconds, monotonic, exact; corrects the coarse clock on the way. */
export function exactNow(): number {
  time = performance.now()
  return time
}

import { performance } from 'node:perf_hooks'

// A clock read costs as much as a whole stage (about 43 ns), and queues change between empty and not empty with nearly each
// item. So a reading is good for a few rounds of microtasks: the first reader starts a microtask that looks whether the
// reading was used since, and makes it stale if not, or after some rounds. After any wait, and so for anything that is worth measuring, the time is exact.

/** Rounds of microtasks that a reading lasts while it is in use: a few microseconds of work that waits for nothing. */
const LONGEST_USE = 8

let time = 0
let isFresh = false
let isUsed = false
let rounds = 0
const settled = Promise.resolve()
const expire = (): void => {
  if (isUsed && ++rounds < LONGEST_USE) {
    isUsed = false
    void settled.then(expire)
  } else isFresh = false
}

/** Milliseconds, monotonic, good to the current burst of microtasks. */
export function coarseNow(): number {
  isUsed = true
  if (!isFresh) {
    time = performance.now()
    isFresh = true
    rounds = 0
    void settled.then(expire)
  }
  return time
}

/** Milliseconds, monotonic, exact; corrects the coarse clock on the way. */
export function exactNow(): number {
  time = performance.now()
  return time
}

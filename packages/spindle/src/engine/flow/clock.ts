import { clockMs, nextTick } from '../../timers.ts'

// A clock read costs as much as a whole stage (about 43 ns), and queues change between empty and
// not empty with nearly each item. So time is read once in a burst of microtasks: the first reader
// has it made stale when the burst is over, which is when `nextTick` comes back to a microtask.
// After any wait the time is exact. Within a burst it is set right by whoever asks for the exact
// time, as those do who pull, and the sink reader for its consumer: after some items, or at each
// while items take time.

let time = 0
let isFresh = false
const expire = (): void => {
  isFresh = false
}

/** Milliseconds, monotonic, good to the current burst of microtasks. */
export function coarseNow(): number {
  if (!isFresh) {
    time = clockMs()
    isFresh = true
    nextTick(expire)
  }
  return time
}

/** Milliseconds, monotonic, exact; corrects the coarse clock on the way. */
export function exactNow(): number {
  time = clockMs()
  return time
}

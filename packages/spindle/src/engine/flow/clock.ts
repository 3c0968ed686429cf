import { clockMs, nextTick } from '../../timers.ts'

// Reading the clock costs as much as a whole stage (about 43 ns), and queues change between empty
// and not empty with nearly each item. The coarse time is therefore read once in a burst of
// microtasks. Its first reader schedules a `nextTick` callback, which runs when the burst is over
// and marks the time as stale. So the time is exact after any wait. Within a burst, each exact
// reading corrects it. Stages that pull read the exact time, and so does the sink reader for its
// consumer: after some items, or at each item if items take time.

let time = 0
let isFresh = false
const expire = (): void => {
  isFresh = false
}

/** The monotonic time in milliseconds, as of the current burst of microtasks. */
export function coarseNow(): number {
  if (!isFresh) {
    time = clockMs()
    isFresh = true
    nextTick(expire)
  }
  return time
}

/** The exact monotonic time in milliseconds. It also corrects the coarse clock. */
export function exactNow(): number {
  time = clockMs()
  return time
}

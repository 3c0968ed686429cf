// What the cases do in workers, and on the loop.
import { pbkdf2Sync } from 'node:crypto'

/** Rounds of a hash that take a millisecond of CPU here, as run.mjs has measured. */
export const ROUNDS = Number(process.env.VERDICT_ROUNDS ?? 1500)

/**
 * Computes for so many milliseconds of CPU time: a fixed amount of work, however busy the machine
 * is.
 */
export function compute(ms, item) {
  pbkdf2Sync('verdict', 'salt', Math.round(ms * ROUNDS), 32, 'sha256')
  return item
}

export const compute4 = (item) => compute(4, item)

export const computeAgain = (item) => compute(4, item)

/** Holds its worker for 10 ms without computing, as a call into a library that waits does. */
export function wait10(item) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  return item
}

/** As {@link wait10}, but only as many at a time as the semaphore that all workers share allows. */
export function wait10Limited(free) {
  for (;;) {
    const left = Atomics.load(free, 0)
    if (left === 0) Atomics.wait(free, 0, 0)
    else if (Atomics.compareExchange(free, 0, left, left - 1) === left) break
  }
  wait10()
  Atomics.add(free, 0, 1)
  Atomics.notify(free, 0, 1)
}

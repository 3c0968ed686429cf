// Ops of the verdict's tests, for workers.

export const same = (value: number): number => value

/** Holds its worker for 5 ms. */
export function hold(value: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  return value
}

let free = 4
const waiting: (() => void)[] = []

/** At most four at a time in each worker, 5 ms each, as a connection pool does. */
export async function limited(value: number): Promise<number> {
  if (free > 0) free--
  else await new Promise<void>((go) => waiting.push(go))
  await new Promise((resolve) => setTimeout(resolve, 5))
  const next = waiting.shift()
  if (next === undefined) free++
  else next()
  return value
}

/** Holds its worker for 5 ms, at most as many at a time as a semaphore in shared memory allows. */
export function holdLimited(free: Int32Array<SharedArrayBuffer>): void {
  for (;;) {
    const left = Atomics.load(free, 0)
    if (left === 0) Atomics.wait(free, 0, 0)
    else if (Atomics.compareExchange(free, 0, left, left - 1) === left) break
  }
  hold(0)
  Atomics.add(free, 0, 1)
  Atomics.notify(free, 0, 1)
}

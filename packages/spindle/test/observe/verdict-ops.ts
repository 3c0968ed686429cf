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

// Ops of the verdict's tests, for workers.

export const same = (value: number): number => value

/** Holds its worker for 5 ms. */
export function hold(value: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  return value
}

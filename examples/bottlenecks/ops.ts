// What the examples do in worker threads.

/** Computes for 5 ms. */
export function resize(item: number): number {
  const end = performance.now() + 5
  while (performance.now() < end);
  return item
}

/** Holds its thread for 5 ms without computing, as a call into a slow library does. */
export function lookUp(item: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  return item
}

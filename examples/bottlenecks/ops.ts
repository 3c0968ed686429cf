// The ops that the examples call in worker threads.

/** Computes for 5 ms. */
export function resize(item: number): number {
  const end = performance.now() + 5
  while (performance.now() < end);
  return item
}

/** Blocks its thread for 5 ms without computing, like a call into a slow library. */
export function lookUp(item: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  return item
}

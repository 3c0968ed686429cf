// What the runs do in a worker thread.

/**
 * Computes for so many milliseconds; returns when it began and ended, by the clock that all threads
 * share.
 */
export function compute(ms: number): { readonly from: number; readonly to: number } {
  const from = performance.timeOrigin + performance.now()
  const until = performance.now() + ms
  while (performance.now() < until);
  return { from, to: performance.timeOrigin + performance.now() }
}

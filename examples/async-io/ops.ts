// The ops that the runs call in a worker thread.

/**
 * Computes for `ms` milliseconds. Returns its start and end, by the clock that all threads share.
 */
export function compute(ms: number): { readonly from: number; readonly to: number } {
  const from = performance.timeOrigin + performance.now()
  const until = performance.now() + ms
  while (performance.now() < until);
  return { from, to: performance.timeOrigin + performance.now() }
}

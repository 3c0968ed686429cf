/** Calls an async function for each value, `limit` at a time. The first error ends it. */
export async function inParallel<T>(
  values: readonly T[],
  limit: number,
  call: (value: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < values.length) await call(values[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(limit, values.length) }, work))
}

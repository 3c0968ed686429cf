// Times one cell in Node: it repeats the work as often as fits, after a warm-up of the same length.
// Time here is CPU time, so that a cell is equally warm on a busy machine.

/**
 * Calls `work` (which may return a promise) for `ms` of CPU, and prints a line of JSON:
 * microseconds and CPU microseconds a call.
 */
export async function repeat(work, ms) {
  // Several warm-ups: what is compiled in one is optimised in the next. The batches grow with what
  // fits the time.
  let batch = 1
  for (let i = 0; i < 4; i++) {
    const { calls } = await timed(work, ms / 4, batch)
    batch = Math.max(1, Math.floor(calls / 10))
  }
  globalThis.gc?.()
  const { calls, elapsedMs, cpuMs } = await timed(work, ms, batch)
  console.log(JSON.stringify({ us: (elapsedMs * 1000) / calls, cpuUs: (cpuMs * 1000) / calls }))
}

/** Reads the clocks only after each batch: some calls take a quarter of a microsecond. */
async function timed(work, ms, batch) {
  const startedAt = performance.now()
  const before = process.cpuUsage()
  for (let calls = batch; ; calls += batch) {
    for (let i = 0; i < batch; i++) {
      const result = work()
      if (result instanceof Promise) await result
    }
    const { user, system } = process.cpuUsage(before)
    const cpuMs = (user + system) / 1000
    if (cpuMs >= ms) return { calls, elapsedMs: performance.now() - startedAt, cpuMs }
  }
}

// Backends for the tests. Workers import this module.
import { defineBackend } from '@spindle/models'

/** Doubles numbers. Items: -1 fails, -2 ends its worker, -3 blocks for ever. */
export const doubling = defineBackend((settings: { readonly runMs?: number } | undefined) => ({
  provider: 'fake',
  run(batch: readonly number[]): readonly number[] {
    if (batch.includes(-1)) throw Object.assign(new Error('poison'), { code: 'ERR_POISON' })
    if (batch.includes(-2)) process.exit(3)
    if (batch.includes(-3)) block(60_000)
    block(settings?.runMs ?? 0)
    return batch.map((n) => n * 2)
  },
}))

/** Returns with each item the size of its batch and the worker's process. */
export const sizes = defineBackend((_: undefined, { threads }) => ({
  run: (batch: readonly { readonly n: number }[]) =>
    batch.map(({ n }) => ({ n, size: batch.length, pid: process.pid, threads })),
}))

/** Waits, asynchronously; runs must not overlap. */
export const waiting = defineBackend(() => {
  let running = 0
  return {
    async run(batch: readonly number[]) {
      running++
      if (running > 1) throw new Error('runs overlap')
      await new Promise((resolve) => setTimeout(resolve, 1))
      running--
      return batch.map((n) => n + 1)
    },
  }
})

/** Sums of arrays, and whether their memory came as it was given. */
export const sums = defineBackend(() => ({
  run: (batch: readonly { readonly data: Float32Array; readonly fail?: boolean }[]) =>
    batch.map(({ data, fail }) => {
      if (fail === true) throw new Error('no sum')
      return data.reduce((sum, value) => sum + value, 0)
    }),
}))

/** Fails at each first try of an item. */
export const flaky = defineBackend(() => {
  const seen = new Set<number>()
  return {
    run: (batch: readonly { readonly dtype: string; readonly data: Float32Array }[]) =>
      batch.map(({ data }) => {
        const id = data[0] as number
        if (seen.has(id)) return data.length
        seen.add(id)
        throw new Error('first try')
      }),
  }
})

export const short = defineBackend(() => ({ run: (_: readonly number[]): number[] => [] }))

export const broken = defineBackend((): { run(batch: readonly number[]): number[] } => {
  throw new Error('no weights')
})

function block(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

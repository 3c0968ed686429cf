import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { workerModule } from 'spindle'
import { DataLoader, type LoaderState } from 'spindle/loader'
import { shuffled } from 'spindle/source'
import type * as Ops from './loader-ops.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./loader-ops.js'))

/** All batches of two epochs, from loaders that are left after some batches each. */
async function inPieces(
  make: (state: LoaderState | undefined) => DataLoader<number[]>,
  counts: number[],
): Promise<number[][]> {
  const given: number[][] = [[], []]
  let state: LoaderState | undefined
  for (const count of counts) {
    const loader = make(state)
    let taken = 0
    while (taken < count && loader.epoch < 2) {
      const { epoch } = loader
      for await (const batch of loader) {
        loader.commit(batch)
        given[epoch]?.push(...batch)
        if (++taken === count) break
      }
    }
    state = JSON.parse(JSON.stringify(loader.state()))
    await loader.stop()
  }
  return given
}

const counts = [2, 3, 1, 4, 1, 99]
const sorted = (numbers: readonly number[] | undefined) =>
  [...(numbers ?? [])].sort((a, b) => a - b)

describe('a loader that can be resumed', () => {
  for (const placement of ['inline', 'threads', 'worker'] as const) {
    it(`goes on within the epoch in which it was (${placement})`, async () => {
      const items = Array.from({ length: 20 }, (_, i) => i)
      const preprocess = placement === 'inline' ? (n: number) => n * n : ops.square
      const make = (state: LoaderState | undefined) =>
        new DataLoader(items, {
          batchSize: 3,
          preprocess,
          placement,
          resumable: true,
          ...(state === undefined ? {} : { state }),
        }) as unknown as DataLoader<number[]>
      const [first, second] = await inPieces(make, counts)
      const expected = items.map((n) => n * n)
      assert.deepEqual(sorted(first), expected)
      assert.deepEqual(sorted(second), expected)
    })
  }

  it('gives the order of a seekable source, another each epoch', async () => {
    const make = (state: LoaderState | undefined) =>
      new DataLoader(shuffled(20, { seed: 3 }), {
        batchSize: 3,
        preprocess: async (n: number) => n,
        outputOrder: 'input',
        resumable: true,
        ...(state === undefined ? {} : { state }),
      }) as unknown as DataLoader<number[]>
    const whole = await inPieces(make, [99])
    assert.deepEqual(await inPieces(make, counts), whole)
    assert.notDeepEqual(whole[0], whole[1])
    assert.deepEqual(sorted(whole[0]), sorted(whole[1]))
  })
})

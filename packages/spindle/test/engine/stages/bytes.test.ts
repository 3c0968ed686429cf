import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { collect } from '../../support/consume.ts'
import { deferred, settled } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

/** Runs until nothing moves with the next stage stuck, and tells how many results were made. */
async function madeWhileStuck(
  sizes: number[],
  maxBytes: number,
  options: object = {},
): Promise<number> {
  const hold = deferred()
  let made = 0
  const pipeline = new PipelineBuilder()
    .addSource(sizes)
    .pipe(
      async (size) => {
        made++
        return new Uint8Array(size)
      },
      { buffer: 100, maxBytes, ...options },
    )
    .pipe(async (bytes) => {
      await hold.promise
      return bytes.byteLength
    })
    .build()
  pipeline.start()
  const count = await settled(() => made)
  hold.resolve()
  assert.deepEqual(
    (await collect(pipeline)).sort((a, b) => a - b),
    sizes.toSorted((a, b) => a - b),
  )
  return count
}

describe('maxBytes', () => {
  it('bounds the exit queue by the bytes in it', async () => {
    const made = await madeWhileStuck(new Array<number>(50).fill(1000), 3000)
    assert.ok(
      made >= 1 + 3 && made <= 1 + 3 + 1,
      `${made} made: one taken, three queued, one waiting for its place`,
    )
  })

  it('lets few large ones wait, or many small ones', async () => {
    const small = await madeWhileStuck(new Array<number>(60).fill(100), 3000)
    assert.ok(small >= 1 + 30 && small <= 1 + 30 + 1, `${small} made`)
    const mixed = await madeWhileStuck([100, 2900, 100, 100, 100, 100], 3000)
    assert.ok(mixed >= 3 && mixed <= 4, `${mixed} made`)
  })

  it('lets an item through that is larger than the bound, alone', async () => {
    const made = await madeWhileStuck(new Array<number>(10).fill(5000), 3000)
    assert.ok(made >= 2 && made <= 3, `${made} made: one taken, one queued, one waiting`)
  })

  it('goes together with the bound by count', async () => {
    const made = await madeWhileStuck(new Array<number>(50).fill(10), 3000, { buffer: 4 })
    assert.ok(made >= 1 + 4 && made <= 1 + 4 + 1, `${made} made`)
  })

  it('holds with several calls in flight, in either order', async () => {
    for (const outputOrder of ['completion', 'input']) {
      const made = await madeWhileStuck(new Array<number>(50).fill(1000), 3000, {
        concurrency: 4,
        outputOrder,
      })
      assert.ok(made >= 1 + 3 && made <= 1 + 3 + 4, `${made} made`)
    }
  })

  it('holds for the outputs of a generator', async () => {
    const hold = deferred()
    let made = 0
    const pipeline = new PipelineBuilder()
      .addSource([0])
      .pipe(
        function* () {
          for (const _ of range(40)) {
            made++
            yield new Uint8Array(1000)
          }
        },
        { buffer: 100, maxBytes: 3000 },
      )
      .pipe(async () => {
        await hold.promise
        return 1
      })
      .build()
    pipeline.start()
    const count = await settled(() => made)
    assert.ok(count >= 1 + 3 && count <= 1 + 3 + 1, `${count} made`)
    hold.resolve()
    assert.equal((await collect(pipeline)).length, 40)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'

const count = 1_000_000

function* numbers(): Generator<number> {
  for (let value = 0; value < count; value++) yield value
}

describe('a million items', () => {
  it('go through sync, async, generator and batching stages, each once, in flat memory', async () => {
    const heap: number[] = []
    const pipeline = new PipelineBuilder()
      .addSource(numbers)
      .pipe((value) => value + 1, { concurrency: 4 })
      .pipe(async (value) => value, { concurrency: 16, outputOrder: 'input', buffer: 16 })
      .pipe(function* (value) {
        if (value % 2 === 0) yield value
        else yield -value
      })
      .aggregate(100)
      .pipe((batch, context) => {
        if (context.index % 100_000 === 0) heap.push(heapUsed())
        return batch
      })
      .build()
    let items = 0
    let sum = 0
    await pipeline.forEach((batch) => {
      items += batch.length
      for (const value of batch) sum += Math.abs(value)
    })
    assert.equal(items, count)
    assert.equal(sum, (count * (count + 1)) / 2)
    assert.equal(heap.length, 10)
    const [, second] = heap as [number, number]
    const growth = Math.max(...heap.slice(2)) - second
    assert.ok(growth < 3_000_000, `the heap grew by ${growth} bytes: ${heap}`)
    const { stages } = pipeline.stats()
    assert.deepEqual(
      stages.slice(0, 4).map((stage) => stage.emitted),
      [count, count, count, count],
    )
  })
})

function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InfrastructureError, PipelineBuilder, workers } from 'spindle'
import { assertCode, collect, collectFailure } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { items, letters, marker, removeMarkers, without } from './fates.ts'
import type { Deadly } from './fixtures/deadly.ts'
import { byNumber, deadly } from './support.ts'

removeMarkers()

describe('after the death of a worker', () => {
  for (const outputOrder of ['completion', 'input'] as const) {
    it(`nothing is lost or doubled if it does not happen again, in ${outputOrder} order`, async () => {
      const [one, two] = [marker(), marker()]
      const given = await collect(
        new PipelineBuilder()
          .addSource(items(80, { 11: { how: 'exit', once: one }, 50: { how: 'throw', once: two } }))
          .to(workers({ count: outputOrder === 'input' ? 3 : 1, outputOrder }))
          .pipe(deadly.pass, { concurrency: 2 })
          .pipe(deadly.survive, { concurrency: 2 })
          .build(),
      )
      assert.deepEqual(outputOrder === 'input' ? given : given.sort(byNumber), range(80))
    })
  }

  it('what generators have given already is not given again', async () => {
    for (const isSlow of [false, true]) {
      const outputOrder = isSlow ? 'input' : 'completion'
      const fates = {
        4: { how: 'exit', once: marker() },
        9: { how: 'exit', once: marker() },
      } as const
      const begun = new PipelineBuilder()
        .addSource(items(12, fates))
        .to(workers({ count: 2, outputOrder }))
      const tripled = isSlow
        ? begun.pipe(deadly.tripleSlowly, { concurrency: 2 })
        : begun.pipe(deadly.triple, { concurrency: 2 })
      const given = await collect(tripled.pipe(deadly.survive).build())
      const expected = range(12).flatMap((n) => [n * 10, n * 10 + 1, n * 10 + 2])
      assert.deepEqual(isSlow ? given : given.sort(byNumber), expected)
    }
    const given = await collect(
      new PipelineBuilder()
        .addSource(items(5, { 2: { how: 'exit' } }))
        .to(workers({ count: 1, maxFailures: 1 }))
        .pipe(deadly.dieAfterOne)
        .build(),
    )
    // The first output may or may not have left before the worker died, but not twice.
    assert.deepEqual(
      given.filter((n) => n !== 20).sort(byNumber),
      without(5, 2).flatMap((n) => [n * 10, n * 10 + 1]),
    )
    assert.ok(given.filter((n) => n === 20).length <= 1)
  })

  it('what has failed is not told again', async () => {
    const { received, options } = letters()
    const given = await collect(
      new PipelineBuilder()
        .addSource(items(30, { 12: { how: 'exit', once: marker() } }))
        .to(workers({ count: 1 }))
        .pipe(deadly.triple, { concurrency: 4 })
        .pipe(deadly.failSome)
        .pipe(deadly.survive)
        .build({ ...options, maxFailures: Number.POSITIVE_INFINITY }),
    )
    const all = range(30).flatMap((n) => [n * 10, n * 10 + 1, n * 10 + 2])
    const failing = all.filter((n) => n % 7 === 3)
    assert.deepEqual(
      given.sort(byNumber),
      all.filter((n) => n % 7 !== 3),
    )
    assert.deepEqual(received.map(({ item }) => (item as Deadly).n).sort(byNumber), failing)
  })

  it('members of batches that were not given run again', async () => {
    for (const outputOrder of ['completion', 'input'] as const) {
      const fates = {
        13: { how: 'exit', once: marker() },
        40: { how: 'exit', once: marker() },
      } as const
      const batches = await collect(
        new PipelineBuilder()
          .addSource(items(66, fates))
          .to(workers({ count: 2, outputOrder }))
          .aggregate(4)
          .pipe(deadly.surviveAll)
          .build(),
      )
      assert.deepEqual(batches.flat().sort(byNumber), range(66))
      assert.ok(batches.every((batch) => batch.length <= 4))
      assert.equal(batches.filter((batch) => batch.length < 4).length <= 2, true)
    }
  })

  it('parts of generators that are in batches already are not put into others', async () => {
    const fates = {
      3: { how: 'exit', once: marker() },
      14: { how: 'exit', once: marker() },
    } as const
    const batches = await collect(
      new PipelineBuilder()
        .addSource(items(20, fates))
        .to(workers({ count: 2 }))
        .pipe(deadly.tripleSlowly, { concurrency: 2 })
        .aggregate(4)
        .pipe(deadly.surviveAll)
        .build(),
    )
    const expected = range(20).flatMap((n) => [n * 10, n * 10 + 1, n * 10 + 2])
    assert.deepEqual(batches.flat().sort(byNumber), expected)
  })

  it('a batch that is taken apart again is given as a whole, once', async () => {
    const fates = {
      6: { how: 'exit', once: marker() },
      17: { how: 'exit', once: marker() },
    } as const
    const given = await collect(
      new PipelineBuilder()
        .addSource(items(40, fates))
        .to(workers({ count: 2 }))
        .aggregate(5)
        .disaggregate()
        .pipe(deadly.survive)
        .build(),
    )
    assert.deepEqual(given.sort(byNumber), range(40))
  })

  it('a batch that kills its workers is given up with all its members, and the rest goes on', async () => {
    const { received, options } = letters()
    const batches = await collect(
      new PipelineBuilder()
        .addSource(items(40, { 21: { how: 'exit' } }))
        .to(workers({ count: 2 }))
        .aggregate(4)
        .pipe(deadly.surviveAll)
        .build({ ...options, maxFailures: Number.POSITIVE_INFINITY }),
    )
    const lost = received.map(({ index }) => index)
    assert.ok(lost.includes(21) && lost.length <= 4, `given up: ${lost}`)
    assert.deepEqual([...batches.flat(), ...lost].sort(byNumber), range(40))
  })

  it('so is one that is made of what is left at the end', async () => {
    const { received, options } = letters()
    const batches = await collect(
      new PipelineBuilder()
        .addSource(items(6, { 5: { how: 'exit' } }))
        .to(workers({ count: 1 }))
        .aggregate(4)
        .pipe(deadly.surviveAll)
        .build({ ...options, maxFailures: Number.POSITIVE_INFINITY }),
    )
    assert.deepEqual(batches, [range(4)])
    assert.deepEqual(received.map(({ index }) => index).sort(byNumber), [4, 5])
  })

  it('an item that kills before it is batched takes nobody with it', async () => {
    const { received, options } = letters()
    const batches = await collect(
      new PipelineBuilder()
        .addSource(items(40, { 21: { how: 'exit' } }))
        .to(workers({ count: 1 }))
        .pipe(deadly.survive, { concurrency: 2 })
        .aggregate(4)
        .build({ ...options, maxFailures: 1 }),
    )
    assert.deepEqual(batches.flat().sort(byNumber), without(40, 21))
    assert.deepEqual(
      received.map(({ index }) => index),
      [21],
    )
  })

  it('parts that are in two batches of two kinds are not made up: the pipeline fails', async () => {
    const fates = Object.fromEntries(range(30).map((n) => [n, n === 20 ? { how: 'exit' } : {}]))
    const pipeline = new PipelineBuilder()
      .addSource(items(30, fates as Record<number, Omit<Deadly, 'n'>>))
      .to(workers({ count: 1 }))
      .aggregate(4)
      .disaggregate()
      .aggregate(3)
      .pipe(deadly.surviveAll)
      .build({ maxFailures: Number.POSITIVE_INFINITY })
    const { items: batches, failure } = await collectFailure(pipeline)
    assert.deepEqual(new Set(batches.flat()).size, batches.flat().length)
    const { cause } = failure.errors[0] as { cause: unknown }
    assert.ok(cause instanceof InfrastructureError)
    assert.equal(cause.code, 'ERR_WORKER_DIED')
    assert.match(cause.message, /end the region between the two aggregates/)
  })

  it('the items of an epoch stay in it', async () => {
    const once = marker()
    const pipeline = new PipelineBuilder()
      .addSource(() => items(10, { 7: { how: 'exit', once } }), { continuous: true })
      .to(workers({ count: 2 }))
      .aggregate(3)
      .pipe(deadly.surviveAll)
      .build()
    for (let epoch = 0; epoch < 3; epoch++) {
      const batches = await collect(pipeline)
      assert.deepEqual(batches.flat().sort(byNumber), range(10))
    }
    await pipeline.stop()
  })

  it('one that dies of something else than its items does no harm', async () => {
    const given = await collect(
      new PipelineBuilder()
        .addSource(items(200, { 20: { how: 'exit', once: marker() } }))
        .to(workers({ count: 2 }))
        .pipe(deadly.dieLater)
        .build(),
    )
    assert.deepEqual(given.sort(byNumber), range(200))
  })

  it('an item may kill as many workers as maxDeaths says', async () => {
    const { received, options } = letters()
    const given = await collect(
      new PipelineBuilder()
        .addSource(items(6, { 2: { how: 'exit' } }))
        .to(workers({ count: 1, maxDeaths: 3 }))
        .pipe(deadly.survive)
        .build({ ...options, maxFailures: 1 }),
    )
    assert.deepEqual(given.sort(byNumber), without(6, 2))
    assert.equal(received[0]?.attempts, 3)
  })

  it('an item that kills fails the pipeline where no failure is endured', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(items(6, { 2: { how: 'exit' } }))
      .to(workers({ count: 2, name: 'mine' }))
      .pipe(deadly.survive)
      .build()
    const { failure } = await collectFailure(pipeline)
    assert.equal(failure.errors[0]?.stage, 'mine')
    assert.equal(failure.errors[0]?.index, 2)
    assertCode(failure.errors[0]?.cause, 'ERR_WORKER_DIED')
  })
})

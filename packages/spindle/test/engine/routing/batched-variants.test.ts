import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { assertCode, collect, collectFailure } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const batches = (count: number, size: number) =>
  new PipelineBuilder().addSource(range(count)).aggregate(size)
const parities = (batch: number[]) => batch.map((value) => value % 2)
const batched = { batched: true } as const
type Path = PipelineBuilder<number[]>
const each = (change: (value: number) => number) => (path: Path) =>
  path.pipe((part) => part.map(change))
const tens = each((value) => value * 10)
const negated = each((value) => -value)

describe('pathVariants over batches', () => {
  it('splits each batch, and joins its parts again in the order of the paths', async () => {
    const pipeline = batches(8, 4).pathVariants(parities, [tens, negated], batched).build()
    assert.deepEqual(await collect(pipeline), [
      [0, 20, -1, -3],
      [40, 60, -5, -7],
    ])
  })

  it('takes an async router', async () => {
    const pipeline = batches(4, 4)
      .pathVariants(async (batch) => parities(batch), [tens, negated], batched)
      .build()
    assert.deepEqual(await collect(pipeline), [[0, 20, -1, -3]])
  })

  it('does not call a path that got nothing of a batch', async () => {
    const seen: number[][] = []
    const pipeline = batches(6, 2)
      .pathVariants(
        (batch) => batch.map((value) => (value === 2 ? 1 : 0)),
        [
          tens,
          (path) =>
            path.pipe((part) => {
              seen.push(part)
              return part
            }),
        ],
        batched,
      )
      .build()
    assert.deepEqual(await collect(pipeline), [
      [0, 10],
      [30, 2],
      [40, 50],
    ])
    assert.deepEqual(seen, [[2]])
  })

  it('lets a path give fewer elements, without mixing up the batches', async () => {
    const fewer = (path: Path) => path.pipe((part) => part.filter((value) => value % 3 !== 0))
    const pipeline = batches(12, 4).pathVariants(parities, [tens, fewer], batched).build()
    assert.deepEqual(await collect(pipeline), [
      [0, 20, 1],
      [40, 60, 5, 7],
      [80, 100, 11],
    ])
  })

  it('lets a path drop its part of some batches, without mixing up the batches', async () => {
    const dropSecond = (path: Path) => path.pipe((part) => (part.includes(5) ? undefined : part))
    const pipeline = batches(12, 4).pathVariants(parities, [tens, dropSecond], batched).build()
    assert.deepEqual(await collect(pipeline), [
      [0, 20, 1, 3],
      [40, 60],
      [80, 100, 9, 11],
    ])
  })

  it('lets a path fail its part of some batches, without mixing up the batches', async () => {
    const failSecond = (path: Path) =>
      path.pipe(
        async (part) => {
          if (part.includes(5)) throw new Error('second')
          return part
        },
        { maxFailures: 1 },
      )
    const pipeline = batches(12, 4)
      .pathVariants(parities, [failSecond, failSecond], batched)
      .build()
    assert.deepEqual(await collect(pipeline), [
      [0, 2, 1, 3],
      [4, 6],
      [8, 10, 9, 11],
    ])
  })

  it('emits no batch of which nothing is left', async () => {
    const none = (path: Path) =>
      path.pipe((part) => (part[0] === 4 || part[0] === 5 ? undefined : part))
    const pipeline = batches(12, 4).pathVariants(parities, [none, none], batched).build()
    assert.deepEqual(await collect(pipeline), [
      [0, 2, 1, 3],
      [8, 10, 9, 11],
    ])
    const empty = new PipelineBuilder()
      .addSource<number[]>([[], [1], []])
      .pathVariants(parities, [tens, negated], batched)
      .build()
    assert.deepEqual(await collect(empty), [[-1]])
  })

  it('gives batches in the order in which they came, whichever path is quicker', async () => {
    const slow = (path: Path) =>
      path.pipe(
        async (part) => {
          await turns(10 - (part[0] ?? 0))
          return part
        },
        { concurrency: 4 },
      )
    const pipeline = batches(10, 2)
      .pathVariants(
        (batch) => batch.map((value) => (value < 5 ? 0 : 1)),
        [slow, (path) => path.pipe((item) => item)],
        batched,
      )
      .build()
    assert.deepEqual(await collect(pipeline), [
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
      [8, 9],
    ])
  })

  it('may have several stages in a path, and other stages around', async () => {
    const pipeline = batches(8, 4)
      .pathVariants(
        parities,
        [
          (path) =>
            path
              .pipe(async (part) => part.map((value) => value + 1))
              .pipe((part) => part.map((value) => value * 100)),
          (path) => path.pipe((item) => item),
        ],
        batched,
      )
      .disaggregate()
      .pipe((value) => value + 1)
      .build()
    assert.deepEqual(await collect(pipeline), [101, 301, 2, 4, 501, 701, 6, 8])
  })

  it('nests', async () => {
    const pipeline = batches(8, 8)
      .pathVariants(
        parities,
        [
          (path) =>
            path.pathVariants(
              (part) => part.map((value) => (value < 4 ? 1 : 0)),
              [tens, negated],
              batched,
            ),
          (path) => path.pipe((item) => item),
        ],
        batched,
      )
      .build()
    assert.deepEqual(
      (await collect(pipeline)).map((batch) => batch.map((value) => value + 0)),
      [[40, 60, 0, -2, 1, 3, 5, 7]],
    )
  })

  it('keeps epochs apart', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(5), { continuous: true })
      .aggregate(3)
      .pathVariants(parities, [tens, (path) => path.pipe((item) => item)], batched)
      .build()
    for (let epoch = 0; epoch < 3; epoch++) {
      assert.deepEqual(await collect(pipeline), [
        [0, 20, 1],
        [40, 3],
      ])
    }
    await pipeline.stop()
  })

  it('fails when the router gives not one index an element, whatever the budget', async () => {
    for (const wrong of [
      (batch: number[]) => parities(batch).slice(1),
      () => [0, 1, 0, 1, 0],
      () => 0,
      () => undefined,
    ]) {
      const router = wrong as (batch: number[]) => number[]
      const pipeline = batches(4, 4)
        .pathVariants(router, [tens, negated], batched)
        .build({ maxFailures: Number.POSITIVE_INFINITY })
      const { items, failure } = await collectFailure(pipeline)
      assert.deepEqual(items, [])
      assertCode(failure.errors[0]?.cause, 'ERR_ROUTE')
    }
  })

  it('fails when the router names a path that there is not', async () => {
    const pipeline = batches(4, 2)
      .pathVariants(
        (batch) => batch.map((value) => (value === 3 ? 2 : 0)),
        [tens, negated],
        batched,
      )
      .build({ maxFailures: Number.POSITIVE_INFINITY })
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [[0, 10]])
    assertCode(failure.errors[0]?.cause, 'ERR_ROUTE')
  })

  it('fails with a path that may not fail', async () => {
    const failing = (path: Path) =>
      path.pipe(
        (part) => {
          if (part.includes(5)) throw new Error('path')
          return part
        },
        { name: 'odd' },
      )
    const pipeline = batches(400, 4).pathVariants(parities, [tens, failing], batched).build()
    const { failure } = await collectFailure(pipeline)
    assert.deepEqual(
      failure.errors.map((error) => error.stage),
      ['odd'],
    )
  })
})

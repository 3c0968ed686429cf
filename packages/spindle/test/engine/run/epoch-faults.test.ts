import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { merge, PipelineBuilder, SpindleError } from 'spindle'
import { collect, collectFailure, failureCause, throwsCode } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

const continuous = { continuous: true }
const numbers = (count: number) => new PipelineBuilder().addSource(range(count), continuous)

describe('a continuous pipeline that fails', () => {
  it('says so where it is iterated, in whichever epoch: a source', async () => {
    let epoch = 0
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        yield 0
        if (epoch++ === 1) throw new Error('second epoch')
        yield 1
      }, continuous)
      .build()
    assert.deepEqual(await collect(pipeline), [0, 1])
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [0])
    assert.match(String(failure.errors[0]?.cause), /second epoch/)
    assert.equal((await collectFailure(pipeline)).failure, failure)
    await assert.rejects(pipeline.done, (error) => error === failure)
  })

  it('says so where it is iterated, in whichever epoch: a stage', async () => {
    let calls = 0
    const pipeline = numbers(3)
      .pipe(async (value) => {
        if (++calls === 5) throw new Error('fifth call')
        return value
      })
      .build()
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [0])
    for (let again = 0; again < 3; again++) {
      const later = await collectFailure(pipeline)
      assert.deepEqual(later.items, [])
      assert.equal(later.failure, failure)
    }
  })
})

describe('what cannot be iterated again', () => {
  const oneShots: Record<string, () => Iterable<number> | AsyncIterable<number>> = {
    'a generator object': () =>
      (function* () {
        yield 1
      })(),
    'an async generator object': () =>
      (async function* () {
        yield 1
      })(),
    'an array iterator': () => [1, 2].values(),
    'a Node stream': () => Readable.from([1, 2]),
    'a web stream': () => new ReadableStream<number>({ start: (controller) => controller.close() }),
  }
  for (const [kind, make] of Object.entries(oneShots)) {
    it(`is refused as a continuous source: ${kind}`, () => {
      throwsCode(
        () => new PipelineBuilder().addSource(make(), continuous).build(),
        'ERR_BAD_SOURCE',
      )
    })
  }

  it('is found out when a function gives the same iterator twice: no endless empty epochs', async () => {
    const same = [1, 2].values()
    const pipeline = new PipelineBuilder().addSource(() => same, continuous).build()
    assert.deepEqual(await collect(pipeline), [1, 2])
    const cause = await failureCause(pipeline)
    assert.ok(cause instanceof SpindleError)
    assert.equal(cause.code, 'ERR_BAD_SOURCE')
  })
})

describe('continuous and other sources', () => {
  it('do not go together in one pipeline', () => {
    const plain = new PipelineBuilder().addSource([1])
    throwsCode(() => merge(plain, numbers(1)).build(), 'ERR_MIXED_CONTINUOUS')
    throwsCode(() => merge(numbers(1), merge(plain, plain)).build(), 'ERR_MIXED_CONTINUOUS')
  })
})

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { PipelineBuilder, type Source } from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

/** The codes of the warnings of the process during a call. */
async function warningsOf(call: () => Promise<unknown>): Promise<readonly string[]> {
  const codes: string[] = []
  const hear = (warning: NodeJS.ErrnoException): void =>
    void codes.push(warning.code ?? warning.name)
  process.on('warning', hear)
  await call()
  // Warnings are told in a later turn.
  await new Promise(setImmediate)
  process.off('warning', hear)
  return codes
}

describe('a program that does nothing without meaning to is told', () => {
  const all = (op: (n: number) => unknown, count = 200) =>
    collect(
      new PipelineBuilder()
        .addSource(range(count))
        .pipe(op)
        .pipe((n) => n)
        .build(),
    )

  it('not of ops that drop items on purpose, of few items, nor of a last stage that gives nothing', async () => {
    const codes = await warningsOf(async () => {
      await all((n) => (n < 0 ? n : undefined))
      await all((n) => {
        if (n < 0) return n
        return undefined
      })
      await all((n) => void n, 50)
      await all(function* (n) {
        if (n < 0) yield n
      })
      await collect(
        new PipelineBuilder()
          .addSource(range(200))
          .pipe((n) => {
            n + 1
          })
          .build(),
      )
    })
    assert.deepEqual(codes, [])
  })

  it('that an op before another one has no return, once', async () => {
    const codes = await warningsOf(async () => {
      for (let i = 0; i < 2; i++)
        await all((n) => {
          n * 2
        })
    })
    assert.deepEqual(codes, ['SPINDLE_ALL_DROPPED'])
  })

  it('that a pipeline is iterated after its end, but not of several consumers at once', async () => {
    const codes = await warningsOf(async () => {
      const shared = new PipelineBuilder().addSource(range(5)).build()
      await Promise.all([collect(shared), collect(shared)])
    })
    assert.deepEqual(codes, [])
    const again = await warningsOf(async () => {
      const pipeline = new PipelineBuilder().addSource(range(5)).build()
      assert.equal((await collect(pipeline)).length, 5)
      assert.equal((await collect(pipeline)).length, 0)
    })
    assert.deepEqual(again, ['SPINDLE_ENDED'])
  })
})

describe('a source that can be gone through only once', () => {
  function* numbers() {
    yield* [1, 2, 3]
  }
  const sources: { readonly [kind: string]: () => Source<number> } = {
    'a generator object': () => numbers(),
    'an async generator object': () =>
      (async function* () {
        yield* numbers()
      })(),
    'an iterator': () => [1, 2, 3].values(),
    'a Node stream': () => Readable.from([1, 2, 3]),
    'a web stream': () => new Blob(['text']).stream() as unknown as Source<number>,
    'what a function gives each time': () => {
      const made = numbers()
      return () => made
    },
  }
  for (const [kind, make] of Object.entries(sources)) {
    it(`is refused by another pipeline when it has come to its end: ${kind}`, async () => {
      const builder = new PipelineBuilder().addSource(make())
      assert.ok((await collect(builder.build())).length > 0)
      await assert.rejects(collect(builder.build()), (error: AggregateError) => {
        assert.equal(error.errors[0].cause.code, 'ERR_BAD_SOURCE')
        assert.match(error.message, /can be gone through only once/)
        return true
      })
    })
  }

  it('and was closed, likewise; one that cannot be closed goes on where it was', async () => {
    const closed = new PipelineBuilder().addSource(numbers())
    const first = closed.build()
    for await (const _ of first) break
    await first.stop()
    await assert.rejects(collect(closed.build()), /can be gone through only once/)
    let n = 0
    const open = new PipelineBuilder().addSource({ next: () => ({ done: n >= 40, value: n++ }) })
    const begun = open.build()
    for await (const _ of begun) break
    await begun.stop()
    assert.ok((await collect(open.build())).length > 20)
  })

  it('is no matter of iterables, which begin anew', async () => {
    const builder = new PipelineBuilder().addSource(range(3))
    assert.equal((await collect(builder.build())).length, 3)
    assert.equal((await collect(builder.build())).length, 3)
  })
})

describe('a string as a source', () => {
  it('is refused, for its items would be characters', () => {
    assert.throws(() => new PipelineBuilder().addSource('photos'), {
      code: 'ERR_BAD_SOURCE',
      message: /must not be a string.*got 'photos'.*listFiles\(\)/,
    })
  })
})

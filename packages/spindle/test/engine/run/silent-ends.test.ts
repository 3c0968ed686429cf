import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import {
  MAIN,
  PipelineBuilder,
  type PipelineState,
  type Source,
  workerModule,
  workers,
} from 'spindle'
import { DataLoader } from 'spindle/loader'
import { shuffled } from 'spindle/source'
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

  it('that a stage drops everything, in threads, in a region and before a batch', async () => {
    const source = 'export const nothing = (n) => { n * 2 }; export const same = (n) => n'
    const ops = workerModule<{ nothing(n: number): number; same(n: number): number }>(
      `data:text/javascript,${encodeURIComponent(source)}`,
    )
    const numbers = new PipelineBuilder().addSource(range(200))
    const lost = (n: number): void => {
      n * 2
    }
    const codes = await warningsOf(async () => {
      await collect(numbers.pipe(ops.nothing).aggregate(2).build())
      await collect(
        numbers
          .to(workers({ count: 1 }))
          .pipe(ops.nothing)
          .pipe(ops.same)
          .build(),
      )
      const region = numbers
        .to(workers({ count: 1 }))
        .pipe(ops.nothing)
        .to(MAIN)
      await collect(region.aggregate(2).build())
      await collect(new DataLoader(range(200), { preprocess: lost, batchSize: 2 }))
    })
    assert.deepEqual(codes, Array(4).fill('SPINDLE_ALL_DROPPED'))
  })

  it('while an endless pipeline still runs', async () => {
    const controller = new AbortController()
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (;;) yield 1
      })
      .pipe((n) => {
        n * 2
      })
      .pipe((n) => n)
      .build({ signal: controller.signal })
    const codes = await warningsOf(async () => {
      process.once('warning', () => controller.abort(new Error('seen')))
      await collect(pipeline).catch(() => {})
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

describe('a source that can be iterated only once', () => {
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
        assert.match(error.message, /can be iterated only once/)
        return true
      })
    })
  }

  it('and was closed, likewise; one that cannot be closed goes on where it was', async () => {
    const closed = new PipelineBuilder().addSource(numbers())
    const first = closed.build()
    for await (const _ of first) break
    await first.stop()
    await assert.rejects(collect(closed.build()), /can be iterated only once/)
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

describe('what is no source', () => {
  const add = (source: unknown) => new PipelineBuilder().addSource(source as Source<number>)
  const load = (source: unknown) => new DataLoader(source as Source<number>)
  for (const [what, source, message] of [
    ['a string', 'photos', /must not be a string.*got 'photos'.*listFiles\(\)/],
    ['a Promise', Promise.resolve([1]), /got a Promise: await it/],
    ['a builder', new PipelineBuilder().addSource([1]), /got a PipelineBuilder: call build\(\)/],
    ['an object', { a: 1 }, /must be an iterable.*got object/],
  ] as const)
    it(`is refused at once, with what to do: ${what}`, () => {
      assert.throws(() => add(source), { code: 'ERR_BAD_SOURCE', message })
      assert.throws(() => load(source), { code: 'ERR_BAD_SOURCE', message })
    })

  it('is refused when a function returns it', async () => {
    for (const make of [() => 5, async () => 5])
      await assert.rejects(
        collect(add(make).build()),
        /the source must be an iterable.*the function returned number/,
      )
  })
})

describe('a source that an async function makes', () => {
  const list = async () => [1, 2, 3]
  const generator = async () =>
    (function* () {
      yield* [1, 2, 3]
    })()
  const seekable = async ({ epoch }: { epoch: number }) => ({
    size: 2,
    description: { kind: 'test' },
    iterateFrom: (_: number, ofEpoch: number) => [epoch, ofEpoch],
  })

  it('is awaited, for an iterable, an iterator and a seekable source', async () => {
    for (const make of [list, generator, async () => shuffled([1, 2, 3])])
      assert.deepEqual(
        (await collect(new PipelineBuilder().addSource<number>(make).build())).toSorted(),
        [1, 2, 3],
      )
  })

  it('is awaited in each epoch, and a seekable source hears the epoch', async () => {
    const loader = new DataLoader<number>(seekable as unknown as () => Promise<number[]>)
    assert.deepEqual(await collect(loader), [0, 0])
    assert.deepEqual(await collect(loader), [1, 1])
    const pipeline = new PipelineBuilder().addSource(list, { continuous: true }).build()
    assert.deepEqual(await collect(pipeline), [1, 2, 3])
    assert.deepEqual(await collect(pipeline), [1, 2, 3])
    await pipeline.stop()
  })

  it('fails the source if it rejects, or if its iterator has already ended', async () => {
    const refused = async (): Promise<number[]> => {
      throw new Error('no list')
    }
    const build = (make: () => Promise<Iterable<number>>) =>
      new PipelineBuilder().addSource(make).build()
    await assert.rejects(collect(build(refused)), /stage "source".*no list/)
    const made = await generator()
    assert.equal((await collect(build(async () => made))).length, 3)
    await assert.rejects(collect(build(async () => made)), /can be iterated only once/)
  })

  it('is closed once when the consumer stops, also before its first item', async () => {
    let closed = 0
    const make = async () =>
      (async function* () {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          closed++
        }
      })()
    for (const items of [0, 3]) {
      const pipeline = new PipelineBuilder().addSource(make).build()
      pipeline.start()
      for (let n = 0; n < items; n++) await pipeline.getItem()
      await pipeline.stop()
    }
    assert.ok(closed >= 1, String(closed))
  })

  it('can be resumed by seeking', async () => {
    const from = async ({ position }: { position: number }) => [1, 2, 3, 4].slice(position)
    const build = (state?: PipelineState) =>
      new PipelineBuilder()
        .addSource(from, { resume: 'seek' })
        .build({ resumable: true, ...(state === undefined ? {} : { state }) })
    const first = build()
    await first.getItem()
    await first.getItem()
    const state = first.state()
    await first.stop()
    assert.deepEqual(await collect(build(state)), [2, 3, 4])
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type ItemError, merge, type Pipeline, PipelineBuilder, type TaskOutcome } from 'spindle'
import { collect, collectFailure } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { bang, clean, nasty, nastyErrors, note, thenables } from '../../support/nasty.ts'
import { range } from '../../support/sources.ts'

const numbers = (count = 3) => new PipelineBuilder().addSource(range(count))
/** Every way of an op's result through a stage. */
const forms: Readonly<Record<string, object>> = {
  plain: {},
  'in input order': { outputOrder: 'input', concurrency: 2 },
  'with attempts': { retry: { retries: 1, minDelayMs: 1 } },
  'with a limit': { timeoutMs: 10_000 },
  'with a bound in bytes': { maxBytes: 1 },
  'with a rate': { maxFailures: { rate: 0.9 } },
}

describe('values that run code when they are touched', () => {
  before(() => process.on('uncaughtException', note).on('unhandledRejection', note))
  after(() => process.off('uncaughtException', note).off('unhandledRejection', note))

  it('go through a stage of any form as data, those that cannot be awaited', async () => {
    for (const [name, make] of Object.entries(nasty)) {
      for (const [form, options] of Object.entries(forms)) {
        const values = await collect(
          numbers()
            .pipe((n) => (n === 1 ? make() : n), options)
            .pipe((value) => (typeof value === 'number' ? value : 'nasty'))
            .build({ maxFailures: 0 }),
        )
        assert.deepEqual(values.toSorted(), [0, 2, 'nasty'], `${name}, ${form}`)
      }
      clean(name)
    }
  })

  it('go through sources, generators, routers, aggregates and merge ops as data', async () => {
    for (const [name, make] of Object.entries(nasty)) {
      const count = (pipeline: Pipeline<unknown>): Promise<number> =>
        collect(pipeline).then((items) => items.length)
      assert.equal(
        await count(new PipelineBuilder().addSource([1, make(), 3]).build()),
        3,
        `${name}, source`,
      )
      const generator = numbers().pipe(function* (n): Generator<unknown> {
        yield n === 1 ? make() : n
      })
      assert.equal(await count(generator.build()), 3, `${name}, generator`)
      const batches = new PipelineBuilder().addSource([1, make(), 3, 4]).aggregate(2)
      assert.equal(await count(batches.build()), 2, `${name}, aggregate`)
      assert.equal(await count(batches.disaggregate().build()), 4, `${name}, disaggregate`)
      const routed = new PipelineBuilder()
        .addSource([1, make(), 3])
        .pathVariants(() => 0, [(path) => path.pipe((value) => value)])
      assert.equal(await count(routed.build()), 3, `${name}, variants`)
      const merged = merge(numbers(), { op: (): unknown[] => [1, make()] })
      assert.equal(await count(merged.build()), 2, `${name}, merge op`)
      const { failure } = await collectFailure(
        numbers()
          .pathVariants(() => make() as number, [(path) => path.pipe((value) => value)])
          .build(),
      )
      assert.match(failure.message, /the router must return the index of a path/, name)
      clean(name)
    }
  })

  it('are counted for `maxBytes` with what can be read of them, and as much when they leave', async () => {
    let reads = 0
    const growing = Object.defineProperty({}, 'bytes', {
      get: () => new Uint8Array(1000 * ++reads),
      enumerable: true,
    })
    const pipeline = new PipelineBuilder()
      .addSource([growing, nasty['a getter that throws']?.(), nasty['a strict Proxy']?.(), growing])
      .pipe((value) => value, { maxBytes: 1500, buffer: 4 })
      .build()
    pipeline.start()
    await turns(5)
    assert.equal((await collect(pipeline)).length, 4)
    assert.equal(pipeline.stats().stages[1]?.queue.bytes ?? 0, 0)
    clean('bytes')
  })

  it('fail the item whose op threw them, and no other, in every form', async () => {
    for (const [name, make] of Object.entries(nastyErrors)) {
      for (const [form, options] of Object.entries(forms)) {
        const failed: ItemError[] = []
        const pipeline = numbers()
          .pipe(
            async (n) => {
              if (n === 1) throw make()
              return n
            },
            { maxFailures: 1, ...options },
          )
          .build({
            onItemError: (failure) => failed.push(failure),
            logger: { warn: () => {}, error: () => {} },
          })
        assert.deepEqual((await collect(pipeline)).toSorted(), [0, 2], `${name}, ${form}`)
        assert.deepEqual(
          failed.map(({ index }) => index),
          [1],
          `${name}, ${form}`,
        )
        assert.equal(typeof String(pipeline.report()), 'string')
      }
      clean(name)
    }
  })

  it('fail the pipeline with a message where no budget covers them: ops, sources, generators, routers, aggregators, merge ops', async () => {
    for (const [name, make] of Object.entries(nastyErrors)) {
      const fail = (): never => {
        throw make()
      }
      const pipelines: Record<string, Pipeline<unknown>> = {
        op: numbers().pipe(fail).build(),
        'async op': numbers()
          .pipe(async () => fail())
          .build(),
        source: new PipelineBuilder().addSource(() => ({ next: fail })).build(),
        'async source': new PipelineBuilder()
          .addSource(() => ({ next: async () => fail() }) as never)
          .build(),
        generator: numbers()
          .pipe(function* (): Generator<unknown> {
            yield 1
            fail()
          })
          .build(),
        'yielded promise': numbers()
          .pipe(function* (): Generator<unknown> {
            yield Promise.reject(make())
          })
          .build(),
        router: numbers()
          .pathVariants(fail, [(path) => path.pipe((value) => value)])
          .build(),
        aggregator: numbers()
          .aggregate(() => ({ accumulate: fail, flush: () => undefined }))
          .build(),
        'merge op': merge(numbers(), { op: () => [Promise.reject(make())] }).build(),
      }
      for (const [place, pipeline] of Object.entries(pipelines)) {
        const { failure } = await collectFailure(pipeline)
        assert.equal(failure.errors.length, 1, `${name}, ${place}`)
        assert.match(failure.message, /^stage "/, `${name}, ${place}`)
      }
      clean(name)
    }
  })

  it('that are thenables are awaited once, whatever their `then` does, in every place', async () => {
    for (const [name, { make, fails }] of Object.entries(thenables)) {
      const places: Record<string, Pipeline<unknown>> = {
        source: new PipelineBuilder().addSource([make()]).build(),
        'next()': new PipelineBuilder()
          .addSource(() => {
            let isOver = false
            return {
              next() {
                const step = make() as { then?: unknown }
                const value = isOver ? { done: true, value: undefined } : { done: false, value: 1 }
                isOver = true
                return fails || name.startsWith('a subclass')
                  ? step
                  : { then: (ok: (step: unknown) => void) => [ok(value), ok(value)] }
              },
            } as never
          })
          .build(),
        generator: numbers(1)
          .pipe(function* (): Generator<unknown> {
            yield make()
          })
          .build(),
        router: numbers(1)
          .pathVariants(
            () => make() as never,
            [(path) => path.pipe((value) => value), (path) => path.pipe(() => 1)],
          )
          .build(),
        'merge op': merge(numbers(1), { op: () => [make()] }).build(),
      }
      for (const [form, options] of Object.entries(forms))
        places[form] = numbers(1)
          .pipe(() => make(), options)
          .build()
      for (const [place, pipeline] of Object.entries(places)) {
        if (place === 'next()' && name.startsWith('a subclass')) continue
        if (fails && place === 'with a rate') assert.deepEqual(await collect(pipeline), [], name)
        else if (fails)
          await assert.rejects(
            collect(pipeline),
            { code: 'ERR_PIPELINE_FAILED' },
            `${name}, ${place}`,
          )
        else assert.deepEqual(await collect(pipeline), [1], `${name}, ${place}`)
      }
      const consumed = numbers(2)
        .build()
        .forEach(() => make())
      if (fails) await assert.rejects(consumed, `${name}, forEach`)
      else await consumed
      clean(name)
    }
  })

  it('that are no iterator results fail the source, the generator or the merge op that gave them', async () => {
    const steps: Record<string, unknown> = {
      undefined: undefined,
      null: null,
      number: 7,
      'done that throws': Object.defineProperty({}, 'done', { get: bang }),
      'value that throws': Object.defineProperty({ done: false }, 'value', { get: bang }),
    }
    for (const [name, step] of Object.entries(steps)) {
      for (const isAsync of [false, true]) {
        const next = (): any => (isAsync ? Promise.resolve(step) : step)
        const iterator = { next, return: () => 7, throw: bang, [Symbol.iterator]: () => iterator }
        const pipelines: Record<string, Pipeline<unknown>> = {
          source: new PipelineBuilder().addSource(() => iterator as never).build(),
          generator: numbers()
            .pipe(() => iterator)
            .build(),
          'generator with attempts': numbers()
            .pipe(() => iterator, { retry: 1 })
            .build(),
          'merge op': merge(numbers(), { op: () => iterator as never }).build(),
        }
        for (const [place, pipeline] of Object.entries(pipelines)) {
          const { failure } = await collectFailure(pipeline)
          assert.match(failure.message, /iterator result|: read/, `${name}, ${place}`)
        }
      }
      clean(name)
    }
  })

  it('close what they came from: a generator, source or merge op that gave a rejected promise runs its clean-up', async () => {
    const closed: string[] = []
    const gives = function* (place: string): Generator<unknown> {
      try {
        yield Promise.reject(new Error('bad'))
      } finally {
        closed.push(place)
      }
    }
    await collectFailure(new PipelineBuilder().addSource(() => gives('source')).build())
    await collectFailure(
      numbers(1)
        .pipe(() => gives('generator'))
        .build(),
    )
    await collectFailure(merge(numbers(), { op: () => gives('merge op') }).build())
    assert.deepEqual(closed, ['source', 'generator', 'merge op'])
    clean('closed')
  })

  it('end nothing when a `return` throws, is rejected, gives no object or cannot be read', async () => {
    const returns: Record<string, PropertyDescriptor> = {
      throws: { value: bang },
      rejects: { value: () => Promise.reject(new Error('late')) },
      'no object': { value: () => 7 },
      getter: { get: bang },
      thenable: { value: () => ({ then: bang }) },
    }
    for (const [name, descriptor] of Object.entries(returns)) {
      const iterator = (): any => {
        const made = {
          next: () => ({ done: false, value: 1 }),
          throw: bang,
          [Symbol.iterator]: () => made,
        }
        return Object.defineProperty(made, 'return', descriptor)
      }
      const pipelines: Record<string, Pipeline<unknown>> = {
        source: new PipelineBuilder().addSource(iterator).build(),
        generator: numbers()
          .pipe(() => iterator())
          .build(),
        'merge op': merge(numbers(), { op: iterator }).build(),
      }
      for (const [place, pipeline] of Object.entries(pipelines)) {
        // What cannot be read is no generator, but data.
        const first = await pipeline.getItem()
        if (first.done !== true) await pipeline.stop()
        await pipeline.done
        assert.ok(place)
      }
      clean(name)
    }
  })

  it('disturb no pipeline that waits for the same turn', async () => {
    const burn = (): void => {
      for (const end = performance.now() + 0.5; performance.now() < end; );
    }
    const bad = Object.values(nasty).map((make) =>
      collect(
        numbers(25)
          .pipe((n) => {
            burn()
            return n === 15 ? make() : n
          })
          .build(),
      ),
    )
    const good = collect(
      numbers(25)
        .pipe((n) => {
          burn()
          return n
        })
        .build(),
    )
    assert.equal((await good).length, 25)
    for (const items of await Promise.all(bad)) assert.equal(items.length, 25)
    clean('turn')
  })

  it('fail a batched router or path that gives an array that cannot be read', async () => {
    const unreadable = new Proxy([0, 0], { get: bang })
    for (const [router, path] of [
      [() => unreadable, (batch: unknown) => batch],
      [() => [0, 0], () => unreadable],
    ] as any[]) {
      const pipeline = numbers(4)
        .aggregate(2)
        .pathVariants(router, [(p: any) => p.pipe(path)], { batched: true })
        .build()
      const { failure } = await collectFailure(pipeline)
      assert.match(failure.message, /: read/)
    }
    clean('batched')
  })

  it('thrown as `undefined` or null are failures for hooks, statistics and budgets', async () => {
    for (const thrown of [undefined, null, 0, '']) {
      const bodies: Record<string, (n: number) => unknown> = {
        plain: () => {
          throw thrown
        },
        async: () => Promise.reject(thrown),
        generator: function* () {
          yield 1
          throw thrown
        },
        'async generator': async function* () {
          yield 1
          throw thrown
        },
      }
      for (const [form, body] of Object.entries(bodies)) {
        const outcomes: TaskOutcome[] = []
        const ends: unknown[] = []
        const pipeline = numbers(2)
          .pipe(body)
          .build({
            hooks: [
              {
                onTaskEnd: (_, outcome) => void outcomes.push(outcome),
                onStageEnd: (_, error) => void ends.push(error),
              },
            ],
          })
        await collectFailure(pipeline)
        assert.equal(outcomes[0]?.ok, false, `${form} ${thrown}`)
        assert.equal(outcomes[0]?.error, thrown)
        assert.equal(ends.length, 1)
        assert.notEqual(ends[0], undefined, `${form} ${thrown}`)
        assert.equal(pipeline.stats().stages[1]?.failures, 1)
      }
      const source = new PipelineBuilder().addSource(() => ({
        next() {
          throw thrown
        },
      }))
      const { failure } = await collectFailure(source.build())
      assert.equal(failure.errors[0]?.cause, thrown)
    }
  })

  it('a hook that fails on the end of a task is told once', async () => {
    for (const value of [1, undefined]) {
      let told = 0
      const pipeline = numbers(1)
        .pipe(() => value)
        .build({
          maxFailures: 1,
          hooks: [
            {
              onTaskEnd() {
                told++
                throw new Error('hook')
              },
            },
          ],
        })
      assert.deepEqual(await collect(pipeline), [])
      assert.equal(told, 1)
    }
  })
})

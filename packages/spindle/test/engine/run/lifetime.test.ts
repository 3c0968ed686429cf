import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { merge, type Pipeline, PipelineBuilder, PipelineFailure } from 'spindle'
import { collect, collectFailure, take } from '../../support/consume.ts'
import { deferred, never, turns, until, untilAborted } from '../../support/gates.ts'
import { range, watchedGenerator, watchedSources } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

describe('the source is closed exactly once', () => {
  const waysOut: Record<string, (pipeline: Pipeline<number>) => Promise<unknown>> = {
    'by its end': collect,
    'after break, by stop': async (pipeline) => {
      await take(pipeline, 3)
      await pipeline.stop()
    },
    'after break, by draining': async (pipeline) => {
      await take(pipeline, 3)
      await pipeline.stop({ mode: 'drain' })
      await collect(pipeline)
    },
    'after break, by discarding': async (pipeline) => {
      await take(pipeline, 3)
      await pipeline.stop({ mode: 'discard' })
    },
    'by several stops at once': async (pipeline) => {
      await pipeline.getItem()
      await Promise.all([
        pipeline.stop({ mode: 'drain' }),
        pipeline.stop({ mode: 'discard' }),
        pipeline.stop(),
      ])
    },
    'by leaving an await using block': async (pipeline) => {
      await using held = pipeline
      await take(held, 3)
    },
    'by a stop while somebody iterates': async (pipeline) => {
      let seen = 0
      for await (const _ of pipeline) if (++seen === 3) await pipeline.stop({ timeoutMs: 50 })
    },
  }
  for (const [kind, watched] of Object.entries(watchedSources)) {
    for (const [way, leave] of Object.entries(waysOut)) {
      it(`${kind}, ${way}`, async () => {
        const { source, watch } = watched(40)
        const pipeline = new PipelineBuilder()
          .addSource<number>(source)
          .pipe(async (value) => value, { concurrency: 3 })
          .build()
        await leave(pipeline)
        await turns(10)
        assert.equal(watch.opens, 1)
        assert.equal(watch.closes, 1)
        assert.ok(watch.returns <= 1)
        const { pulls } = watch
        await turns(10)
        assert.equal(watch.pulls, pulls)
      })
    }

    it(`${kind}, by the failure of a stage`, async () => {
      const { source, watch } = watched(Number.POSITIVE_INFINITY)
      const pipeline = new PipelineBuilder()
        .addSource<number>(source)
        .pipe(async (value) => {
          if (value === 5) throw new Error('five')
          return value
        })
        .build()
      await collectFailure(pipeline)
      await turns(10)
      assert.equal(watch.closes, 1)
    })

    it(`${kind}, by an abort`, async () => {
      const controller = new AbortController()
      const { source, watch } = watched(Number.POSITIVE_INFINITY)
      const pipeline = new PipelineBuilder()
        .addSource<number>(source)
        .pipe(async (value) => value)
        .build({ signal: controller.signal })
      await take(pipeline, 3)
      controller.abort()
      await pipeline.done.catch(() => {})
      await turns(10)
      assert.equal(watch.closes, 1)
    })
  }

  it('and not at all when it was never opened', async () => {
    const { source, watch } = watchedGenerator(3)
    const pipeline = new PipelineBuilder().addSource(source).build()
    await pipeline.stop()
    assert.deepEqual({ opens: watch.opens, closes: watch.closes }, { opens: 0, closes: 0 })
  })

  it('each of a merge, when the consumer leaves', async () => {
    const sources = range(3).map(() => watchedGenerator(Number.POSITIVE_INFINITY))
    const pipeline = merge(
      ...sources.map(({ source }) => new PipelineBuilder().addSource(source)),
    ).build()
    await take(pipeline, 10)
    await pipeline.stop()
    assert.deepEqual(
      sources.map(({ watch }) => watch.closes),
      [1, 1, 1],
    )
  })
})

describe('build({ signal })', () => {
  const reason = new Error('changed my mind')

  it('rejects with the very reason: whoever consumes, and done', async () => {
    const controller = new AbortController()
    const pipeline = numbers(5)
      .pipe((_, context): Promise<number> => untilAborted(context.signal), { concurrency: 2 })
      .build({ signal: controller.signal })
    const waiting = [
      pipeline.getItem(),
      collect(pipeline),
      pipeline.forEach(() => {}),
      collect(pipeline.chunks()),
      pipeline.iterate().next(),
    ]
    const outcomes = Promise.allSettled(waiting)
    await turns(5)
    controller.abort(reason)
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected')
      assert.equal(outcome.reason, reason)
    }
    await assert.rejects(pipeline.done, (error) => error === reason)
  })

  it('rejects whoever comes later too', async () => {
    const controller = new AbortController()
    const pipeline = numbers(50)
      .pipe(async (value) => value)
      .build({ signal: controller.signal })
    await take(pipeline, 2)
    controller.abort(reason)
    await assert.rejects(collect(pipeline), (error) => error === reason)
  })

  it('passes the reason on to the ops', async () => {
    const controller = new AbortController()
    let seen: unknown
    const pipeline = numbers(1)
      .pipe(
        (_, context): Promise<number> =>
          untilAborted(context.signal).catch((error: unknown) => {
            seen = error
            throw error
          }),
      )
      .build({ signal: controller.signal })
    pipeline.start()
    await turns(5)
    controller.abort(reason)
    await assert.rejects(pipeline.done, (error) => error === reason)
    await until(() => seen !== undefined)
    assert.equal(seen, reason)
  })

  it('takes a reason that is no error, and the default one', async () => {
    for (const given of ['enough', undefined]) {
      const controller = new AbortController()
      const pipeline = numbers(5).build({ signal: controller.signal })
      pipeline.start()
      controller.abort(given)
      await assert.rejects(pipeline.done, (error) => error === controller.signal.reason)
    }
  })

  it('opens no source when it was aborted before', async () => {
    const { source, watch } = watchedGenerator(3)
    const pipeline = new PipelineBuilder()
      .addSource(source)
      .build({ signal: AbortSignal.abort(reason) })
    await assert.rejects(collect(pipeline), (error) => error === reason)
    await assert.rejects(pipeline.done, (error) => error === reason)
    assert.equal(watch.opens, 0)
  })

  it('changes nothing when it aborts after the end', async () => {
    const controller = new AbortController()
    const pipeline = numbers(3).build({ signal: controller.signal })
    assert.deepEqual(await collect(pipeline), [0, 1, 2])
    await pipeline.done
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
    controller.abort(reason)
    assert.deepEqual(await pipeline.getItem(), { done: true, value: undefined })
    await pipeline.done
  })

  it('does not wait for calls that ignore it', async () => {
    const controller = new AbortController()
    const pipeline = numbers(3)
      .pipe(() => never<number>())
      .build({ signal: controller.signal })
    const item = pipeline.getItem()
    const outcome = assert.rejects(item, (error) => error === reason)
    await turns(5)
    controller.abort(reason)
    await outcome
    await assert.rejects(pipeline.done, (error) => error === reason)
  })

  it('is no unhandled rejection when nobody looks', async () => {
    const unhandled: unknown[] = []
    const listener = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', listener)
    try {
      const controller = new AbortController()
      const pipeline = numbers(100).build({ signal: controller.signal })
      await take(pipeline, 1)
      controller.abort(reason)
      await turns(20)
    } finally {
      process.off('unhandledRejection', listener)
    }
    assert.deepEqual(unhandled, [])
  })
})

describe('await using', () => {
  it('stops the pipeline at the end of the block', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    let kept: Pipeline<number>
    {
      await using pipeline = new PipelineBuilder().addSource(source).build()
      kept = pipeline
      assert.deepEqual(await take(pipeline, 3), [0, 1, 2])
      assert.equal(watch.closes, 0)
    }
    assert.equal(watch.closes, 1)
    await kept.done
  })

  it('leaves at most what the sink held: one more item with a sink of one', async () => {
    let kept: Pipeline<number>
    {
      await using pipeline = new PipelineBuilder()
        .addSource(watchedGenerator(Number.POSITIVE_INFINITY).source)
        .addSink(1)
        .build()
      kept = pipeline
      for (const value of range(5))
        assert.deepEqual(await pipeline.getItem(), { done: false, value })
      await turns(20)
    }
    assert.deepEqual(await kept.getItem(), { done: false, value: 5 })
    for (let again = 0; again < 3; again++) {
      assert.deepEqual(await kept.getItem(), { done: true, value: undefined })
    }
  })

  it('is fine when the pipeline has ended, or failed, or was never used', async () => {
    {
      await using pipeline = numbers(3).build()
      assert.deepEqual(await collect(pipeline), [0, 1, 2])
    }
    {
      await using pipeline = numbers(3)
        .pipe((): number => {
          throw new Error('no')
        })
        .build()
      await assert.rejects(collect(pipeline), PipelineFailure)
    }
    {
      await using _pipeline = numbers(3).build()
    }
  })
})

describe('a pipeline that nobody holds', () => {
  it('is stopped: its source is closed', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    assert.ok(globalThis.gc, 'run with --expose-gc')
    await (async () => {
      const pipeline = new PipelineBuilder()
        .addSource(source)
        .pipe(async (value) => value, { concurrency: 2 })
        .build()
      await take(pipeline, 3)
    })()
    await until(() => {
      globalThis.gc?.()
      return watch.closes === 1
    }, 'the closing of the source')
  })

  it('is not stopped while an iterator of it is held', async () => {
    const gate = deferred()
    const { source, watch } = watchedGenerator(10)
    const iterator = await (async () => {
      const pipeline = new PipelineBuilder()
        .addSource(source)
        .pipe(async (value) => {
          if (value === 5) await gate.promise
          return value
        })
        .build()
      return pipeline[Symbol.asyncIterator]()
    })()
    const items = [(await iterator.next()).value]
    for (let round = 0; round < 10; round++) {
      globalThis.gc?.()
      await turns(2)
    }
    gate.resolve()
    for (let item = await iterator.next(); !item.done; item = await iterator.next())
      items.push(item.value)
    assert.deepEqual(items, range(10))
    assert.equal(watch.closes, 1)
  })
})

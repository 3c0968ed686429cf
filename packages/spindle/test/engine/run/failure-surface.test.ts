import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { merge, PipelineBuilder, PipelineFailure, SpindleError, StageFailure } from 'spindle'
import { toReadable, toReadableStream } from 'spindle/interop'
import { collect, collectFailure } from '../../support/consume.ts'
import { deferred, settled, turns, until, untilAborted } from '../../support/gates.ts'
import { range, watchedGenerator } from '../../support/sources.ts'

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

function failAt(bad: number, error: Error = new TypeError(`cannot ${bad}`)) {
  return async function check(value: number): Promise<number> {
    if (value === bad) throw error
    return value
  }
}

describe('PipelineFailure', () => {
  it('is an aggregate of stage failures, each with stage, item and cause', async () => {
    const error = new TypeError('bad pixel')
    const { items, failure } = await collectFailure(
      numbers(10).pipe(failAt(4, error), { name: 'decode' }).build(),
    )
    assert.deepEqual(items, [0, 1, 2, 3])
    assert.ok(failure instanceof AggregateError)
    assert.ok(failure instanceof PipelineFailure)
    assert.equal(failure.name, 'PipelineFailure')
    assert.equal(failure.code, 'ERR_PIPELINE_FAILED')
    assert.equal(failure.errors.length, 1)
    const [stage] = failure.errors
    assert.ok(stage instanceof StageFailure)
    assert.ok(stage instanceof SpindleError)
    assert.equal(stage.code, 'ERR_STAGE_FAILED')
    assert.equal(stage.stage, 'decode')
    assert.equal(stage.index, 4)
    assert.equal(stage.failures, 1)
    assert.equal(stage.cause, error)
    assert.deepEqual(
      stage.recent.map((item) => [item.stage, item.index, item.item, item.error]),
      [['decode', 4, 4, error]],
    )
  })

  it('says in its message which stage failed, where, on which item and why', async () => {
    const { failure } = await collectFailure(
      numbers(10).pipe(failAt(4), { name: 'decode' }).build(),
    )
    assert.match(failure.message, /decode/)
    assert.match(failure.message, /failure-surface\.test\.ts:\d+/)
    assert.match(failure.message, /\b4\b/)
    assert.match(failure.message, /cannot 4/)
  })

  it('can be narrowed to the failures one cares for', async () => {
    const { failure } = await collectFailure(numbers(3).pipe(failAt(1)).build())
    const kept = failure.filter((each) => each.cause instanceof TypeError)
    assert.ok(kept instanceof PipelineFailure)
    assert.equal(kept.errors.length, 1)
    assert.equal(
      failure.filter((each) => each.cause instanceof RangeError),
      undefined,
    )
  })

  it('keeps what was thrown though it is no Error', async () => {
    const pipeline = numbers(1)
      .pipe((): number => {
        throw 'a string'
      })
      .build()
    const { failure } = await collectFailure(pipeline)
    assert.equal(failure.errors[0]?.cause, 'a string')
  })
})

describe('a failure reaches the consumer', () => {
  it('after the last good item; the iterator that has thrown stays ended, and everything new rejects with the same error', async () => {
    const pipeline = numbers(10).pipe(failAt(2)).build()
    const iterator = pipeline[Symbol.asyncIterator]()
    assert.deepEqual(await iterator.next(), { done: false, value: 0 })
    assert.deepEqual(await iterator.next(), { done: false, value: 1 })
    const failure = await iterator.next().catch((error: unknown) => error)
    assert.ok(failure instanceof PipelineFailure)
    const isSame = (error: unknown) => error === failure
    assert.deepEqual(await iterator.next(), { done: true, value: undefined })
    for (let again = 0; again < 2; again++) {
      await assert.rejects(pipeline.getItem(), isSame)
      await assert.rejects(collect(pipeline), isSame)
      await assert.rejects(collect(pipeline.chunks()), isSame)
      await assert.rejects(collect(pipeline.iterate({ timeoutMs: 60_000 })), isSame)
      await assert.rejects(
        pipeline.forEach(() => assert.fail('there is no item')),
        isSame,
      )
      await assert.rejects(pipeline.done, isSame)
      await pipeline.stop()
    }
  })

  it('that is one of several, whatever they consume by', async () => {
    const gate = deferred()
    const pipeline = numbers(10)
      .pipe(async (value) => {
        if (value < 5) return value
        await gate.promise
        throw new Error('late')
      })
      .build()
    const got: unknown[] = []
    const keep = (item: unknown) => void got.push(item)
    const consume = async (items: AsyncIterable<unknown>) => {
      for await (const item of items) keep(item)
    }
    const consumers = Promise.allSettled([
      consume(pipeline),
      consume(pipeline),
      pipeline.forEach(keep),
      pipeline.forEach(keep),
      consume(pipeline.chunks()),
      consume(pipeline.chunks()),
    ])
    await until(() => got.flat().length === 5)
    gate.resolve()
    const failure = await pipeline.done.catch((error: unknown) => error)
    assert.ok(failure instanceof PipelineFailure)
    for (const outcome of await consumers)
      assert.equal(outcome.status === 'rejected' && outcome.reason, failure)
  })

  it('that asks ahead by one iterator: one call throws, the others find that it has ended', async () => {
    const pipeline = numbers(3).pipe(failAt(1)).build()
    const iterator = pipeline[Symbol.asyncIterator]()
    const asked = await Promise.allSettled([1, 2, 3, 4].map(() => iterator.next()))
    assert.deepEqual(
      asked.map((outcome) => (outcome.status === 'rejected' ? 'thrown' : outcome.value.done)),
      [false, 'thrown', true, true],
    )
  })

  it('that was stopped before it asked', async () => {
    const pipeline = numbers(5).pipe(failAt(1)).build()
    pipeline.start()
    await until(() => pipeline.stats().stages[1]?.failures === 1)
    await pipeline.stop()
    const failure = await pipeline.done.catch((error: unknown) => error)
    assert.ok(failure instanceof PipelineFailure)
    const { items, failure: heard } = await collectFailure(pipeline)
    assert.deepEqual(items, [0])
    assert.equal(heard, failure)
  })

  it('that is another pipeline, as the failure of its source', async () => {
    const inner = numbers(5).pipe(failAt(2)).build()
    const { failure } = await collectFailure(inner)
    for (let again = 0; again < 2; again++) {
      const outer = await collectFailure(new PipelineBuilder().addSource(inner).build())
      assert.equal(outer.failure.errors[0]?.cause, failure)
    }
  })

  it('that is a stream, made before or after', async () => {
    const pipeline = numbers(5).pipe(failAt(2)).build()
    const failure = await toReadable(pipeline)
      .toArray()
      .catch((error: unknown) => error)
    assert.ok(failure instanceof PipelineFailure)
    await assert.rejects(toReadable(pipeline).toArray(), (error) => error === failure)
    await assert.rejects(collect(toReadableStream(pipeline)), (error) => error === failure)
  })

  it('through for await, forEach, chunks and getItem alike, and done rejects with the same error', async () => {
    const ways: Record<
      string,
      (pipeline: ReturnType<typeof build>, got: number[]) => Promise<void>
    > = {
      'for await': async (pipeline, got) => {
        for await (const item of pipeline) got.push(item)
      },
      forEach: (pipeline, got) => pipeline.forEach((item) => void got.push(item)),
      chunks: async (pipeline, got) => {
        for await (const chunk of pipeline.chunks()) got.push(...chunk)
      },
      iterate: async (pipeline, got) => {
        for await (const item of pipeline.iterate({ timeoutMs: 60_000 })) got.push(item)
      },
      getItem: async (pipeline, got) => {
        for (let item = await pipeline.getItem(); !item.done; item = await pipeline.getItem())
          got.push(item.value)
      },
    }
    const build = () => numbers(10).pipe(failAt(5)).build()
    for (const [way, consume] of Object.entries(ways)) {
      const pipeline = build()
      const got: number[] = []
      const thrown = await consume(pipeline, got).then(
        () => assert.fail(`${way} did not throw`),
        (error: unknown) => error,
      )
      assert.deepEqual(got, [0, 1, 2, 3, 4], way)
      assert.ok(thrown instanceof PipelineFailure, way)
      await assert.rejects(pipeline.done, (error) => error === thrown, way)
      assert.equal((await collectFailure(pipeline)).failure, thrown, way)
    }
  })

  it('that waits for an item already', async () => {
    const gate = deferred()
    const pipeline = numbers(1)
      .pipe(async (): Promise<number> => {
        await gate.promise
        throw new Error('late')
      })
      .build()
    const waiting = [pipeline.getItem(), pipeline.getItem(), pipeline.getItem()]
    const outcomes = Promise.allSettled(waiting)
    await turns(5)
    gate.resolve()
    const settledOnes = await outcomes
    const failure = await pipeline.done.catch((error: unknown) => error)
    assert.ok(failure instanceof PipelineFailure)
    for (const outcome of settledOnes)
      assert.equal(outcome.status === 'rejected' && outcome.reason, failure)
  })

  it('does not become an unhandled rejection when nobody looks at done', async () => {
    const unhandled: unknown[] = []
    const listener = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', listener)
    try {
      const pipeline = numbers(3).pipe(failAt(1)).build()
      await collectFailure(pipeline)
      await turns(20)
    } finally {
      process.off('unhandledRejection', listener)
    }
    assert.deepEqual(unhandled, [])
  })

  it('also when the stage failed while the queues were full and nobody consumed', async () => {
    const pipeline = numbers(100)
      .pipe(failAt(6), { buffer: 1 })
      .pipe(async (value) => value, { buffer: 1 })
      .addSink(1)
      .build()
    assert.deepEqual(await pipeline.getItem(), { done: false, value: 0 })
    await settled(() => JSON.stringify(pipeline.stats().stages.map((stage) => stage.emitted)))
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [1, 2, 3, 4, 5])
    assert.equal(failure.errors[0]?.index, 6)
  })

  it('and is not made worse by a stop afterwards', async () => {
    const pipeline = numbers(3).pipe(failAt(1)).build()
    const { failure } = await collectFailure(pipeline)
    await pipeline.stop()
    await pipeline.stop({ mode: 'drain' })
    await assert.rejects(pipeline.done, (error) => error === failure)
  })

  it('without hiding what the consumer itself threw', async () => {
    const own = new Error('of the consumer')
    await assert.rejects(
      async () => {
        await using pipeline = numbers(100).pipe(failAt(5)).build()
        for await (const item of pipeline) if (item === 2) throw own
      },
      (error) => error === own,
    )
  })
})

describe('when a stage fails', () => {
  it('what is before it is stopped: source closed, signals aborted, queued items discarded and counted', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    let aborted = 0
    const pipeline = new PipelineBuilder()
      .addSource(source)
      .pipe(
        async (value, context) => {
          if (value < 3) return value
          return untilAborted(context.signal).finally(() => aborted++)
        },
        { concurrency: 2, name: 'before' },
      )
      .pipe(
        async (value) => {
          await until(() => watch.pulls > 6)
          await settled(() => watch.pulls)
          if (value === 1) throw new Error('fatal')
          return value
        },
        { name: 'failing' },
      )
      .build()
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [0])
    assert.deepEqual(
      failure.errors.map((each) => each.stage),
      ['failing'],
      'those that were stopped did not fail',
    )
    assert.equal(aborted, 2)
    assert.equal(watch.closes, 1)
    const { stages } = pipeline.stats()
    const discarded = stages.reduce((sum, stage) => sum + stage.queue.discarded, 0)
    // Of what was pulled, two items reached the failing stage, and two were in calls that were
    // aborted.
    assert.ok(
      discarded >= watch.pulls - 5 && discarded <= watch.pulls - 2,
      `${discarded} of ${watch.pulls} discarded`,
    )
    const pulls = watch.pulls
    await turns(20)
    assert.equal(watch.pulls, pulls)
  })

  it('what is after it finishes what it has', async () => {
    const gate = deferred()
    const pipeline = numbers(10)
      .pipe(failAt(3))
      .pipe(async (value) => {
        await gate.promise
        return value * 10
      })
      .build()
    const outcome = collectFailure(pipeline)
    await turns(20)
    gate.resolve()
    assert.deepEqual((await outcome).items, [0, 10, 20])
  })

  it('another branch of a merge goes on to its end', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const failing = new PipelineBuilder().addSource(source).pipe(failAt(2), { name: 'left' })
    const healthy = numbers(50).pipe(async (value) => value + 1000, { name: 'right' })
    const { items, failure } = await collectFailure(merge(failing, healthy).build())
    assert.deepEqual(
      items.sort((a, b) => a - b),
      [0, 1, ...range(50, 1000)],
    )
    assert.deepEqual(
      failure.errors.map((each) => each.stage),
      ['left'],
    )
    assert.equal(watch.closes, 1)
  })

  it('and others fail too, each is reported, in the order of the stages', async () => {
    const branches = range(12).map((branch) =>
      numbers(5).pipe(branch % 2 === 0 ? failAt(3) : failAt(-1), { name: `branch ${branch}` }),
    )
    const { items, failure } = await collectFailure(merge(...branches).build())
    assert.equal(items.length, 6 * 3 + 6 * 5)
    assert.deepEqual(
      failure.errors.map((each) => each.stage),
      [0, 2, 4, 6, 8, 10].map((branch) => `branch ${branch}`),
    )
  })

  it('the join of several branches, all of them are stopped, and none is reported', async () => {
    const sources = range(3).map(() => watchedGenerator(Number.POSITIVE_INFINITY))
    const branches = sources.map(({ source }) =>
      new PipelineBuilder().addSource(source).pipe((value) => value),
    )
    const pipeline = merge(...branches)
      .pipe(
        (): number => {
          throw new Error('join')
        },
        { name: 'join' },
      )
      .build()
    const { items, failure } = await collectFailure(pipeline)
    assert.deepEqual(items, [])
    assert.deepEqual(
      failure.errors.map((each) => each.stage),
      ['join'],
    )
    assert.deepEqual(
      sources.map(({ watch }) => watch.closes),
      sources.map(({ watch }) => watch.opens),
    )
  })

  it('it does so at once, not when the next item comes', async () => {
    const gate = deferred()
    let closed = false
    const pipeline = new PipelineBuilder()
      .addSource(async function* () {
        try {
          yield 0
          await gate.promise
          yield 1
        } finally {
          closed = true
        }
      })
      .pipe(failAt(0), { concurrency: 4 })
      .build()
    await assert.rejects(pipeline.getItem(), PipelineFailure)
    gate.resolve()
    await until(() => closed)
  })
})

describe('a pipeline’s failure, printed', () => {
  it('is short: what happened and where, the cause with the user’s frames, where the rest is; no contents of items', async () => {
    const items = Array.from({ length: 20 }, (_, i) => ({ i, text: `secret ${'x'.repeat(1000)}` }))
    const load = ({ i }: { i: number }) => {
      if (i > 2) throw new TypeError('bad header')
      return i
    }
    const pipeline = new PipelineBuilder().addSource(items).pipe(load).build({ maxFailures: 5 })
    const failure = await pipeline
      .forEach(() => {})
      .then(
        () => undefined,
        (error: PipelineFailure) => error,
      )
    const text = inspect(failure)
    assert.match(
      text,
      /^PipelineFailure \[ERR_PIPELINE_FAILED\]: stage "load" \(.*\) failed on item 8: bad header, .*\n {4}at stage "load" \(/,
    )
    assert.match(text, /\[cause\]: TypeError: bad header\n.*failure-surface\.test\.ts/)
    assert.ok(text.split('\n').length < 12, text)
    const [stage] = (failure as PipelineFailure).errors
    for (const printed of [
      text,
      inspect(stage),
      inspect(failure, { customInspect: false }),
      JSON.stringify(failure),
    ])
      assert.doesNotMatch(printed, /secret/)
    assert.equal(stage?.recent.length, 6)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { collect, rejectsCode, take, throwsCode } from '../../support/consume.ts'
import { deferred, Gates, never, settled, turns, until, untilAborted } from '../../support/gates.ts'
import { range, watchedGenerator } from '../../support/sources.ts'

const endless = () => {
  const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
  return { watch, builder: new PipelineBuilder().addSource(source) }
}
const modes = ['drain', 'discard', 'abort'] as const
const ended = { done: true, value: undefined }

describe('stop, in every mode', () => {
  for (const mode of modes) {
    it(`'${mode}' ends the stream and resolves done`, async () => {
      const { watch, builder } = endless()
      const pipeline = builder.pipe(async (value) => value, { concurrency: 2 }).build()
      assert.deepEqual(await take(pipeline, 3), [0, 1, 2])
      await pipeline.stop({ mode })
      assert.equal(watch.closes, 1)
      const rest = await collect(pipeline)
      assert.deepEqual(rest, range(rest.length, 3), 'what could still be taken is what came next')
      await pipeline.done
      assert.deepEqual(await pipeline.getItem(), ended)
    })

    it(`'${mode}' may be called any number of times: before, during and after the run`, async () => {
      const early = numbers(3).build()
      await early.stop({ mode })
      await early.stop({ mode })
      assert.deepEqual(await collect(early), [])
      await early.done

      const { watch, builder } = endless()
      const running = builder.pipe(async (value) => value).build()
      await running.getItem()
      await Promise.all([running.stop({ mode }), running.stop({ mode }), running.stop()])
      await running.stop({ mode })
      assert.equal(watch.closes, 1)

      const over = numbers(3).build()
      await collect(over)
      await over.stop({ mode })
      await over.done
    })

    it(`'${mode}' answers those who wait for an item`, async () => {
      const pipeline = new PipelineBuilder()
        .addSource(async function* () {
          yield 1
          await never()
        })
        .build()
      assert.deepEqual(await pipeline.getItem(), { done: false, value: 1 })
      const waiting = Promise.all([
        pipeline.getItem(),
        collect(pipeline),
        pipeline.forEach(() => {}),
      ])
      await turns(5)
      const stopped = pipeline.stop({ mode, timeoutMs: 20 }).catch((error: unknown) => error)
      assert.deepEqual((await waiting).slice(0, 2), [ended, []])
      await stopped
    })

    it(`'${mode}' leaves what is in the queue of the sink`, async () => {
      const { builder } = endless()
      const pipeline = builder.addSink(4).build()
      pipeline.start()
      await settled(() => pipeline.stats().stages.at(-1)?.queue?.items)
      await pipeline.stop({ mode })
      const left = await collect(pipeline)
      assert.ok(left.length >= 4, `${left.length} items of at least four`)
      if (mode !== 'drain') assert.ok(left.length <= 5, `${left.length} items of four places`)
      assert.deepEqual(left, range(left.length))
    })

    it(`'${mode}' is refused nothing by a source that waits`, async () => {
      let closes = 0
      const pipeline = new PipelineBuilder()
        .addSource({
          [Symbol.asyncIterator]: () => ({
            next: () => never<IteratorResult<number>>(),
            async return() {
              closes++
              return { done: true as const, value: undefined }
            },
          }),
        })
        .build()
      const item = pipeline.getItem()
      await turns(3)
      await pipeline.stop({ mode, timeoutMs: 20 }).catch(() => {})
      assert.deepEqual(await item, ended)
      assert.equal(closes, 1)
    })

    it(`'${mode}' settles though the source never finishes its closing`, async () => {
      const pipeline = new PipelineBuilder()
        .addSource({
          [Symbol.asyncIterator]: () => ({
            next: async () => ({ done: false as const, value: 1 }),
            return: () => never<IteratorResult<number>>(),
          }),
        })
        .build()
      await take(pipeline, 2)
      await pipeline.stop({ mode, timeoutMs: 20 }).catch(() => {})
    })
  }

  it('takes no longer than it must: nothing is polled', async () => {
    for (const mode of modes) {
      const { builder } = endless()
      const pipeline = builder.pipe(async (value) => value, { concurrency: 4 }).build()
      await take(pipeline, 20)
      const begun = performance.now()
      await pipeline.stop({ mode })
      const took = performance.now() - begun
      assert.ok(took < 80, `'${mode}' took ${took} ms with nothing in flight`)
    }
  })

  it('refuses modes and limits that there are not', async () => {
    const wrong = [{ mode: 'gently' as 'drain' }, { timeoutMs: -1 }, { timeoutMs: Number.NaN }]
    for (const options of wrong) {
      await rejectsCode((async () => numbers(1).build().stop(options))(), 'ERR_BAD_OPTION')
    }
  })
})

const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

describe("stop({ mode: 'drain' })", () => {
  it('brings what was pulled to the consumer, all of it', async () => {
    const { watch, builder } = endless()
    const pipeline = builder
      .pipe(async (value) => value, { concurrency: 3, outputOrder: 'input' })
      .pipe((value) => value * 2)
      .aggregate(4)
      .build()
    const items = (await take(pipeline, 2)).flat()
    const stopped = pipeline.stop({ mode: 'drain' })
    items.push(...(await collect(pipeline)).flat())
    await stopped
    assert.deepEqual(
      items,
      range(watch.pulls).map((value) => value * 2),
    )
    await pipeline.done
  })

  it('settles when nobody consumes, and everything can still be taken', async () => {
    const { watch, builder } = endless()
    const pipeline = builder.pipe(async (value) => value, { concurrency: 3, buffer: 4 }).build()
    pipeline.start()
    await settled(() => watch.pulls)
    await pipeline.stop({ mode: 'drain' })
    const items = await collect(pipeline)
    assert.deepEqual(
      items.sort((a, b) => a - b),
      range(watch.pulls),
    )
  })

  it('waits for the calls in flight, without a limit of its own, and aborts nothing', async () => {
    const gate = deferred()
    let signal: AbortSignal | undefined
    const pipeline = numbers(1)
      .pipe(async (value, context) => {
        signal = context.signal
        await gate.promise
        return value
      })
      .build()
    const item = pipeline.getItem()
    await until(() => signal !== undefined)
    let isStopped = false
    const stopped = pipeline.stop({ mode: 'drain' }).then(() => {
      isStopped = true
    })
    await turns(20)
    assert.equal(isStopped, false)
    assert.equal(signal?.aborted, false)
    gate.resolve()
    await stopped
    assert.deepEqual(await item, { done: false, value: 0 })
  })
})

describe("stop({ mode: 'discard' })", () => {
  it('lets calls in flight end undisturbed, and throws their results away', async () => {
    const gates = new Gates<number>()
    let finished = 0
    let aborted = 0
    const { builder } = endless()
    const pipeline = builder
      .pipe(
        async (value, context) => {
          context.signal.addEventListener('abort', () => aborted++)
          await gates.wait(value)
          finished++
          return value
        },
        { concurrency: 3 },
      )
      .build()
    const item = pipeline.getItem()
    await until(() => gates.waiting.length === 3)
    const stopped = pipeline.stop({ mode: 'discard' })
    await turns(5)
    gates.open(0, 1, 2)
    await stopped
    assert.equal(finished, 3)
    assert.deepEqual(await item, ended)
    assert.deepEqual(await collect(pipeline), [])
    assert.equal(aborted, 0)
  })

  it('starts no further call', async () => {
    const gates = new Gates<number>()
    let begun = 0
    const { builder } = endless()
    const pipeline = builder
      .pipe(async (value) => {
        begun++
        await gates.wait(value)
        return value
      })
      .build()
    pipeline.start()
    await until(() => gates.waiting.length === 1)
    const stopped = pipeline.stop({ mode: 'discard' })
    gates.open(...range(20))
    await stopped
    await turns(10)
    assert.equal(begun, 1)
  })
})

describe("stop({ mode: 'abort' })", () => {
  it('is what stop does when not told', async () => {
    let reason: unknown
    const pipeline = numbers(1)
      .pipe((_, context) =>
        untilAborted(context.signal).finally(() => (reason = context.signal.reason)),
      )
      .build()
    const item = pipeline.getItem()
    await turns(5)
    await pipeline.stop()
    assert.ok(reason !== undefined, 'the signal was aborted')
    assert.deepEqual(await item, ended)
    await pipeline.done
  })

  it('waits for the calls it aborted', async () => {
    let cleaned = false
    const pipeline = numbers(1)
      .pipe(async (value, context) => {
        await untilAborted(context.signal).catch(() => turns(10))
        cleaned = true
        return value
      })
      .build()
    pipeline.start()
    await turns(5)
    await pipeline.stop()
    assert.equal(cleaned, true)
  })

  it('does not take the rejections it caused for failures', async () => {
    const heard: unknown[] = []
    const pipeline = numbers(10)
      .pipe((_, context): Promise<number> => untilAborted(context.signal), { concurrency: 4 })
      .build({ onItemError: (failed) => heard.push(failed) })
    pipeline.start()
    await turns(5)
    await pipeline.stop()
    await pipeline.done
    assert.deepEqual(heard, [])
    assert.deepEqual(await collect(pipeline), [])
  })

  it('cuts queued items off: their ops are not called', async () => {
    let begun = 0
    const { builder } = endless()
    const pipeline = builder
      .pipe((_, context): Promise<number> => {
        begun++
        return untilAborted(context.signal)
      })
      .build()
    pipeline.start()
    await turns(5)
    await pipeline.stop()
    await turns(5)
    assert.equal(begun, 1)
  })
})

describe('stop while a call never ends', () => {
  const stuck = () =>
    numbers(5)
      .pipe((value) => value, { name: 'quick' })
      .pipe(() => never<number>(), { name: 'stuck', concurrency: 2 })
      .build()

  it("lets go after the limit in mode 'abort'", async () => {
    const pipeline = stuck()
    const item = pipeline.getItem()
    await turns(5)
    await pipeline.stop({ timeoutMs: 20 })
    assert.deepEqual(await item, ended)
    await pipeline.done
  })

  it("lets go after a second by default in mode 'abort'", async () => {
    const pipeline = stuck()
    pipeline.start()
    await turns(5)
    const begun = performance.now()
    await pipeline.stop()
    const took = performance.now() - begun
    assert.ok(took > 900 && took < 5000, `${took} ms`)
  })

  for (const mode of ['drain', 'discard'] as const) {
    it(`aborts and rejects after the limit in mode '${mode}', naming the stage`, async () => {
      let aborted = 0
      const pipeline = numbers(5)
        .pipe((value) => value, { name: 'quick' })
        .pipe(
          (_, context) => {
            context.signal.addEventListener('abort', () => aborted++)
            return never<number>()
          },
          { name: 'stuck' },
        )
        .build()
      pipeline.start()
      await turns(5)
      await rejectsCode(pipeline.stop({ mode, timeoutMs: 20 }), 'ERR_TIMEOUT', /stuck/)
      assert.equal(aborted, 1)
      assert.deepEqual(await collect(pipeline), [])
      await pipeline.stop({ timeoutMs: 20 })
    })
  }

  it('refuses to start afterwards', async () => {
    const pipeline = stuck()
    await pipeline.stop()
    throwsCode(() => pipeline.start(), /^ERR_/)
  })
})

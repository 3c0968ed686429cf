import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  currentCall,
  limitCalls,
  MAIN,
  PipelineBuilder,
  runPipelineInWorker,
  type StageStats,
  trackCall,
  workerModule,
  workers,
} from 'spindle'
import { makeCallScope } from '../../src/engine/flow/call-scopes.ts'
import { graphOf } from '../../src/engine/run/pipeline.ts'
import { deferred, turns } from '../support/gates.ts'
import { range } from '../support/sources.ts'
import type * as Measured from './fixtures/measured.ts'
import {
  inOneThread,
  pause,
  WAIT_MS,
  WORK_MS,
  waitsFirst,
  waitsLater,
} from './fixtures/measured.ts'

const href = import.meta.resolve('./fixtures/measured.js')
const ops = workerModule<typeof Measured>(href)
const ITEMS = 20
const source = (items = ITEMS) => new PipelineBuilder().addSource(range(items))

async function stageOf(builder: PipelineBuilder<unknown>, name = 'waits'): Promise<StageStats> {
  const pipeline = builder.build()
  await pipeline.forEach(() => {})
  return pipeline.stats().stages.find((stage) => stage.name === name) as StageStats
}

/** Until the first call has ended one in 16 is timed. */
const UNTIMED = 3

/** Each call waited for that long. */
function assertWaited(stage: StageStats, calls: number, waitMs = WAIT_MS): void {
  assert.ok(stage.sums.queuedTasks >= calls - UNTIMED, `${stage.sums.queuedTasks} calls`)
  // Timers may fire a fraction of a millisecond early.
  assert.ok(stage.queuedMs >= waitMs - 1, `${stage.queuedMs} ms`)
  assert.ok(stage.sums.waitedMs >= (calls - UNTIMED) * (waitMs - 1), `${stage.sums.waitedMs} ms`)
  assert.ok(stage.shares.queued > 0)
}

describe('a call that reports when its work begins has waited before', () => {
  const options = { concurrency: 4, name: 'waits' } as const

  it('in an op of its own', async () => {
    const stage = await stageOf(source().pipe(waitsFirst, options))
    assertWaited(stage, ITEMS)
    assert.ok(stage.meanMs >= WORK_MS - 1, `works ${stage.meanMs} ms`)
  })

  it('in each of several calls of one op', async () => {
    const stage = await stageOf(
      source().pipe(async (n: number) => (await waitsFirst(n)) + (await waitsFirst(n)), options),
    )
    // The first call's op has asked for the second one after an `await`: that is learnt from the
    // first items.
    const learning = 2 * options.concurrency
    assert.ok(
      stage.sums.waitedMs >= (2 * ITEMS - learning) * (WAIT_MS - 1),
      `${stage.sums.waitedMs} ms`,
    )
  })

  it('in calls at once: while all of them wait', async () => {
    const stage = await stageOf(
      source().pipe((n: number) => Promise.all([waitsFirst(n), waitsFirst(n)]), options),
    )
    assertWaited(stage, ITEMS)
  })

  it('after an await', async () => {
    const stage = await stageOf(source(60).pipe(waitsLater, options))
    assert.ok(
      stage.sums.queuedTasks >= 60 - 2 * options.concurrency,
      `${stage.sums.queuedTasks} tasks`,
    )
  })

  it('after an await, while the loop guard keeps the calls of each stage apart', async () => {
    for (const attempts of [{}, { retry: { retries: 1 } }]) {
      const pipeline = source(60)
        .pipe(waitsLater, { ...options, ...attempts })
        .build()
      for (const stage of graphOf(pipeline as never).stages)
        stage.keepScope(makeCallScope(stage.mark), makeCallScope(stage.hookMark))
      await pipeline.forEach(() => {})
      const tasks = pipeline.stats().stages[1]?.sums.queuedTasks ?? 0
      assert.ok(tasks >= 60 - 2 * options.concurrency, `${tasks} tasks`)
    }
  })

  it('in a generator', async () => {
    const op = async function* (n: number) {
      yield await waitsFirst(n)
    }
    const stage = await stageOf(source().pipe(op, options))
    assert.ok(stage.sums.waitedMs >= (ITEMS - UNTIMED) * (WAIT_MS - 1), `${stage.sums.waitedMs} ms`)
  })

  it('in attempts with a limit', async () => {
    const attempts = { ...options, retry: { retries: 1 }, timeoutMs: 60_000 }
    assertWaited(await stageOf(source().pipe(waitsFirst, attempts)), ITEMS)
  })

  it('in a region', async () => {
    const inRegion = source()
      .to(workers({ count: 1 }))
      .pipe(ops.waitsFirst, options)
      .to(MAIN)
    assertWaited(await stageOf(inRegion), ITEMS)
  })

  it('in a pipeline that runs elsewhere', async () => {
    await using pipeline = runPipelineInWorker<number>(href, { export: 'waitingFirst' })
    for await (const _ of pipeline);
    const { stages } = await pipeline.stats()
    assertWaited(stages.find(({ name }) => name === 'waits') as StageStats, ITEMS)
  })
})

describe('a call that does not report', () => {
  it('waits for nothing beside others that do', async () => {
    const op = async (n: number) => (n % 2 === 0 ? waitsFirst(n) : pause(WAIT_MS).then(() => n))
    const stage = await stageOf(source().pipe(op, { concurrency: 1, name: 'waits' }))
    const calls = ITEMS / 2 - UNTIMED
    const half = calls * (WAIT_MS - 1)
    const works = calls * (WAIT_MS + WORK_MS - 2)
    assert.ok(stage.sums.waitedMs >= half && stage.sums.busyMs >= works, JSON.stringify(stage.sums))
    // Ten that waited and ten, or all but the first, that did not.
    assert.ok(Math.abs(stage.sums.queuedTasks - ITEMS) <= 1, `${stage.sums.queuedTasks} tasks`)
  })

  it('waits for nothing when it failed before its work began, from then on', async () => {
    const op = async (n: number) => {
      await trackCall(async () => {
        throw new Error('no thread')
      }).catch(() => {})
      await pause(WAIT_MS)
      return n
    }
    const stage = await stageOf(source().pipe(op, { concurrency: 2, name: 'waits' }))
    assert.ok(stage.sums.busyMs >= ITEMS * (WAIT_MS - 1))
  })
})

describe('calls in flight', () => {
  it('are seen to wait, and then to work', async () => {
    const [begin, end] = [deferred(), deferred()]
    const op = (n: number) =>
      trackCall(async (begins) => {
        await begin.promise
        begins()
        await end.promise
        return n
      })
    const pipeline = source(1).pipe(op, { name: 'waits' }).build()
    const done = pipeline.forEach(() => {})
    await turns(3)
    await pause(5)
    const sums = () => (pipeline.stats().stages[1] as StageStats).sums
    const waiting = sums()
    assert.ok(waiting.waitedMs > waiting.busyMs, `${waiting.waitedMs} of ${waiting.busyMs}`)
    begin.resolve()
    // A timer counts from the beginning of its turn, in which reading the figures has taken a
    // while.
    await pause(20)
    const working = sums()
    assert.ok(working.busyMs >= waiting.busyMs + 4, `${working.busyMs} after ${waiting.busyMs}`)
    end.resolve()
    await done
  })
})

describe('waiting for a worker', () => {
  it('is no work in attempts, whether they have a limit or not', async () => {
    for (const options of [{ retry: { retries: 1 } }, { timeoutMs: 60_000 }, {}]) {
      // The first calls wait for their worker to start: that takes longer than all the work.
      const stage = await stageOf(
        source(4).pipe(ops.passes, { ...options, concurrency: 4, name: 'waits' }),
      )
      const { waitedMs, busyMs } = stage.sums
      assert.ok(
        waitedMs > busyMs,
        `${JSON.stringify(options)}: waits ${waitedMs} ms, works ${busyMs} ms`,
      )
    }
  })
})

describe('trackCall() and currentCall()', () => {
  it('only call their function outside of a pipeline, and say that nobody listens', () => {
    assert.deepEqual(
      trackCall((begins, isWanted) => [typeof begins, isWanted]),
      ['function', false],
    )
    assert.equal(
      currentCall().track((begins) => begins()),
      undefined,
    )
  })

  it('pass on what the function throws, and what its promise comes to', async () => {
    const op = async (n: number) => {
      const fails = trackCall(async () => {
        throw new RangeError('far')
      })
      await assert.rejects(fails, RangeError)
      assert.throws(
        () =>
          trackCall(() => {
            throw new TypeError('at once')
          }),
        TypeError,
      )
      return n
    }
    const stage = await stageOf(source(3).pipe(op, { name: 'waits' }))
    assert.equal(stage.emitted, 3)
  })
})

describe('limitCalls()', () => {
  it('lets so many run at a time, in order, and a failed one makes room', async () => {
    const limited = limitCalls(2)
    const gates = range(5).map(() => deferred())
    const begun: number[] = []
    const results = gates.map((gate, i) =>
      limited(async () => {
        begun.push(i)
        await gate.promise
        return i
      }),
    )
    const outcomes = Promise.allSettled(results)
    await turns(2)
    assert.deepEqual(begun, [0, 1])
    gates[1]?.reject(new Error('bad'))
    await turns(2)
    assert.deepEqual(begun, [0, 1, 2])
    for (const gate of gates) gate.resolve()
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
    )
    assert.deepEqual(begun, range(5))
  })

  it('reports what waits: more concurrency than threads is no more work', async () => {
    const stage = await stageOf(source(40).pipe(inOneThread, { concurrency: 8, name: 'waits' }))
    // Seven of eight wait while one works.
    assert.ok(stage.shares.queued > stage.shares.running, JSON.stringify(stage.shares))
  })

  it('refuses numbers that are none', () => {
    for (const limit of [0, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => limitCalls(limit), { code: 'ERR_BAD_OPTION' })
  })
})

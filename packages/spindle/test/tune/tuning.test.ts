import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAIN, type Pipeline, PipelineBuilder, ThreadPool, workers } from 'spindle'
import { graphOf } from '../../src/engine/run/pipeline.ts'
import { confirmed } from '../../src/tuning/confirmed.ts'
import { collect } from '../support/consume.ts'
import { deferred, until } from '../support/gates.ts'
import { range } from '../support/sources.ts'
import { ops } from '../workers/calls/support.ts'
import { places, take } from '../workers/pipelines/support.ts'
import { byNumber, kinds, ops as regionOps } from '../workers/regions/support.ts'

const build = (concurrency: unknown, options = {}) =>
  new PipelineBuilder()
    .addSource(range(10))
    .pipe(async (n) => n, { name: 'stage', concurrency: concurrency as 'auto' })
    .build(options)

const rangeOf = (pipeline: Pipeline<number>) =>
  graphOf(pipeline as Pipeline<never>).stages[1]?.range

describe('what is tuned', () => {
  it("is a stage with 'auto' or a range, without any other option", async () => {
    assert.deepEqual(rangeOf(build('auto')), { min: 1, max: 256 })
    assert.deepEqual(rangeOf(build({ min: 2, max: 9 })), { min: 2, max: 9 })
    assert.deepEqual(rangeOf(build({ min: 300 })), { min: 300, max: 300 })
    assert.equal(rangeOf(build(8)), undefined)
    const pipeline = build({ min: 6, max: 6 })
    await collect(pipeline)
    assert.deepEqual(pipeline.tuning(), { moves: [], options: { stage: { concurrency: 6 } } })
    assert.deepEqual(pipeline.report().tuning, pipeline.tuning())
  })

  it('is any stage of a pipeline that is built with `tune`, and none of one that is built with `off`', () => {
    assert.deepEqual(rangeOf(build(8, { tune: 'once' })), { min: 1, max: 256 })
    assert.deepEqual(rangeOf(build(300, { tune: { mode: 'continuous' } })), { min: 1, max: 300 })
    assert.equal(rangeOf(build('auto', { tune: 'off' })), undefined)
    assert.deepEqual(build('auto', { tune: 'off' }).tuning(), { moves: [], options: {} })
  })

  it('is a pool with a range, or any pool of a pipeline that is built with `tune`', async () => {
    for (const [size, tune, isTuned] of [
      [{ min: 1, max: 2 }, undefined, true],
      [2, 'continuous', true],
      [2, undefined, false],
      [1, 'continuous', false],
    ] as const) {
      await using pool = new ThreadPool({ size })
      const pipeline = new PipelineBuilder()
        .addSource(range(4))
        .pipe(ops.double, { executor: pool, concurrency: 'auto' })
        .build(tune === undefined ? {} : { tune })
      await collect(pipeline)
      const { executor } = pipeline.tuning().options.double ?? {}
      assert.deepEqual(executor, isTuned ? { size: 2 } : undefined)
    }
  })

  it('keeps no process alive, and ends with the pipeline', async () => {
    const gate = deferred<number>()
    const pipeline = new PipelineBuilder()
      .addSource(range(2))
      .pipe(() => gate.promise, { concurrency: 'auto' })
      .build()
    const first = pipeline.getItem()
    gate.resolve(7)
    assert.equal((await first).value, 7)
    await pipeline.stop()
    assert.deepEqual(Object.keys(pipeline.tuning().options).length, 1)
  })
})

describe('wrong options of tuning', () => {
  const fails = (make: () => unknown, message: RegExp) =>
    assert.throws(make, { code: 'ERR_BAD_OPTION', message })

  it('say what was expected and what was given', () => {
    fails(
      () => build('fast'),
      /`concurrency` must be an integer >= 1, 'auto' or \{ min, max \}, got 'fast'/,
    )
    fails(() => build(0), /`concurrency` must be an integer >= 1.*got 0/)
    fails(() => build({ min: 0 }), /`concurrency.min` must be an integer >= 1, got 0/)
    fails(
      () => build({ min: 5, max: 4 }),
      /`concurrency.max` must be an integer >= `min`, which is 5, got 4/,
    )
    fails(() => build({ least: 1 }), /unknown option `least`|`least`/)
    fails(
      () => build(1, { tune: true }),
      /`tune` must be 'off' or 'once' or 'continuous', got true/,
    )
    fails(() => build(1, { tune: { mode: 'on' } }), /`tune.mode` must be .*got 'on'/)
    fails(
      () => build(1, { tune: { maxMemoryBytes: 0 } }),
      /`tune.maxMemoryBytes` must be an integer >= 1, got 0/,
    )
  })
})

describe('elsewhere', () => {
  it('a pipeline in a thread or a process is tuned there, and its handle tells what was tuned', async () => {
    for (const place of places) {
      await using remote = place.run('counted', { build: { tune: 'continuous' } })
      assert.deepEqual(await take(remote, 'for await', 3), [0, 1, 2])
      const { options, moves } = await remote.tuning()
      assert.deepEqual(moves, [])
      assert.ok(Object.values(options).every(({ concurrency = 0 }) => concurrency >= 1))
      assert.deepEqual((await remote.report()).tuning, { options, moves })
    }
  })

  it('the stages of a region are tuned in its workers, while it works', async () => {
    for (const kind of kinds) {
      const pipeline = new PipelineBuilder()
        .addSource(range(400))
        .to(workers({ count: 2, kind }))
        .pipe(regionOps.late, { name: 'late', concurrency: { min: 1, max: 8 } })
        .to(MAIN)
        .build()
      const stage = graphOf(pipeline as Pipeline<never>).stages.find(
        ({ info }) => info.name === 'late',
      )
      assert.ok(stage !== undefined)
      const given: number[] = []
      for await (const item of pipeline) {
        given.push(item as number)
        if (given.length % 20 === 0) stage.resize(2 * (1 + ((given.length / 20) % 8)))
      }
      assert.deepEqual(given.toSorted(byNumber), [...range(400)])
      assert.equal(
        pipeline.stats().stages.find(({ name }) => name === 'late')?.concurrency,
        stage.concurrency,
      )
      assert.ok(pipeline.tuning().options.late?.concurrency !== undefined)
    }
  })
})

describe('a last stage that gives nothing', () => {
  it('is tuned by its finished calls', { timeout: 60_000 }, async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) yield i
      })
      .pipe(() => new Promise<undefined>((resolve) => setTimeout(resolve, 20, undefined)), {
        name: 'write',
        concurrency: { min: 1, max: 64 },
      })
      .build()
    const consumed = pipeline.forEach(() => {}).catch(() => {})
    await until(
      () => pipeline.tuning().moves.some(({ outcome }) => outcome !== 'pending'),
      'a move',
    )
    const [move] = pipeline.tuning().moves
    assert.equal(move?.stage, 'write')
    assert.ok((move?.evidence.itemsPerSecBefore ?? 0) > 0)
    await pipeline.stop()
    await consumed
  })
})

describe('the options of a tuned pipeline', () => {
  it('are those that are confirmed: a number that is being measured counts as it was before', () => {
    const move = (option: 'concurrency' | 'workers' | 'buffer', from: number, to: number) =>
      ({
        atMs: 1,
        stage: 'a',
        option,
        from,
        to,
        reason: 'climb',
        outcome: 'pending',
        evidence: {},
      }) as const
    const now = { a: { concurrency: 12, buffer: 8, executor: { size: 4 } }, b: { concurrency: 3 } }
    const moves = [
      { ...move('concurrency', 2, 4), outcome: 'accepted' as const },
      move('concurrency', 4, 8),
      move('concurrency', 8, 12),
      move('workers', 2, 4),
      move('buffer', 2, 8),
    ]
    assert.deepEqual(confirmed(now, moves), {
      a: { concurrency: 4, buffer: 2, executor: { size: 2 } },
      b: { concurrency: 3 },
    })
    assert.deepEqual(confirmed(now, []), now)
  })
})

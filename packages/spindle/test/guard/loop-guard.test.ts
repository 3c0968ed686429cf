import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { resolve } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ThreadPool, workerModule, workers } from 'spindle'
import { PipelineBuilder } from '../../src/builder/builder.ts'
import type { Pipeline } from '../../src/engine/run/pipeline.ts'
import type { LoopBlock } from '../../src/engine/stats/loop-blocks.ts'
import type { BuildOptions, TaskHook } from '../../src/engine/types.ts'
import { sourceFile } from '../support/typescript.ts'
import type * as Ops from '../workers/calls/fixtures/ops.ts'
import { file, HELD_US, type Kind, kinds, lineOf, usage } from './blocking-code.ts'

const LIMIT_MS = 10_000

/** Consumes a pipeline that never ends until a block is there that is wanted. */
async function blockIn(
  pipeline: Pipeline<unknown>,
  isWanted: (block: LoopBlock) => boolean,
): Promise<LoopBlock> {
  const limit = performance.now() + LIMIT_MS
  try {
    for await (const _ of pipeline) {
      const found = pipeline.stats().blocks.find(isWanted)
      if (found !== undefined) return found
      if (performance.now() > limit) break
    }
  } finally {
    await pipeline.stop()
  }
  return assert.fail(`no such block; there are ${JSON.stringify(pipeline.stats().blocks)}`)
}

const quiet: BuildOptions = { logger: { warn: () => {}, error: () => {} } }

function checkPlace(block: LoopBlock, where: string, line: number): void {
  assert.equal(resolve(block.where?.replace(/:\d+$/, '') ?? ''), where)
  // On a loaded machine the question may come when the line is just done.
  const found = Number(block.where?.match(/:(\d+)$/)?.[1])
  assert.ok(found === line || found === line + 1, `line ${found}, not ${line}`)
}

describe('the loop guard', () => {
  for (const [kind, { build, held, ...more }] of Object.entries(kinds)) {
    it(`names a block in: ${kind}`, async () => {
      const { hooks } = more as { hooks?: readonly TaskHook[] }
      const pipeline = build().build({ ...quiet, ...(hooks === undefined ? {} : { hooks }) })
      const block = await blockIn(
        pipeline,
        (one) => one.stage === held.stage && one.stack.length > 0,
      )
      assert.equal(block.place, held.place)
      assert.equal(block.function, held.function)
      checkPlace(block, file, lineOf(kind as Kind))
      assert.ok(
        block.count >= 1 && block.longestMs >= 10 && block.totalMs >= block.longestMs - 0.001,
      )
    })
  }

  it('names a block in the consumer: of for await, and of forEach before and after an await', async () => {
    const begin = () =>
      new PipelineBuilder()
        .addSource(function* () {
          for (let i = 0; ; i++) yield i
        })
        .pipe(async (item: number) => item)
        .build(quiet)
    const here = sourceFile(import.meta.url)
    const isConsumers = (block: LoopBlock): boolean =>
      block.place === 'consumer' && block.stack.length > 0
    for (const isAfter of [false, true, undefined]) {
      const pipeline = begin()
      const limit = performance.now() + LIMIT_MS
      const hold = (): boolean => {
        for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage());
        return pipeline.stats().blocks.some(isConsumers) || performance.now() > limit
      }
      const consume = async (): Promise<void> => {
        if (isAfter === true) await delay(1)
        if (hold()) void pipeline.stop()
      }
      if (isAfter === undefined) for await (const _ of pipeline) if (hold()) break
      if (isAfter !== undefined) await pipeline.forEach(consume)
      await pipeline.stop()
      const block = pipeline.stats().blocks.find(isConsumers)
      assert.ok(block, JSON.stringify(pipeline.stats().blocks))
      assert.equal(block.stage, 'consumer')
      assert.equal(block.function, 'hold')
      assert.equal(resolve(block.where?.replace(/:\d+$/, '') ?? ''), here)
    }
  })

  it('attributes a block to the pipeline whose code it is, where two run at once', async () => {
    const blocking = kinds['op before await'].build().build(quiet)
    const other = new PipelineBuilder()
      .addSource(async function* () {
        for (let i = 0; ; i++) {
          await delay(1)
          yield i
        }
      })
      .pipe(async (item: number) => item, { name: 'innocent' })
      .build(quiet)
    const consuming = other.forEach(() => {})
    const block = await blockIn(blocking, ({ stage }) => stage === 'opBefore')
    assert.equal(block.place, 'stage')
    assert.deepEqual(
      other.stats().blocks.filter(({ stage }) => stage === 'opBefore'),
      [],
    )
    await other.stop()
    await consuming
  })

  it('says what the other stages lost', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) yield i
      })
      .pipe(
        async (item: number) => {
          await delay(5)
          return item
        },
        { name: 'fetch', concurrency: 4 },
      )
      .pipe(
        (item) => {
          for (
            let u = usage(), n = u;
            n.user + n.system - u.user - u.system < HELD_US;
            n = usage()
          );
          return item
        },
        { name: 'decode' },
      )
      .build(quiet)
    const block = await blockIn(pipeline, ({ stage, lostMs }) => stage === 'decode' && lostMs > 0)
    assert.ok(block.lostMs <= 4 * block.totalMs + 0.001, `${block.lostMs} of ${block.totalMs}`)
  })

  it('warns once a program and place, with the remedy that fits, and publishes each block', async () => {
    const warnings: string[] = []
    const published: unknown[] = []
    const hear = (message: unknown): void => {
      published.push(message)
    }
    const logger = { warn: (message: string) => warnings.push(message), error: () => {} }
    const remedies = {
      'op before await': /workerModule.*\.opBefore\./,
      source: /await something between its items/,
    }
    for (const [kind, remedy] of Object.entries(remedies)) {
      // Two pipelines of one builder: as of epochs.
      const builder = kinds[kind as 'source'].build(`warned of: ${kind}`)
      subscribe('spindle:loop:block', hear)
      for (let epoch = 0; epoch < 2; epoch++)
        await blockIn(builder.build({ logger }), ({ count, totalMs }) => count >= 5 && totalMs > 60)
      unsubscribe('spindle:loop:block', hear)
      const [warning = '', ...more] = warnings.splice(0)
      assert.deepEqual(more, [])
      assert.match(warning, /stage "warned of: [\w ]+".* blocked the event loop for \d+ ms in \w+/)
      assert.match(warning, /blocking-code\.ts:\d+/)
      assert.match(warning, remedy)
    }
    assert.ok(published.length >= 4)
    assert.deepEqual(Object.keys(published[0] as object), ['pipeline', 'at', 'beganAt', 'ms'])
  })

  it('names nothing shorter than the threshold', async () => {
    const pipeline = kinds['op before await']
      .build()
      .build({ ...quiet, loopGuard: { thresholdMs: 1000 } })
    let count = 0
    for await (const _ of pipeline) if (++count === 15) break
    await pipeline.stop()
    assert.deepEqual(pipeline.stats().blocks, [])
  })

  it('can be switched off', async () => {
    const pipeline = kinds['op before await'].build().build({ ...quiet, loopGuard: false })
    let count = 0
    for await (const _ of pipeline) if (++count === 15) break
    await pipeline.stop()
    assert.deepEqual(pipeline.stats().blocks, [])
  })

  it('says nothing of ops that hold a worker, be it of a pool or of a region: there they are meant to', async () => {
    const { burn } = workerModule<typeof Ops>(
      import.meta.resolve('../workers/calls/fixtures/ops.js'),
    )
    await using executor = new ThreadPool({ size: 1 })
    const source = new PipelineBuilder().addSource(Array.from({ length: 15 }, () => 25))
    for (const builder of [
      source.pipe(burn, { executor }),
      source.to(workers({ count: 1 })).pipe(burn),
    ]) {
      const pipeline = builder.build(quiet)
      await pipeline.forEach(() => {})
      const { blocks } = pipeline.stats()
      assert.deepEqual(
        blocks.filter(({ stage }) => stage === 'burn'),
        [],
      )
    }
  })

  it('refuses options that make no sense', () => {
    const build = (loopGuard: unknown) => () =>
      new PipelineBuilder().addSource([1]).build({ loopGuard } as BuildOptions)
    assert.throws(build(true), {
      code: 'ERR_BAD_OPTION',
      message: /`loopGuard` must be false or an object/,
    })
    assert.throws(build({ thresholdMs: 1 }), {
      code: 'ERR_BAD_OPTION',
      message: /loopGuard\.thresholdMs/,
    })
    assert.throws(build({ threshold: 1 }), { code: 'ERR_BAD_OPTION' })
  })
})

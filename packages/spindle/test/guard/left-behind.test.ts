import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { PipelineBuilder } from '../../src/builder/builder.ts'
import type { Pipeline } from '../../src/engine/run/pipeline.ts'
import type { LoopBlock } from '../../src/engine/stats/loop-blocks.ts'
import { type Held, hold, holdWaiting, places, ways } from './left-behind.ts'

const LIMIT_MS = 20_000
const quiet = { logger: { warn: () => {}, error: () => {} } }
/**
 * So often the place must have been found; what was counted before it was known whose it is has
 * been moved there by then.
 */
const FOUND = 4

/** Runs a pipeline that never ends until enough blocks of `hold` are found where they belong. */
async function blocksOf(pipeline: Pipeline<unknown>, isFound: (block: LoopBlock) => boolean) {
  const limit = performance.now() + LIMIT_MS
  const count = (): number =>
    pipeline
      .stats()
      .blocks.filter(isFound)
      .reduce((sum, block) => sum + block.count, 0)
  for await (const _ of pipeline) if (count() >= FOUND || performance.now() > limit) break
  await pipeline.stop()
  const { blocks } = pipeline.stats()
  // What its last calls have left behind is not to fall into the next one's time.
  await delay(2)
  return blocks
}

function check(
  blocks: readonly LoopBlock[],
  { stage, place, part }: Omit<Held, 'builder'>,
  name = 'hold',
): void {
  const held = blocks.filter((block) => block.function === name)
  const all = JSON.stringify(blocks)
  assert.ok(held.length > 0, all)
  for (const block of held)
    assert.deepEqual([block.place, block.part, block.stage], [place, part, stage], all)
}

const isIn =
  ({ stage, place, part }: Omit<Held, 'builder'>) =>
  (block: LoopBlock): boolean =>
    block.function.startsWith('hold') &&
    block.stage === stage &&
    block.place === place &&
    block.part === part

describe('the loop guard names the stage whose call began what holds the loop', () => {
  for (const [way, leave] of Object.entries(ways)) {
    it(`${way} of an op`, async () => {
      const held = places['an op']?.(leave) as Held
      check(await blocksOf(held.builder.build(quiet), isIn(held)), held)
    })
  }

  for (const [place, make] of Object.entries(places).slice(1)) {
    it(`setImmediate of ${place}`, async () => {
      const held = make(ways.setImmediate as never)
      check(await blocksOf(held.builder.build({ ...quiet, ...held.options }), isIn(held)), held)
    })
  }

  for (const [place, make] of Object.entries(places)) {
    it(`at once, in ${place}`, async () => {
      const held = make(async (call) => call())
      check(await blocksOf(held.builder.build({ ...quiet, ...held.options }), isIn(held)), held)
    })
  }

  it('code that waits without work: setImmediate of an op, as a native library does', async () => {
    const builder = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) yield i
      })
      .pipe((item: number) => ways.setImmediate?.(holdWaiting).then(() => item), { name: 'waits' })
      .pipe(async (item) => delay(1, item), { name: 'after' })
    const held = { stage: 'waits', place: 'stage', part: 'op' } as const
    check(await blocksOf(builder.build(quiet), isIn(held)), held, 'holdWaiting')
  })

  it('of two stages that share a function, each for its own', async () => {
    const shared = (item: number): Promise<number> =>
      Promise.resolve(ways.setImmediate?.(hold)).then(() => item)
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) yield i
      })
      .pipe(shared, { name: 'one' })
      .pipe(shared, { name: 'other' })
      .build(quiet)
    const seen = new Set<string>()
    const blocks = await blocksOf(pipeline, ({ stage, function: name }) => {
      if (name === 'hold') seen.add(String(stage))
      return seen.has('one') && seen.has('other')
    })
    assert.ok(seen.has('one') && seen.has('other'), JSON.stringify(blocks))
  })

  it('and leaves the async context of the user as it is', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen = new Set<string | undefined>()
    const look = (): void => void seen.add(storage.getStore())
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) {
          look()
          yield i
        }
      })
      .pipe(
        (item: number) => {
          look()
          return Promise.resolve(ways.setImmediate?.(hold))
            .then(look)
            .then(() => item)
        },
        { name: 'in a context' },
      )
      .pipe(function* (item: number) {
        look()
        yield item
      })
      .build(quiet)
    const isFound = (): boolean =>
      pipeline.stats().blocks.some(({ stage, count }) => stage === 'in a context' && count >= FOUND)
    const limit = performance.now() + LIMIT_MS
    await storage.run('pipeline', () => {
      pipeline.start()
    })
    await storage.run('consumer', () =>
      pipeline.forEach(() => {
        assert.equal(storage.getStore(), 'consumer')
        if (isFound() || performance.now() > limit) void pipeline.stop()
      }),
    )
    assert.ok(isFound(), JSON.stringify(pipeline.stats().blocks))
    assert.deepEqual([...seen], ['pipeline'])
  })

  it('and the consumer where none did: setImmediate of the loop that takes the items, also in a later epoch', async () => {
    for (let epoch = 0; epoch < 2; epoch++) {
      const pipeline = new PipelineBuilder()
        .addSource(function* () {
          for (let i = 0; ; i++) yield i
        })
        .pipe(async (item: number) => delay(1, item), { name: 'innocent' })
        .build(quiet)
      const limit = performance.now() + LIMIT_MS
      const isFound = (): boolean =>
        pipeline.stats().blocks.some(({ place, count }) => place === 'consumer' && count >= FOUND)
      for await (const _ of pipeline) {
        await ways.setImmediate?.(hold)
        if (isFound() || performance.now() > limit) break
      }
      await pipeline.stop()
      assert.ok(isFound(), JSON.stringify(pipeline.stats().blocks))
    }
  })

  it('and the consumer where none did: setImmediate after getItem', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) yield i
      })
      .pipe(async (item: number) => delay(1, item), { name: 'innocent' })
      .build(quiet)
    const limit = performance.now() + LIMIT_MS
    const isFound = (): boolean =>
      pipeline.stats().blocks.some(({ place, count }) => place === 'consumer' && count >= FOUND)
    while (!isFound() && performance.now() < limit) {
      await pipeline.getItem()
      await ways.setImmediate?.(hold)
    }
    await pipeline.stop()
    assert.ok(isFound(), JSON.stringify(pipeline.stats().blocks))
  })

  it('and the consumer where none did: setImmediate of forEach', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) yield i
      })
      .pipe(async (item: number) => delay(1, item), { name: 'innocent' })
      .build(quiet)
    const limit = performance.now() + LIMIT_MS
    await pipeline.forEach(async () => {
      await ways.setImmediate?.(hold)
      const found = pipeline.stats().blocks.filter(({ place }) => place === 'consumer')
      if (found.some(({ count }) => count >= FOUND) || performance.now() > limit)
        void pipeline.stop()
    })
    const { blocks } = pipeline.stats()
    assert.ok(
      blocks.some(({ place, function: name }) => place === 'consumer' && name === 'hold'),
      JSON.stringify(blocks),
    )
    assert.deepEqual(
      blocks.filter(({ place, function: name }) => place !== 'consumer' && name === 'hold'),
      [],
    )
  })
})

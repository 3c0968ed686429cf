import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAIN, merge, PipelineBuilder, type StageStats, workerModule, workers } from 'spindle'
import { range } from '../support/sources.ts'
import type * as Measured from './fixtures/measured.ts'
import { Pairs, passes, pause, twice } from './fixtures/measured.ts'

// A stage that has no room downstream is blocked, whatever kind of stage it is: not starved. The
// consumer here takes nothing for a while after the first item, and everything before it fills up
// at once.

const ops = workerModule<typeof Measured>(import.meta.resolve('./fixtures/measured.js'))
const source = () => new PipelineBuilder().addSource(range(200))
const STILL_MS = 150
/** Workers start one after the other. */
const WORKERS = 20

/** The figures of the stages for a time in which the consumer took nothing. */
async function whileStill(
  builder: PipelineBuilder<unknown>,
  looks = 3,
): Promise<readonly StageStats[]> {
  const pipeline = builder.build()
  await pipeline.getItem()
  // Until nothing has moved for some looks: then all is full.
  const moves = (): number =>
    pipeline.stats().stages.reduce((sum, { tasks, emitted }) => sum + tasks + emitted, 0)
  let last = moves()
  for (let quiet = 0; quiet < looks; quiet++) {
    await pause(20)
    const now = moves()
    if (now !== last) quiet = -1
    last = now
  }
  const before = pipeline.stats()
  await pause(STILL_MS)
  const after = pipeline.stats()
  await pipeline.stop()
  const elapsedMs = after.elapsedMs - before.elapsedMs
  return after.stages.map((stage, i) => {
    const blockedMs = stage.sums.blockedMs - (before.stages[i] as StageStats).sums.blockedMs
    return {
      ...stage,
      shares: { ...stage.shares, blocked: blockedMs / (elapsedMs * stage.concurrency) },
    }
  })
}

/** All stages of these names, and the source, were blocked all the time. */
function assertBlocked(stages: readonly StageStats[], ...names: string[]): void {
  for (const name of ['source', 'sink', ...names]) {
    const found = stages.filter((stage) => stage.name === name)
    assert.ok(found.length > 0, `no stage ${name}`)
    // The figures of a reading are not of one instant.
    for (const { shares } of found)
      assert.ok(shares.blocked > 0.8 && shares.blocked < 1.2, `${name}: blocked ${shares.blocked}`)
  }
}

describe('without room downstream a stage is blocked', () => {
  for (const outputOrder of ['completion', 'input'] as const) {
    it(`an op, in ${outputOrder} order`, async () => {
      const stages = await whileStill(
        source().pipe(passes, { name: 'op', concurrency: 3, outputOrder }),
      )
      assertBlocked(stages, 'op')
    })

    it(`a generator, in ${outputOrder} order`, async () => {
      const stages = await whileStill(
        source().pipe(twice, { name: 'op', concurrency: 3, outputOrder }),
      )
      assertBlocked(stages, 'op')
    })
  }

  it('an op whose results have no place in bytes', async () => {
    const options = { name: 'op', concurrency: 3, maxBytes: 2000 } as const
    const stages = await whileStill(source().pipe(async () => new Uint8Array(1000), options))
    assertBlocked(stages, 'op')
  })

  it('an op in worker threads', async () => {
    assertBlocked(
      await whileStill(source().pipe(ops.passes, { name: 'op', concurrency: 2 }), WORKERS),
      'op',
    )
  })

  it('an aggregate', async () => {
    assertBlocked(await whileStill(source().aggregate(2)), 'aggregate(2)')
    const stages = await whileStill(source().aggregate(() => new Pairs()))
    assertBlocked(stages, stages[1]?.name ?? '')
  })

  it('a router, its paths and their merge', async () => {
    const path = (builder: PipelineBuilder<number>) => builder.pipe(passes, { name: 'path' })
    const stages = await whileStill(
      source().pathVariants((n) => n % 2, [path, path], { name: 'route' }),
    )
    assertBlocked(stages, 'route', 'path', 'route_merge')
  })

  it('a router of batches, and where they are joined', async () => {
    const path = (builder: PipelineBuilder<number[]>) =>
      builder.pipe((part: number[]) => part, { name: 'path' })
    const batches = source().aggregate(2)
    const options = { batched: true, name: 'route' } as const
    const stages = await whileStill(
      batches.pathVariants((pair) => pair.map((n) => n % 2), [path, path], options),
    )
    assertBlocked(stages, 'aggregate(2)', 'route', 'route_merge')
  })

  it('a merge, and one by an op', async () => {
    assertBlocked(await whileStill(merge(source(), source(), { name: 'both' })), 'both')
    const op = async function* (inputs: readonly AsyncIterable<number>[]) {
      for (const input of inputs) yield* input
    }
    const stages = await whileStill(merge(source(), { op, name: 'both' }))
    assertBlocked(stages, 'both')
  })

  it('a region, and the last stage in it', async () => {
    const region = source()
      .to(workers({ count: 1 }))
      .pipe(ops.passes, { name: 'inner', concurrency: 2 })
      .to(MAIN)
    const stages = await whileStill(region, WORKERS)
    // What a worker counts it tells when something happens: that nothing does is known only here.
    assertBlocked(stages, stages[1]?.name ?? '')
  })
})

describe('a stage that has nothing to take', () => {
  it('is starved, not blocked: paths of a router, merges, the sink', async () => {
    const slow = async function* () {
      for (let i = 0; i < 10; i++) {
        await pause(3)
        yield i
      }
    }
    const path = (builder: PipelineBuilder<number>) => builder.pipe(passes, { name: 'path' })
    const pipeline = new PipelineBuilder()
      .addSource(slow)
      .pathVariants((n) => n % 2, [path, path], { name: 'route' })
      .build()
    await pipeline.forEach(() => {})
    for (const { name, shares } of pipeline.stats().stages.slice(1))
      assert.ok(shares.blocked < 0.5 && shares.idle > 0.5, `${name}: ${JSON.stringify(shares)}`)
  })
})

describe('the op of a merge', () => {
  it('works while it is asked for an output and waits for no input', async () => {
    const op = async function* (inputs: readonly AsyncIterable<number>[]) {
      for (const input of inputs) {
        for await (const item of input) {
          await pause(3)
          yield item
        }
      }
    }
    const pipeline = merge(new PipelineBuilder().addSource(range(10)), { op, name: 'both' }).build()
    await pipeline.forEach(() => {})
    const both = pipeline.stats().stages.find(({ name }) => name === 'both')
    assert.ok((both?.sums.busyMs ?? 0) >= 10 * 2, `${both?.sums.busyMs} ms`)
  })
})

describe('a router', () => {
  it('that takes time to choose works meanwhile', async () => {
    const path = (builder: PipelineBuilder<number>) => builder.pipe(passes)
    const slowly = async (n: number): Promise<number> => {
      await pause(3)
      return n % 2
    }
    const pipeline = new PipelineBuilder()
      .addSource(range(10))
      .pathVariants(slowly as never, [path, path], { name: 'route' })
      .build()
    await pipeline.forEach(() => {})
    const route = pipeline.stats().stages.find(({ name }) => name === 'route')
    assert.ok(
      (route?.meanMs ?? 0) >= 2 && (route?.sums.busyMs ?? 0) >= 20,
      JSON.stringify(route?.shares),
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  MAIN,
  type Pipeline,
  PipelineBuilder,
  type PipelineStats,
  type Report,
  runPipelineInProcess,
  runPipelineInWorker,
  statsBetween,
  workerModule,
  workers,
} from 'spindle'
import { until } from '../support/gates.ts'
import { range } from '../support/sources.ts'
import type * as Measured from './fixtures/measured.ts'
import { evenOnly, passes, saves, savesAtOnce, savesInSteps } from './fixtures/measured.ts'

const href = import.meta.resolve('./fixtures/measured.js')
const ops = workerModule<typeof Measured>(href)
const ITEMS = 20
const source = () => new PipelineBuilder().addSource(range(ITEMS))

async function run(builder: PipelineBuilder<unknown>): Promise<Pipeline<unknown>> {
  const pipeline = builder.build()
  let given = 0
  await pipeline.forEach(() => {
    given++
  })
  assert.equal(given, 0)
  return pipeline
}

/** The stages named `saves` have finished all items, and so has the pipeline. */
function assertSaved({ items, stages }: PipelineStats, name = 'saves'): void {
  assert.equal(items, ITEMS)
  const saving = stages.filter((stage) => stage.name === name)
  assert.equal(
    saving.reduce((sum, { items: done }) => sum + done, 0),
    ITEMS,
  )
  for (const { emitted, failures } of saving) assert.deepEqual([emitted, failures], [0, 0])
  assert.equal(stages.at(-1)?.emitted, 0, 'nothing came to the consumer')
}

/** So short a run may have no verdict, but its items are seen. */
function assertSeen({ bottleneck, missing }: Report): void {
  if (bottleneck === undefined) assert.match(missing ?? '', new RegExp(`^${ITEMS} items in `))
}

describe('a last stage that gives nothing counts its finished calls', () => {
  for (const op of [saves, savesAtOnce, savesInSteps]) {
    for (const outputOrder of ['completion', 'input'] as const) {
      it(`${op.name}, in ${outputOrder} order`, async () => {
        const pipeline = await run(
          source().pipe(op, { name: 'saves', concurrency: 2, outputOrder }),
        )
        assertSaved(pipeline.stats())
      })
    }
  }

  it('with retries and a limit', async () => {
    const options = { name: 'saves', retry: { retries: 1 }, timeoutMs: 60_000 }
    assertSaved((await run(source().pipe(saves, options))).stats())
  })

  it('in worker threads', async () => {
    assertSaved((await run(source().pipe(ops.saves, { name: 'saves', concurrency: 2 }))).stats())
  })

  it('in paths', async () => {
    const builder = source().pathVariants(
      (n) => n % 2,
      [
        (path) => path.pipe(saves, { name: 'saves' }),
        (path) => path.pipe(saves, { name: 'saves' }),
      ],
    )
    assertSaved((await run(builder)).stats())
  })

  it('in a region, and in paths of one', async () => {
    const region = source()
      .to(workers({ count: 2 }))
      .pipe(ops.saves, { name: 'saves' })
      .to(MAIN)
    assertSaved((await run(region)).stats())
    const paths = source()
      .to(workers({ count: 1 }))
      .pathVariants(ops.half, [
        (path) => path.pipe(ops.saves, { name: 'saves' }),
        (path) => path.pipe(ops.saves, { name: 'saves' }),
      ])
      .to(MAIN)
    assertSaved((await run(paths)).stats())
  })

  for (const [place, start] of [
    ['a worker', runPipelineInWorker],
    ['a process', runPipelineInProcess],
  ] as const) {
    it(`in a pipeline in ${place}`, async () => {
      await using pipeline = start<never>(href, { export: 'saving' })
      for await (const _ of pipeline) assert.fail('nothing is given')
      assertSaved(await pipeline.stats())
      assertSeen(await pipeline.report())
    })
  }

  it('and so a report sees them, and intervals add up to the whole', async () => {
    const intervals: PipelineStats[] = []
    const pipeline = source()
      .pipe(saves, { name: 'saves' })
      .build({ reportIntervalMs: 5, onStats: ({ interval }) => intervals.push(interval) })
    await pipeline.forEach(() => {})
    const report = String(pipeline.report())
    assertSeen(pipeline.report())
    assert.match(report, new RegExp(`^saves +1 +${ITEMS} .* 0$`, 'm'), 'done, not skipped')
    assert.equal(
      intervals.reduce((sum, { items }) => sum + items, 0),
      ITEMS,
    )
  })
})

describe('a filter', () => {
  it('in the middle skips, whatever comes after it', async () => {
    const pipeline = await run(
      source().pipe(evenOnly, { name: 'evens' }).pipe(saves, { name: 'saves' }),
    )
    const { items, stages } = pipeline.stats()
    const [, evens, saving] = stages
    assert.deepEqual([items, evens?.emitted, evens?.skipped], [10, 10, 10])
    assert.deepEqual([saving?.items, saving?.emitted], [10, 0])
  })

  it('at the end skips from its first output on', async () => {
    const pipeline = source().pipe(evenOnly, { name: 'evens' }).build()
    await pipeline.forEach(() => {})
    const { items, stages } = pipeline.stats()
    assert.deepEqual([items, stages[1]?.emitted, stages[1]?.skipped], [10, 10, 10])
  })

  it('at the end whose first output comes late gives no interval less than nothing', async () => {
    let isOpen = false
    const pipeline = source()
      .pipe(async (n: number) => (isOpen ? n : undefined), { name: 'late' })
      .build()
    const before = pipeline.stats()
    const iterator = pipeline[Symbol.asyncIterator]()
    const first = iterator.next()
    await until(() => pipeline.stats().items > 0)
    const early = pipeline.stats()
    isOpen = true
    await first
    assert.ok(statsBetween(before, early).items > 0)
    const interval = statsBetween(early, pipeline.stats())
    assert.ok(interval.items >= 0 && interval.stages.every((stage) => stage.items >= 0))
    await pipeline.stop()
  })

  it('that fails some of its items does not count them as finished', async () => {
    const op = async (n: number): Promise<void> => {
      if (n % 4 === 0) throw new Error('bad')
    }
    const pipeline = await run(source().pipe(op, { name: 'saves', maxFailures: ITEMS }))
    assert.equal(pipeline.stats().items, 15)
  })
})

describe('a batch', () => {
  it('that is being collected is no finished item', async () => {
    const pipeline = source().pipe(passes).aggregate(1000, { dropLast: true }).build()
    await pipeline.forEach(() => {})
    assert.equal(pipeline.stats().items, 0)
  })
})

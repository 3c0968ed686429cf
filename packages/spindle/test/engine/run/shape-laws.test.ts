import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { merge, type Pipeline, PipelineBuilder } from 'spindle'
import { collect, take } from '../../support/consume.ts'
import { chainSpec, expect, names, Run } from '../../support/graph.ts'
import { Scheduler } from '../../support/scheduler.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'

const few = { numRuns: tries(25), interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true }
const sortedNumbers = (items: readonly number[]) => items.toSorted((a, b) => a - b)
const shape = fc.record({
  items: fc.integer({ min: 0, max: 30 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  outputOrder: fc.constantFrom('completion' as const, 'input' as const),
  buffer: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer(),
})

/** An op that passes its item on when the scheduler lets it. */
function passing(scheduler: Scheduler) {
  return async (item: number): Promise<number> => {
    await scheduler.wait()
    return item
  }
}

describe('in a continuous pipeline, whatever the stages', () => {
  it('each epoch has its own items, all of them and no others', async () => {
    await fc.assert(
      fc.asyncProperty(chainSpec, fc.integer({ min: 1, max: 4 }), async (spec, epochs) => {
        const run = new Run(spec, {}, true)
        await run.scheduler.drive(async () => {
          for (let epoch = 0; epoch < epochs; epoch++) {
            const items = await collect(run.pipeline)
            const { inputs, isOrdered } = expect(spec, names(spec.items, `e${epoch}-`))
            if (isOrdered) assert.deepEqual(items, inputs.at(-1))
            else assert.deepEqual(items.toSorted(), (inputs.at(-1) ?? []).toSorted())
          }
          await run.pipeline.stop()
        })
        assert.equal(run.closes, run.opens)
      }),
      few,
    )
  })

  it('leaving within an epoch and coming back gives the rest of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        chainSpec,
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
        async (spec, parts) => {
          const run = new Run(spec, {}, true)
          await run.scheduler.drive(async () => {
            let isOver = false
            const items: string[] = []
            for (const part of parts) {
              if (isOver) break
              const some = await take(run.pipeline, part)
              items.push(...some)
              isOver = some.length < part
            }
            if (!isOver) items.push(...(await collect(run.pipeline)))
            const expected = (epoch: number) =>
              (expect(spec, names(spec.items, `e${epoch}-`)).inputs.at(-1) ?? []).toSorted()
            assert.deepEqual(items.toSorted(), expected(0))
            assert.deepEqual((await collect(run.pipeline)).toSorted(), expected(1))
            await run.pipeline.stop()
          })
        },
      ),
      few,
    )
  })
})

describe('in a merge, whatever its inputs', () => {
  it('all items arrive once, those of each input in their order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(shape, { minLength: 1, maxLength: 4 }),
        fc.integer(),
        async (inputs, seed) => {
          const scheduler = new Scheduler(seed)
          const builders = inputs.map(({ items, concurrency, buffer }, position) =>
            new PipelineBuilder()
              .addSource(range(items, position * 1000))
              .pipe(passing(scheduler), { concurrency, buffer, outputOrder: 'input' }),
          )
          const all = await scheduler.drive(() => collect(merge(...builders).build()))
          inputs.forEach(({ items }, position) => {
            assert.deepEqual(
              all.filter((item) => Math.floor(item / 1000) === position),
              range(items, position * 1000),
            )
          })
          assert.equal(
            all.length,
            inputs.reduce((sum, { items }) => sum + items, 0),
          )
        },
      ),
      few,
    )
  })
})

describe('in variants, whatever the paths', () => {
  const paths = fc.array(shape, { minLength: 1, maxLength: 4 })

  it('each item takes its own path once, and each path keeps its order if its stages do', async () => {
    await fc.assert(
      fc.asyncProperty(
        paths,
        fc.integer({ min: 0, max: 40 }),
        fc.integer(),
        async (specs, items, seed) => {
          const scheduler = new Scheduler(seed)
          const routes = range(items).map(() => scheduler.random(specs.length))
          const pipeline = new PipelineBuilder()
            .addSource(range(items))
            .pathVariants(
              async (item) => {
                await scheduler.wait()
                return routes[item] as number
              },
              specs.map(
                ({ concurrency, buffer, outputOrder }, position) =>
                  (path: PipelineBuilder<number>) =>
                    path
                      .pipe(passing(scheduler), { concurrency, buffer, outputOrder })
                      .pipe((item) => item + position * 1000),
              ),
            )
            .build()
          const all = await scheduler.drive(() => collect(pipeline))
          specs.forEach(({ concurrency, outputOrder }, position) => {
            const taken = all
              .filter((item) => Math.floor(item / 1000) === position)
              .map((item) => item % 1000)
            const sent = range(items).filter((item) => routes[item] === position)
            if (concurrency === 1 || outputOrder === 'input') assert.deepEqual(taken, sent)
            else assert.deepEqual(sortedNumbers(taken), sent)
          })
          assert.equal(all.length, items)
        },
      ),
      few,
    )
  })

  it('batches stay together and in order, though paths drop and fail parts of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        paths,
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer(),
        async (specs, items, size, seed) => {
          const scheduler = new Scheduler(seed)
          const routes = range(items).map(() => scheduler.random(specs.length))
          const fates = range(items).map(() => scheduler.random(6))
          const pipeline = new PipelineBuilder()
            .addSource(range(items))
            .aggregate(size)
            .pathVariants(
              (batch) => batch.map((item) => routes[item] as number),
              specs.map(
                ({ concurrency, buffer, outputOrder }) =>
                  (path: PipelineBuilder<number[]>) =>
                    path.pipe(
                      async (part) => {
                        await scheduler.wait()
                        const fate = fates[part[0] as number]
                        if (fate === 0) throw new Error('no')
                        return fate === 1 ? undefined : part.filter((item) => fates[item] !== 2)
                      },
                      { concurrency, buffer, outputOrder },
                    ),
              ),
              { batched: true },
            )
            .build({ maxFailures: Number.POSITIVE_INFINITY })
          const all = await scheduler.drive(() => collect(pipeline))
          const expected: number[][] = []
          for (let first = 0; first < items; first += size) {
            const batch = range(Math.min(size, items - first), first)
            const joined = specs.flatMap((_, position) => {
              const part = batch.filter((item) => routes[item] === position)
              const fate = fates[part[0] as number] ?? 0
              return fate < 2 ? [] : part.filter((item) => fates[item] !== 2)
            })
            if (joined.length > 0) expected.push(joined)
          }
          assert.deepEqual(all, expected)
        },
      ),
      few,
    )
  })
})

describe('in a graph of merges and variants', () => {
  it('nothing is lost and nothing comes twice, whenever it is left and taken up again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(shape, { minLength: 2, maxLength: 3 }),
        fc.integer(),
        async (inputs, seed) => {
          const scheduler = new Scheduler(seed)
          const builders = inputs.map(({ items, concurrency, buffer, outputOrder }, position) =>
            new PipelineBuilder()
              .addSource(range(items, position * 1000))
              .pipe(passing(scheduler), { concurrency, buffer, outputOrder })
              .pathVariants(
                (item) => item % 2,
                [
                  (path) => path.pipe(passing(scheduler), { concurrency }),
                  (path) => path.aggregate(2).disaggregate(),
                ],
              ),
          )
          const pipeline: Pipeline<number> = merge(...builders)
            .aggregate(3)
            .disaggregate()
            .build()
          const all: number[] = []
          await scheduler.drive(async () => {
            for (let part = 1; ; part = 1 + scheduler.random(7)) {
              const some = await take(pipeline, part)
              all.push(...some)
              if (some.length < part) break
            }
          })
          const expected = inputs.flatMap(({ items }, position) => range(items, position * 1000))
          assert.deepEqual(sortedNumbers(all), expected)
        },
      ),
      few,
    )
  })
})

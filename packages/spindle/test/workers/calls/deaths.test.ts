import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PipelineBuilder, ThreadPool } from 'spindle'
import { collect } from '../../support/consume.ts'
import { items, ops, POISON, testDeaths } from './kill-matrix.ts'

testDeaths('thread')

describe('whatever ends threads', () => {
  it('every item is given once or fails once', async () => {
    await using pool = new ThreadPool({ size: 2 })
    const fate = fc.oneof(
      { weight: 12, arbitrary: fc.constant('fine') },
      { weight: 3, arbitrary: fc.constantFrom('throw', 'exit', 'exitLater') },
    )
    const law = fc.asyncProperty(
      fc.array(fate, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 12 }),
      fc.boolean(),
      async (fates, concurrency, isOrdered) => {
        const letters: number[] = []
        const pipeline = new PipelineBuilder()
          .addSource(fates.map((fate, n) => ({ n, fate })))
          .pipe(ops.meet, {
            executor: pool,
            concurrency,
            outputOrder: isOrdered ? 'input' : 'completion',
            maxFailures: Number.POSITIVE_INFINITY,
          })
          .build({ deadLetter: ({ item }) => void letters.push((item as { n: number }).n) })
        const given = await collect(pipeline)
        const good = fates.flatMap((fate, n) => (fate === 'fine' ? [n] : []))
        const bad = fates.flatMap((fate, n) => (fate === 'fine' ? [] : [n]))
        if (!isOrdered) given.sort((a, b) => a - b)
        assert.deepEqual(given, good)
        assert.deepEqual(
          letters.sort((a, b) => a - b),
          bad,
        )
      },
    )
    await fc.assert(law, { numRuns: 4 })
  })
})

describe('a pipeline whose op never returns', () => {
  it('is left behind by stop(), with its thread', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(items.slice(POISON))
      .pipe(ops.hangOn)
      .build({ threads: 1 })
    pipeline.start()
    await pipeline.stop({ mode: 'abort' })
    await pipeline.done
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MAIN, type Pipeline, PipelineBuilder, type PipelineState, workers } from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'
import type * as Local from '../../workers/regions/fixtures/ops.ts'
import { type Numbers, ops, sorted } from '../../workers/regions/support.ts'

// Each case takes several starts of workers.
const RUNS = tries(2)

const name = fc.constantFrom(
  'double',
  'drop',
  'failFifth',
  'late',
  'spread',
  'spreadLate',
  'spreadAndFail',
)
const spec = fc.record({
  items: fc.integer({ min: 1, max: 30 }),
  isSpreadBefore: fc.boolean(),
  inside: fc.array(name, { minLength: 1, maxLength: 3 }),
  batchInside: fc.constantFrom(0, 0, 3),
  batchAfter: fc.constantFrom(0, 0, 4),
  outputOrder: fc.constantFrom('completion' as const, 'input' as const),
  count: fc.integer({ min: 1, max: 2 }),
})
// A region's batches are not taken apart: that is refused.
const allowed = spec.filter(({ batchInside, batchAfter }) => batchInside === 0 || batchAfter === 0)
type Spec = typeof spec extends fc.Arbitrary<infer S> ? S : never

const used = ops as unknown as typeof Local

function build(one: Spec, state: PipelineState | undefined): Pipeline<unknown> {
  let builder: Numbers = new PipelineBuilder().addSource(range(one.items))
  if (one.isSpreadBefore)
    builder = builder.pipe(function* (value) {
      yield value
      yield value + 1000
    })
  builder = builder.to(workers({ count: one.count, outputOrder: one.outputOrder }))
  for (const [at, op] of one.inside.entries())
    builder = builder.pipe(used[op] as typeof Local.double, { concurrency: 2, name: `${op}${at}` })
  let chain = builder as PipelineBuilder<unknown>
  if (one.batchInside > 0) chain = builder.aggregate(one.batchInside).pipe(used.reverse)
  chain = chain.to(MAIN)
  if (one.batchAfter > 0) chain = chain.aggregate(one.batchAfter).disaggregate()
  return chain.build({
    maxFailures: Number.POSITIVE_INFINITY,
    resumable: { commit: 'explicit' },
    ...(state === undefined ? {} : { state }),
  })
}

const leaves = (value: unknown): number[] => [value].flat(3) as number[]

describe('whenever a run with a region crashes, the next ones give what was not committed, once', () => {
  it('whatever the workers had', async () => {
    const crashes = fc.array(fc.nat(12), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(allowed, crashes, async (one, stops) => {
        const expected = (await collect(build(one, undefined))).flatMap(leaves)
        const committed: number[] = []
        let state: PipelineState | undefined
        for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
          const pipeline = build(one, state)
          const held: unknown[] = []
          const commit = (): void => {
            const value = held.splice(held.length >> 1, 1)[0]
            pipeline.commit(value)
            committed.push(...leaves(value))
          }
          let isOver = false
          for (let taken = 0; taken < stop; taken++) {
            const result = await pipeline.getItem()
            if (result.done === true) {
              isOver = true
              while (held.length > 0) commit()
              break
            }
            held.push(result.value)
            if (held.length === 3) commit()
          }
          state = JSON.parse(JSON.stringify(pipeline.state()))
          await pipeline.stop()
          if (isOver) break
        }
        assert.deepEqual(sorted(committed), sorted(expected))
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: 3_600_000, markInterruptAsFailure: true },
    )
  })
})

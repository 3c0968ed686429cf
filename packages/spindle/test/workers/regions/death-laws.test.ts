import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ItemError, PipelineBuilder, workers } from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'
import type { Deadly } from './fixtures/deadly.ts'
import * as local from './fixtures/deadly.ts'
import { byNumber, deadly } from './support.ts'

type Deadlies = PipelineBuilder<Deadly>
const names = ['pass', 'endure', 'endureLate', 'triple', 'tripleSlowly', 'failSome'] as const

/** A chain with deaths in it, each of which happens once. */
const spec = fc.record({
  items: fc.integer({ min: 10, max: 20 }),
  before: fc.array(fc.constantFrom(...names), { maxLength: 2 }),
  // At most one batch on the way: what two of them share could not be told apart.
  batchesOf: fc.integer({ min: 0, max: 4 }),
  after: fc.array(fc.constantFrom(...names), { maxLength: 2 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  count: fc.integer({ min: 1, max: 2 }),
  outputOrder: fc.constantFrom('completion' as const, 'input' as const),
  dying: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }),
  how: fc.constantFrom('exit' as const, 'throw' as const),
})

function extend(
  builder: Deadlies,
  chain: Pick<
    typeof spec extends fc.Arbitrary<infer S> ? S : never,
    'before' | 'batchesOf' | 'after' | 'concurrency'
  >,
  isRegion: boolean,
) {
  const used: typeof local = isRegion ? (deadly as unknown as typeof local) : local
  const { before, batchesOf, after, concurrency } = chain
  const pipeAll = (begun: Deadlies, ops: readonly (typeof names)[number][]): Deadlies =>
    ops.reduce<Deadlies>(
      (grown, op) => grown.pipe(used[op] as typeof local.pass, { concurrency }),
      begun,
    )
  const first = pipeAll(builder, before)
  const batched =
    batchesOf === 0
      ? first.pipe(used.endure)
      : first.aggregate(batchesOf).pipe(used.endureAll).disaggregate()
  return pipeAll(batched as Deadlies, after).pipe(used.numberOf)
}

async function outcome(builder: PipelineBuilder<number>) {
  const failed: number[] = []
  const onItemError = ({ item }: ItemError) => void failed.push((item as Deadly).n)
  const given = await collect(builder.build({ maxFailures: Number.POSITIVE_INFINITY, onItemError }))
  return { given: given.sort(byNumber), failed: failed.sort(byNumber) }
}

describe('a region whose workers die now and then', () => {
  it('gives what it would give if they did not, and tells of the same failures', async () => {
    await fc.assert(
      fc.asyncProperty(spec, async (chain) => {
        const { items, count, outputOrder, dying, how } = chain
        const markers = dying.map(() => join(tmpdir(), `spindle-${randomUUID()}`))
        const fated = range(items).map((n): Deadly => {
          const once = markers[dying.indexOf(n)]
          return once === undefined ? { n } : { n, how, once }
        })
        const inline = extend(
          new PipelineBuilder().addSource(range(items).map((n) => ({ n }))),
          chain,
          false,
        )
        // A batch may hold several items that kill.
        const region = extend(
          new PipelineBuilder().addSource(fated).to(workers({ count, outputOrder, maxDeaths: 9 })),
          chain,
          true,
        )
        try {
          assert.deepEqual(await outcome(region), await outcome(inline))
        } finally {
          for (const file of markers) rmSync(file, { force: true })
        }
      }),
      { numRuns: tries(3) },
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type BuildOptions,
  type ItemError,
  MAIN,
  PipelineBuilder,
  type StageStats,
  workers,
} from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'
import * as local from './fixtures/ops.ts'
import { type Numbers, ops, sorted } from './support.ts'

// Chains of the same ops, given by reference in a region and as functions inline.

/** Each takes a start of workers or two. */
const RUNS = tries(4)

type Name =
  | 'double'
  | 'inc'
  | 'drop'
  | 'failFifth'
  | 'late'
  | 'soon'
  | 'spread'
  | 'spreadLate'
  | 'spreadAndFail'
  | 'flaky'
  | 'addRandom'

interface Step {
  readonly op: Name
  readonly concurrency: number
  readonly buffer: number
  readonly outputOrder: 'completion' | 'input'
}

type Link =
  | Step
  | { readonly op: 'batches'; readonly size: number }
  | { readonly op: 'variants' }
  | { readonly op: 'batchedVariants' }

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom<Name>(
    'double',
    'inc',
    'drop',
    'failFifth',
    'late',
    'soon',
    'spread',
    'spreadLate',
    'spreadAndFail',
    'flaky',
    'addRandom',
  ),
  concurrency: fc.integer({ min: 1, max: 4 }),
  buffer: fc.integer({ min: 1, max: 3 }),
  outputOrder: fc.constantFrom('completion' as const, 'input' as const),
})
const batches = fc.record({
  op: fc.constant('batches' as const),
  size: fc.integer({ min: 1, max: 5 }),
})
const variants = fc.record({ op: fc.constant('variants' as const) })
const batchedVariants = fc.record({ op: fc.constant('batchedVariants' as const) })

const chain = (...links: fc.Arbitrary<Link>[]) =>
  fc.record({
    items: fc.integer({ min: 0, max: 40 }),
    links: fc.array(fc.oneof(...links), { minLength: 1, maxLength: 4 }),
    count: fc.integer({ min: 1, max: 2 }),
    buffer: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer(),
  })

function extend(builder: Numbers, links: readonly Link[], isRegion: boolean): Numbers {
  const used: typeof local = isRegion ? (ops as unknown as typeof local) : local
  return links.reduce<Numbers>((grown, link, position) => {
    if (link.op === 'batches') return grown.aggregate(link.size).disaggregate()
    if (link.op === 'variants') {
      return grown.pathVariants(used.parity, [
        (path) => path.pipe(used.double, { name: `even${position}` }),
        (path) => path.pipe(used.spread, { name: `odd${position}` }),
      ])
    }
    if (link.op === 'batchedVariants') {
      return grown
        .aggregate(1)
        .pathVariants(
          used.parities,
          [(path) => path.pipe(used.doubleAll), (path) => path.pipe(used.reverse)],
          {
            batched: true,
          },
        )
        .disaggregate()
    }
    const { op, concurrency, buffer, outputOrder } = link
    return grown.pipe(used[op] as (value: number) => number, {
      name: `${op}${position}`,
      concurrency,
      buffer,
      outputOrder,
      ...(op === 'flaky' ? { retry: { retries: 1, minDelayMs: 1, jitter: false } } : {}),
    })
  }, builder)
}

interface Outcome {
  readonly items: number[]
  readonly failed: string[]
  readonly stages: readonly StageStats[]
}

async function run(builder: Numbers, seed: number, options: BuildOptions = {}): Promise<Outcome> {
  const failed: ItemError[] = []
  const pipeline = builder.build({
    maxFailures: Number.POSITIVE_INFINITY,
    onItemError: (failure) => void failed.push(failure),
    seed,
    ...options,
  })
  const items = await collect(pipeline)
  const received = failed.map(
    ({ stage, index, attempts, error, item }) =>
      `${stage} ${index} ${attempts} ${item} ${String(error)}`,
  )
  return { items, failed: received, stages: pipeline.stats().stages }
}

const sums = (stages: readonly StageStats[]) =>
  stages
    .filter(({ name }) => !name.startsWith('region') && name !== 'source' && name !== 'sink')
    .map(({ name, tasks, running, emitted, skipped, failures, retries }) => ({
      name,
      tasks,
      running,
      emitted,
      skipped,
      failures,
      retries,
    }))

describe('a region gives what its stages give inline', () => {
  const source = (items: number): Numbers => new PipelineBuilder().addSource(range(items))

  it('the same items, failures and counts in completion order, whatever the chain', async () => {
    await fc.assert(
      fc.asyncProperty(
        chain(step, step, step, variants),
        async ({ items, links, count, buffer, seed }) => {
          const inline = await run(extend(source(items), links, false), seed)
          const region = await run(
            extend(source(items).to(workers({ count, buffer })), links, true).to(MAIN),
            seed,
          )
          assert.deepEqual(sorted(region.items), sorted(inline.items))
          assert.deepEqual(sorted(region.failed), sorted(inline.failed))
          assert.deepEqual(sums(region.stages), sums(inline.stages))
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('the same sequence in input order', async () => {
    const ordered = (links: readonly Link[]): Link[] =>
      links.map((link) => ('outputOrder' in link ? { ...link, outputOrder: 'input' } : link))
    await fc.assert(
      fc.asyncProperty(
        chain(step, step, batchedVariants),
        async ({ items, links, count, buffer, seed }) => {
          const inline = await run(extend(source(items), ordered(links), false), seed)
          const place = workers({ count, buffer, outputOrder: 'input' })
          const region = await run(extend(source(items).to(place), links, true).to(MAIN), seed)
          assert.deepEqual(region.items, inline.items)
          assert.deepEqual(sorted(region.failed), sorted(inline.failed))
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('the same sequence with batches across items, in one worker', async () => {
    const quiet = chain(step, batches).map((spec) => ({
      ...spec,
      links: spec.links.map((link) =>
        'outputOrder' in link ? { ...link, concurrency: 1, outputOrder: 'input' as const } : link,
      ),
    }))
    await fc.assert(
      fc.asyncProperty(quiet, async ({ items, links, seed }) => {
        const inline = await run(extend(source(items), links, false), seed)
        const place = workers({ count: 1, outputOrder: seed % 2 === 0 ? 'completion' : 'input' })
        const region = await run(extend(source(items).to(place), links, true).to(MAIN), seed)
        assert.deepEqual(region.items, inline.items)
      }),
      { numRuns: RUNS / 2 },
    )
  })

  it('the same items with batches across items, in several workers', async () => {
    const pure = chain(step, batches).map((spec) => ({
      ...spec,
      // What depends on an item's place among others depends on who is batched with whom.
      links: spec.links.filter(({ op }) => op !== 'addRandom'),
    }))
    await fc.assert(
      fc.asyncProperty(pure, async ({ items, links, count, seed }) => {
        fc.pre(links.length > 0)
        const inline = await run(extend(source(items), links, false), seed)
        const place = workers({ count, outputOrder: seed % 2 === 0 ? 'completion' : 'input' })
        const region = await run(extend(source(items).to(place), links, true).to(MAIN), seed)
        assert.deepEqual(sorted(region.items), sorted(inline.items))
      }),
      { numRuns: RUNS / 2 },
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type AsyncSource,
  concat,
  DistributedSampler,
  defineAsyncSource,
  defineSource,
  mix,
  repeat,
  type SyncSource,
  shuffleBuffer,
  shuffled,
  skip,
  split,
  take,
} from 'spindle/source'

/** How a source is made. */
type Spec =
  | {
      kind: 'array' | 'indexed' | 'read' | 'foreign' | 'foreign async' | 'sampler'
      size: number
      base: number
    }
  | {
      kind: 'shuffled' | 'take' | 'skip' | 'repeat' | 'buffer' | 'split'
      count: number
      seed: number
      of: Spec
    }
  | {
      kind: 'mix' | 'concat'
      seed: number
      weights: number[] | undefined
      stop: 'first' | 'all'
      of: Spec[]
    }

type Any = SyncSource<number> | AsyncSource<number>

const leaf: fc.Arbitrary<Spec> = fc.record({
  kind: fc.constantFrom('array', 'indexed', 'read', 'foreign', 'foreign async', 'sampler'),
  size: fc.integer({ min: 1, max: 12 }),
  base: fc.nat(20).map((n) => n * 100),
})

const { spec } = fc.letrec<{ spec: Spec }>((tie) => ({
  spec: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc.record({
      kind: fc.constantFrom('shuffled', 'take', 'skip', 'repeat', 'buffer'),
      count: fc.integer({ min: 0, max: 9 }),
      seed: fc.nat(),
      of: tie('spec'),
    }) as fc.Arbitrary<Spec>,
    fc
      .record({
        kind: fc.constantFrom('mix', 'concat'),
        seed: fc.nat(),
        isWeighted: fc.boolean(),
        stop: fc.constantFrom('first', 'all'),
        of: fc.array(fc.tuple(tie('spec'), fc.integer({ min: 1, max: 9 })), {
          minLength: 1,
          maxLength: 3,
        }),
      })
      .map(
        ({ kind, seed, isWeighted, stop, of }) =>
          ({
            kind,
            seed,
            stop,
            weights: isWeighted ? of.map(([, weight]) => weight) : undefined,
            of: of.map(([one]) => one),
          }) as Spec,
      ),
  ),
}))

function make(spec: Spec): Any {
  switch (spec.kind) {
    case 'array':
      return take(numbers(spec), spec.size)
    case 'indexed':
      return defineSource({
        size: spec.size,
        description: describe_(spec),
        at: (p) => spec.base + p,
      })
    case 'read':
      return defineAsyncSource({
        size: spec.size,
        description: describe_(spec),
        // Reads ahead by three.
        async *pick(positions) {
          const steps = positions[Symbol.iterator]()
          for (;;) {
            const some: number[] = []
            for (let step = steps.next(); step.done !== true; step = steps.next()) {
              assert.ok(step.value >= 0 && step.value < spec.size)
              if (some.push(step.value) === 3) break
            }
            if (some.length === 0) return
            await undefined
            for (const position of some) yield spec.base + position
          }
        },
      })
    case 'foreign':
      return {
        size: spec.size,
        description: describe_(spec),
        iterateFrom: (position: number) => numbers(spec).slice(position),
        [Symbol.iterator]: () => numbers(spec)[Symbol.iterator](),
      } as unknown as Any
    case 'foreign async':
      return {
        size: spec.size,
        description: describe_(spec),
        async *iterateFrom(position: number) {
          yield* numbers(spec).slice(position)
        },
      } as unknown as Any
    case 'sampler':
      return new DistributedSampler(spec.size, { shuffle: true, seed: spec.base })
    case 'shuffled':
      return shuffled(make(spec.of), { seed: spec.seed })
    case 'take':
      return take(make(spec.of), spec.count)
    case 'skip':
      return skip(make(spec.of), spec.count)
    case 'repeat':
      return repeat(make(spec.of), { times: spec.count % 3 })
    case 'buffer':
      return shuffleBuffer(make(spec.of), { size: spec.count + 1, seed: spec.seed })
    case 'split':
      return make(spec.of)
    case 'mix': {
      const { seed, stop, weights } = spec
      return mix(spec.of.map(make), { seed, stop, ...(weights === undefined ? {} : { weights }) })
    }
    case 'concat':
      return concat(spec.of.map(make))
  }
}

const numbers = ({ size, base }: { size: number; base: number }) =>
  Array.from({ length: size }, (_, i) => base + i)
const describe_ = ({ size, base }: { size: number; base: number }) => ({ kind: 'test', size, base })

async function all(items: Iterable<number> | AsyncIterable<number>): Promise<number[]> {
  const read: number[] = []
  for await (const item of items) read.push(item)
  return read
}

const whole = (source: Any, epoch: number) => all(source.iterateFrom(0, epoch))
const sorted = (items: readonly number[]) => items.toSorted((a, b) => a - b)
const runs = { numRuns: 200 }

describe('whatever transforms are put on whatever sources', () => {
  it('there are as many items as the size says, the same each time, in every epoch', async () => {
    await fc.assert(
      fc.asyncProperty(spec, fc.nat(5), async (spec, epoch) => {
        const source = make(spec)
        const items = await whole(source, epoch)
        assert.equal(items.length, source.size)
        assert.deepEqual(await whole(source, epoch), items)
        assert.deepEqual(await whole(make(spec), epoch), items)
        assert.deepEqual(make(spec).description, source.description)
        assert.deepEqual(JSON.parse(JSON.stringify(source.description)), source.description)
      }),
      runs,
    )
  })

  it('from any position on they give the tail', async () => {
    await fc.assert(
      fc.asyncProperty(spec, fc.nat(5), async (spec, epoch) => {
        const source = make(spec)
        const items = await whole(source, epoch)
        for (let position = 0; position <= items.length; position++)
          assert.deepEqual(await all(source.iterateFrom(position, epoch)), items.slice(position))
      }),
      runs,
    )
  })

  it('any number of ranks have the whole, in turn, from any position on', async () => {
    await fc.assert(
      fc.asyncProperty(
        spec,
        fc.nat(5),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        async (spec, epoch, worldSize, cut) => {
          const items = await whole(make(spec), epoch)
          const position = cut % (items.length + 1)
          for (let rank = 0; rank < worldSize; rank++) {
            const part = split(make(spec), { rank, worldSize })
            const mine = (_: number, at: number) => at % worldSize === rank
            assert.equal(part.length, items.filter(mine).length)
            assert.deepEqual(
              await all(part.iterateFrom(position, epoch)),
              items.filter((item, at) => at >= position && mine(item, at)),
            )
          }
        },
      ),
      runs,
    )
  })

  it('it does not matter whether a source is split before or after', async () => {
    const shard = { rank: 1, worldSize: 3 }
    await fc.assert(
      fc.asyncProperty(spec, fc.nat(), fc.integer({ min: 1, max: 8 }), async (spec, seed, size) => {
        const [before, after] = [split(make(spec), shard), make(spec)]
        for (const transform of [
          (source: Any) => shuffleBuffer(source, { size, seed }),
          (source: Any) => shuffled(source, { seed }),
          (source: Any) => skip(source, size),
          (source: Any) => repeat(source, { times: 2 }),
          (source: Any) => concat([source, source]),
          (source: Any) => mix([source, source], { weights: [1, 2], seed }),
        ])
          assert.deepEqual(
            await whole(transform(before), 1),
            await whole(split(transform(after), shard), 1),
          )
      }),
      { numRuns: 60 },
    )
  })

  it('shuffles give each item once, of a stream too', async () => {
    await fc.assert(
      fc.asyncProperty(
        spec,
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        async (spec, seed, size) => {
          const items = await whole(make(spec), 2)
          assert.deepEqual(sorted(await whole(shuffled(make(spec), { seed }), 2)), sorted(items))
          const buffered = await whole(shuffleBuffer(make(spec), { size, seed }), 2)
          assert.deepEqual(sorted(buffered), sorted(items))
          // Known size or not, the order is the same.
          const stream = all(shuffleBuffer(new Set(items.keys()), { size, seed, epoch: 0 }))
          assert.deepEqual(sorted(await stream), [...items.keys()])
          assert.deepEqual(
            await stream,
            await all(shuffleBuffer([...items.keys()], { size, seed })),
          )
        },
      ),
      runs,
    )
  })

  it('streams are split, skipped and taken as arrays are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat()),
        fc.nat(9),
        fc.nat(9),
        fc.integer({ min: 1, max: 4 }),
        async (items, first, count, worldSize) => {
          async function* stream() {
            yield* items
          }
          for (let rank = 0; rank < worldSize; rank++) {
            const shard = { rank, worldSize }
            const expected = [...split(take(skip(items, first), count), shard)]
            assert.deepEqual([...split(take(skip(items.values(), first), count), shard)], expected)
            assert.deepEqual(await all(split(take(skip(stream(), first), count), shard)), expected)
          }
        },
      ),
      runs,
    )
  })

  it('the mix of streams is that of arrays, where all is given', async () => {
    const lists = fc.array(fc.array(fc.nat(), { maxLength: 9 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(lists, fc.boolean(), fc.nat(), async (lists, isWeighted, seed) => {
        const options = { seed, ...(isWeighted ? { weights: lists.map((_, i) => i + 1) } : {}) }
        const expected = [...mix(lists, options)]
        assert.deepEqual(
          [
            ...mix(
              lists.map((list) => list.values()),
              options,
            ),
          ],
          expected,
        )
      }),
      runs,
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PipelineFailure, workerModule } from 'spindle'
import { CacheDataLoader, DataLoader } from 'spindle/loader'
import { BatchMember, batchOf, WholeBatches } from '../../src/loader/fused/whole-batches.ts'
import { collect, throwsCode } from '../support/consume.ts'
import { range } from '../support/sources.ts'
import type * as Ops from './fused-ops.ts'
import type { Batch, Fates, Together } from './fused-ops.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./fused-ops.ts'))
const none: Fates = { drops: [], throws: [] }
const numbers = (list: readonly number[]) => [...list].sort((a, b) => a - b)
const membersOf = (batches: readonly Batch[]) => batches.flatMap(({ members }) => members)

function make(fates: Fates, more: object = {}): DataLoader<Batch> {
  return new DataLoader(range(200), {
    preprocess: ops.sample.with(fates),
    batchSize: 4,
    collate: ops.gather.with(fates),
    threads: 2,
    ...more,
  }) as unknown as DataLoader<Batch>
}

describe('whole batches in one thread', () => {
  for (const outputOrder of ['completion', 'input'] as const)
    it(`make the samples of a batch where the batch is made, in ${outputOrder} order`, async () => {
      await using loader = make(none, { outputOrder })
      for (let epoch = 0; epoch < 2; epoch++) {
        const batches = await collect(loader)
        assert.equal(batches.length, loader.length)
        assert.ok(batches.filter(({ isLocal }) => isLocal).length >= 25)
        const members = membersOf(batches)
        assert.deepEqual(outputOrder === 'input' ? members : numbers(members), [...range(200)])
      }
      const { stages } = await loader.stats()
      assert.deepEqual(
        stages.slice(1, 4).map(({ name, tasks }) => `${name}: ${tasks}`),
        ['preprocess(sample): 200', 'aggregate(4): 200', 'collate(gather): 50'],
      )
    })

  it('lose no sample and give full batches, whatever is dropped or fails', async () => {
    const some = fc.uniqueArray(fc.integer({ min: 0, max: 199 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(
        some,
        some,
        fc.constantFrom('completion', 'input'),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (drops, throws, outputOrder, dropLast, resumable, concurrency) => {
          const errors: number[] = []
          const build = {
            onItemError: ({ index, error }: { index: number; error: unknown }) => {
              assert.match(String(error), new RegExp(`^RangeError: item ${index}$`))
              errors.push(index)
            },
          }
          const options = { outputOrder, dropLast, resumable, concurrency, maxFailures: 200, build }
          await using loader = make({ drops, throws }, options)
          const batches = await collect(loader)
          const good = [...range(200)].filter((n) => !drops.includes(n) && !throws.includes(n))
          const full = Math.floor(good.length / 4)
          const rest = good.length % 4
          const sizes = batches.map(({ members }) => members.length)
          if (outputOrder === 'completion') sizes.sort((a, b) => b - a)
          assert.deepEqual(sizes, [
            ...new Array<number>(full).fill(4),
            ...(rest > 0 && !dropLast ? [rest] : []),
          ])
          const members = membersOf(batches)
          if (outputOrder === 'input') assert.deepEqual(members, good.slice(0, members.length))
          else if (!dropLast) assert.deepEqual(numbers(members), good)
          assert.equal(new Set(members).size, members.length)
          assert.deepEqual(numbers(errors), numbers(throws))
        },
      ),
      { numRuns: 6 },
    )
  })

  it('never run more calls at once than `concurrency`, and each item once', async () => {
    for (const concurrency of [1, 2]) {
      const counts = new Int32Array(new SharedArrayBuffer(16))
      await using loader = make({ ...none, counts }, { concurrency })
      assert.deepEqual(numbers(membersOf(await collect(loader))), [...range(200)])
      assert.ok(Atomics.load(counts, 1) <= concurrency)
      assert.equal(Atomics.load(counts, 2), 200)
    }
  })

  it('are not made of promises or generators, whose calls overlap or stream', async () => {
    const late = make(none, { preprocess: ops.lateSample.with(none) })
    assert.deepEqual(numbers(membersOf(await collect(late))), [...range(200)])
    await late.stop()
    const two = make(none, { preprocess: ops.twoSamples.with(none) })
    const members = numbers(membersOf(await collect(two)))
    assert.deepEqual(members, [...range(200), ...range(200).map((n) => n + 1000)])
    await two.stop()
  })

  it('wait for a `collate` that is asynchronous', async () => {
    await using loader = make(none, { collate: ops.lateGather.with(none) })
    const batches = await collect(loader)
    assert.deepEqual(numbers(membersOf(batches)), [...range(200)])
    assert.ok(batches.some(({ isLocal }) => isLocal))
  })

  it('leave the failures of `collate` to its stage', async () => {
    const fates = { ...none, spoils: [100] }
    const letters: unknown[] = []
    const build = { deadLetter: ({ item }: { item: unknown }) => void letters.push(item) }
    await using loader = make(fates, { maxFailures: 1, outputOrder: 'input', build })
    const spoilt = [100, 101, 102, 103]
    assert.deepEqual(
      membersOf(await collect(loader)),
      [...range(200)].filter((n) => !spoilt.includes(n)),
    )
    assert.deepEqual(letters, [spoilt.map((n) => ({ n }))])
    await using strict = make(fates)
    await assert.rejects(collect(strict), (error) => error instanceof PipelineFailure)
  })

  it('have the random numbers and the contexts that single calls have', async () => {
    const run = async (placement: 'inline' | 'threads') => {
      await using loader = new DataLoader(range(80), {
        preprocess: ops.drawn,
        batchSize: 4,
        collate: ops.drawnTogether,
        outputOrder: 'input',
        seed: 5,
        placement,
        ...(placement === 'threads' ? { threads: 2 } : {}),
      })
      return [await collect(loader), await collect(loader)]
    }
    assert.deepEqual(await run('threads'), await run('inline'))
  })

  it('blame the item that kills a thread, and no other', async () => {
    const failed: number[] = []
    await using loader = new DataLoader(range(80), {
      preprocess: ops.killer.with(50),
      batchSize: 4,
      collate: ops.count,
      threads: 2,
      maxFailures: 1,
      build: { onItemError: ({ index }) => void failed.push(index) },
    })
    const batches = await collect(loader)
    assert.deepEqual(
      numbers(batches.flat()),
      [...range(80)].filter((n) => n !== 50),
    )
    assert.deepEqual(failed, [50])
  })
})

describe('memory of samples', () => {
  const load = async (
    preprocess: (typeof ops)['movedBytes'] | (typeof ops)['allocatedBytes'],
    collate: (typeof ops)['join'],
    more: object = {},
  ): Promise<readonly Together[]> => {
    await using loader = new DataLoader(range(200), {
      preprocess: preprocess as (typeof ops)['movedBytes'],
      batchSize: 4,
      collate,
      threads: 2,
      outputOrder: 'input',
      ...more,
    })
    const batches = await collect(loader)
    const bytes = batches.flatMap(({ data }) => [...data])
    assert.deepEqual(
      bytes,
      range(200).flatMap((n) => new Array<number>(64).fill(n)),
    )
    return batches
  }

  it('is the memory of the batch, if they are given up', async () => {
    const batches = await load(ops.movedBytes, ops.join)
    assert.ok(batches.filter(({ isJoined }) => isJoined).length >= 25)
    const apart = await load(ops.movedBytes, ops.join, { placement: 'inline' })
    assert.ok(apart.every(({ isJoined }) => !isJoined))
  })

  it('stays with an op that keeps them', async () => {
    for (const { isJoined, isIntact } of await load(ops.keptBytes, ops.join))
      assert.ok(isIntact && !isJoined)
  })

  it('never shows other data to a `collate` that keeps samples which were given up', async () => {
    for (const preprocess of [ops.movedBytes, ops.allocatedBytes]) {
      const batches = await load(preprocess, ops.joinAndKeep)
      assert.ok(batches.every(({ isIntact }) => isIntact))
    }
  })

  it('is that of earlier batches with `reuseBatches`, which are then empty', async () => {
    const options = { batchSize: 4, threads: 2, outputOrder: 'input', reuseBatches: true } as const
    await using loader = new DataLoader(range(200), {
      preprocess: ops.movedBytes,
      collate: ops.join,
      ...options,
    })
    throwsCode(() => new CacheDataLoader(loader), 'ERR_BAD_OPTION', /reuseBatches/)
    const seen: Together[] = []
    for await (const batch of loader) {
      const first = 4 * seen.length
      assert.deepEqual(
        [...batch.data],
        range(4).flatMap((n) => new Array<number>(64).fill(first + n)),
      )
      assert.ok(seen.every(({ data }) => data.length === 0))
      seen.push(batch)
    }
    assert.equal(seen.at(-1)?.data.length, 0)
    // What functions of this thread return may be theirs.
    const own = Uint8Array.of(1)
    await using inline = new DataLoader(range(8), { collate: () => own, ...options })
    assert.ok((await collect(inline)).every((data) => data === own && own.length === 1))
  })

  it('is not reused while the batch refers to it', async () => {
    await using loader = new DataLoader(range(200), {
      preprocess: ops.allocatedBytes,
      batchSize: 4,
      collate: ops.list,
      threads: 2,
      outputOrder: 'input',
    })
    const batches = await collect(loader)
    for (const [n, { data }] of batches.flat().entries())
      assert.deepEqual(data, new Uint8Array(64).fill(n))
  })
})

describe('members of made batches', () => {
  const batch = (size: number) => {
    const made = { value: size, size }
    return range(size).map((at) => new BatchMember(made, at, at, {} as never))
  }

  it('are a batch only together and in order', () => {
    const [one, other] = [batch(3), batch(3)]
    assert.equal(batchOf(one)?.value, 3)
    assert.equal(batchOf([...one].reverse()), undefined)
    assert.equal(batchOf(one.slice(1)), undefined)
    assert.equal(batchOf([one[0], other[1], one[2]]), undefined)
    assert.equal(batchOf([1, 2, 3]), undefined)
  })

  it('do not shift the batches of other samples', () => {
    const whole = new WholeBatches(3)
    const members = batch(3)
    const given = [1, members[0], 2, members[1], members[2], 3, 4].map((one) =>
      whole.accumulate(one),
    )
    assert.deepEqual(given, [
      undefined,
      undefined,
      undefined,
      undefined,
      members,
      [1, 2, 3],
      undefined,
    ])
    assert.deepEqual(whole.flush(), [4])
    assert.equal(whole.flush(), undefined)
  })
})

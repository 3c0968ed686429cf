import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type EpochState,
  mergeStates,
  PipelineBuilder,
  type PipelineState,
  type SeekableSource,
  type SourceState,
} from 'spindle'
import { DistributedSampler } from 'spindle/source'
import { DoneRuns } from '../../../src/engine/progress/done-runs.ts'
import { collect, take } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

const numRuns = Number(process.env.RESUME_CASES ?? 200)
const over = (state: PipelineState): PipelineState => JSON.parse(JSON.stringify(state))
const explicit = { resumable: { commit: 'explicit' } } as const

/**
 * A rank of a source that begins anywhere; `begins` tells where it was begun, `steps` how many
 * items it gave.
 */
class Numbers implements SeekableSource<number> {
  readonly size: number | undefined
  readonly shard: { readonly rank: number; readonly worldSize: number }
  readonly description: { readonly kind: string }
  readonly #end: number
  begins: number[] = []
  steps = 0

  constructor(end: number, rank = 0, worldSize = 1, isSized = true) {
    this.size = isSized ? end : undefined
    this.#end = end
    this.shard = { rank, worldSize }
    this.description = { kind: 'numbers' }
  }

  *iterateFrom(position: number): Generator<number> {
    const { rank, worldSize } = this.shard
    this.begins.push(position)
    for (
      let at = position + ((((rank - position) % worldSize) + worldSize) % worldSize);
      at < this.#end;
      at += worldSize
    ) {
      this.steps++
      yield at
    }
  }
}

/** A state of one rank, as if it had done what `epochs` say. */
function stateOf(source: SeekableSource<number>, ...epochs: EpochState[]): PipelineState {
  const state = over(new PipelineBuilder().addSource(source).build({ resumable: true }).state())
  return { ...state, sources: [{ ...(state.sources[0] as SourceState), epochs }] }
}

describe('what ranks have done, as runs', () => {
  it('holds, from any other share of the positions, exactly what they have', () => {
    const run = fc
      .record({
        first: fc.nat(40),
        count: fc.nat(12),
        step: fc.integer({ min: 1, max: 9 }),
        isOpen: fc.boolean(),
      })
      .map(
        ({ first, count, step, isOpen }) =>
          [first, isOpen ? null : first + count * step, step] as const,
      )
    const spec = fc.record({
      runs: fc.array(run, { maxLength: 6 }),
      worldSize: fc.integer({ min: 1, max: 8 }),
      size: fc.option(fc.integer({ min: 1, max: 150 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(spec, ({ runs, worldSize, size }) => {
        const isDone = (position: number) =>
          position < (size ?? Number.POSITIVE_INFINITY) &&
          runs.some(
            ([first, last, step]) =>
              position >= first &&
              (last === null || position <= last) &&
              (position - first) % step === 0,
          )
        for (let rank = 0; rank < worldSize; rank++) {
          const done = new DoneRuns(runs, { rank, worldSize }, size)
          const own = range(400)
            .filter((position) => position % worldSize === rank)
            .slice(0, -1)
          for (const position of own)
            assert.equal(done.has(position), isDone(position), `${position}`)
          // Open runs have a cycle far below this.
          const open = own.filter((position) => !isDone(position))
          for (const position of own.slice(0, 20)) {
            const next = open.find((one) => one >= position)
            if (next !== undefined) assert.equal(done.nextOpen(position), next)
            else if (size === undefined) assert.ok(done.nextOpen(position) > 390)
          }
          assert.ok(open.every((position) => position < done.until || !done.has(position)))
        }
      }),
      { numRuns },
    )
  })

  it('answers at once, whatever numbers it holds', () => {
    const far = 4e15
    const done = new DoneRuns(
      [
        [0, far, 2],
        [1, far + 1, 2],
        [3, far + 3 * 7 - ((far - 3) % 7), 7],
      ],
      { rank: 0, worldSize: 1 },
    )
    assert.ok(done.nextOpen(0) >= far)
    assert.equal(done.has(far), true)
    const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31].map((step) => [0, null, step] as const)
    assert.equal(new DoneRuns(primes, { rank: 0, worldSize: 1 }).nextOpen(0), 1)
    const woven = range(64).map((at) => [at, null, 64 + (at % 2)] as const)
    new DoneRuns(woven, { rank: 5, worldSize: 64 }).nextOpen(5)
  })
})

describe('states of ranks that are far apart', () => {
  it('of a sampler of 1e9 are joined into a small one, from which any number of ranks goes on at once', async () => {
    const sampler = (rank: number, worldSize: number) =>
      new DistributedSampler(1e9, { rank, worldSize })
    const states = [2e8, 1001].map((low, rank) => stateOf(sampler(rank, 2), { epoch: 0, low }))
    const merged = over(mergeStates(states))
    assert.ok(JSON.stringify(merged).length < 500)
    assert.equal(merged.version, 2)
    const next = async (rank: number, worldSize: number, count: number) => {
      const pipeline = new PipelineBuilder()
        .addSource(sampler(rank, worldSize))
        .build({ resumable: true, state: merged })
      const items = await take(pipeline, count)
      const state = over(pipeline.state())
      await pipeline.stop()
      return { items, state }
    }
    assert.deepEqual((await next(0, 1, 3)).items, [1001, 1003, 1005])
    assert.deepEqual((await next(0, 2, 2)).items, [2e8, 2e8 + 2])
    assert.deepEqual((await next(1, 2, 2)).items, [1001, 1003])
    // Positions 0, 3, 6, … of which the even ones are done.
    assert.deepEqual((await next(0, 3, 3)).items, [1005, 1011, 1017])
    const { state } = await next(2, 4, 1)
    assert.ok(JSON.stringify(state).length < 500)
    assert.equal(state.sources[0]?.epochs[0]?.low, 2e8 + 2)
  })

  it('have a size that depends on how many they are, whatever they have done', () => {
    const spec = fc.array(fc.nat(1e9), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(spec, (lows) => {
        const worldSize = lows.length
        const states = lows.map((low, rank) =>
          stateOf(new Numbers(2e9, rank, worldSize), {
            epoch: 0,
            low: low - (low % worldSize) + rank,
            done: [low + 1000, low + 1e8],
          }),
        )
        const merged = over(mergeStates(states))
        assert.ok(JSON.stringify(merged).length < 200 + 60 * worldSize)
        for (const world of [1, worldSize + 1]) {
          const state = over(
            new PipelineBuilder()
              .addSource(new Numbers(2e9, 0, world))
              .build({ resumable: true, state: merged })
              .state(),
          )
          assert.ok(JSON.stringify(state).length < 300 + 60 * worldSize)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('are gone on from exactly, through any numbers of ranks', async () => {
    const rank = fc.record({ taken: fc.nat(30), kept: fc.nat(3) })
    const world = fc.array(rank, { minLength: 1, maxLength: 6 })
    const spec = fc.record({
      size: fc.integer({ min: 0, max: 90 }),
      isSized: fc.boolean(),
      span: fc.constantFrom(1, 3, 4096),
      worlds: fc.array(world, { minLength: 1, maxLength: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(spec, async ({ size, isSized, span, worlds }) => {
        const committed: number[] = []
        let state: PipelineState | undefined
        for (const one of [...worlds, [{ taken: Number.POSITIVE_INFINITY, kept: 0 }]]) {
          const states: PipelineState[] = []
          for (const [at, { taken, kept }] of one.entries()) {
            const pipeline = new PipelineBuilder()
              .addSource(new Numbers(size, at, one.length, isSized))
              .pipe(async (n) => n, { concurrency: 3, name: 'op' })
              .build({
                resumable: { commit: 'explicit', span },
                ...(state === undefined ? {} : { state }),
              })
            const held: number[] = []
            for (let count = 0; count < taken; count++) {
              const result = await pipeline.getItem()
              if (result.done === true) break
              held.push(result.value)
              if (held.length <= kept) continue
              const value = held.pop() as number
              pipeline.commit(value)
              committed.push(value)
            }
            states.push(over(pipeline.state()))
            await pipeline.stop()
          }
          state = over(mergeStates(states))
        }
        assert.deepEqual(
          committed.toSorted((a, b) => a - b),
          range(size),
        )
        const rest = new PipelineBuilder()
          .addSource(new Numbers(size, 0, 1, isSized))
          .pipe(async (n) => n, { concurrency: 3, name: 'op' })
          .build({ ...explicit, state: state as PipelineState })
        assert.deepEqual(await collect(rest), [])
      }),
      { numRuns: Math.min(numRuns, 100) },
    )
  })

  it('of which one has left an epoch behind keep what it did there, whether the size is known or not', async () => {
    for (const isSized of [true, false]) {
      const source = (rank: number, worldSize: number) => new Numbers(20, rank, worldSize, isSized)
      const states = [
        stateOf(source(0, 2), { epoch: 1, low: 4 }),
        stateOf(source(1, 2), { epoch: 0, low: 15 }),
      ].map((state) => ({ ...state, graph: ['continuous source'] }))
      const merged = over(mergeStates(states))
      const pipeline = new PipelineBuilder()
        .addSource(source(0, 1), { continuous: true })
        .build({ resumable: true, state: merged })
      assert.deepEqual(await collect(pipeline), [15, 17, 19])
      assert.deepEqual((await collect(pipeline)).slice(0, 3), [1, 3, 4])
      await pipeline.stop()
      const even = new PipelineBuilder()
        .addSource(source(0, 2), { continuous: true })
        .build({ resumable: true, state: merged })
      assert.deepEqual(await collect(even), [])
      assert.deepEqual(await collect(even), [4, 6, 8, 10, 12, 14, 16, 18])
      await even.stop()
    }
  })

  it('of ranks that pad, or drop a rest, are gone on from by other numbers of them', async () => {
    for (const options of [{ padding: true }, { dropLast: true }] as {
      padding?: boolean
      dropLast?: boolean
    }[]) {
      const sampler = (rank: number, worldSize: number) =>
        new DistributedSampler(10, { rank, worldSize, ...options })
      let state: PipelineState | undefined
      for (const worldSize of [3, 1, 4, 2, 1]) {
        const states: PipelineState[] = []
        for (const rank of range(worldSize)) {
          const pipeline = new PipelineBuilder()
            .addSource(sampler(rank, worldSize))
            .build({ resumable: true, ...(state === undefined ? {} : { state }) })
          await collect(pipeline)
          states.push(over(pipeline.state()))
        }
        state = over(mergeStates(states))
      }
    }
  })

  it('begin a source anew behind what is done, rather than going through it', async () => {
    const source = new Numbers(1e12)
    const state = stateOf(source, { epoch: 0, low: 5, done: [7, 9e11, 9e11 + 3, 1e12 - 2] })
    const builder = new PipelineBuilder().addSource(source)
    const pipeline = builder.build({ ...explicit, state })
    assert.deepEqual(await collect(pipeline), [5, 6, 9e11 + 1, 9e11 + 2, 1e12 - 1])
    assert.deepEqual(source.begins, [5, 9e11 + 1, 1e12 - 1])
    assert.ok(source.steps < 20)
    // Nothing of it is committed; the state is what it was.
    assert.deepEqual(pipeline.state().sources[0]?.epochs, [
      { epoch: 0, low: 5, done: state.sources[0]?.epochs[0]?.done, end: 1e12 },
    ])
    for (const value of [9e11 + 1, 6, 1e12 - 1]) pipeline.commit(value)
    assert.deepEqual(pipeline.state().sources[0]?.epochs[0]?.done, [
      6,
      9e11 + 1,
      9e11 + 3,
      1e12 - 1,
    ])
    pipeline.commit(5)
    pipeline.commit(9e11 + 2)
    assert.deepEqual(pipeline.state().sources[0]?.epochs[0]?.low, 1e12)
  })

  it('of an earlier release are taken, with their lists of positions', async () => {
    const states = [0, 1].map((rank) =>
      stateOf(new Numbers(12, rank, 2), { epoch: 0, low: rank + 2, done: [6, 8] }),
    )
    const merged = mergeStates(states)
    const old = {
      ...merged,
      version: 1,
      sources: [
        { dataset: { kind: 'numbers' }, epochs: [{ epoch: 0, low: 2, done: [3, 3, 6, 8] }] },
      ],
    }
    for (const state of [over(old), over(mergeStates([old]))]) {
      const pipeline = new PipelineBuilder()
        .addSource(new Numbers(12))
        .build({ resumable: true, state })
      assert.deepEqual(await collect(pipeline), [2, 4, 5, 9, 10, 11])
    }
    assert.equal(mergeStates([old]).version, 1)
  })

  it('that are no states of one world are refused', () => {
    const two = [0, 1].map((rank) => stateOf(new Numbers(9, rank, 2), { epoch: 0, low: rank }))
    const three = stateOf(new Numbers(9, 2, 3), { epoch: 0, low: 2 })
    assert.throws(() => mergeStates([two[0] as PipelineState, three]), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => mergeStates([two[0] as PipelineState, two[0] as PipelineState]), {
      code: 'ERR_BAD_OPTION',
    })
    const apart = [0, 9e15 - 1].map((epoch, rank) =>
      stateOf(new Numbers(9, rank, 2), { epoch, low: rank }),
    )
    assert.throws(() => mergeStates(apart), { code: 'ERR_BAD_STATE', message: /epochs apart/ })
  })
})

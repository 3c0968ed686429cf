import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  mergeStates,
  PipelineBuilder,
  type PipelineState,
  runPipelineInProcess,
  runPipelineInWorker,
} from 'spindle'
import { DataLoader } from 'spindle/loader'
import {
  concat,
  DistributedSampler,
  defineAsyncSource,
  mix,
  repeat,
  shuffleBuffer,
  shuffled,
  skip,
  split,
  take,
} from 'spindle/source'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

type Loose = { [name: string]: any }
type Edit = (state: Loose, epoch: Loose) => unknown

const edited = (state: PipelineState, edit: Edit): PipelineState => {
  const copy = JSON.parse(JSON.stringify(state))
  edit(copy, copy.sources[0].epochs[0])
  return copy
}
/** Runs came with version 2. */
const ofRuns =
  (runs: () => unknown): Edit =>
  (state, epoch) => {
    state.version = 2
    epoch.runs = runs()
  }
const refusal = (message: RegExp) => ({ code: 'ERR_BAD_OPTION', message })

const NO_COUNTS = [
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e300,
  '1',
  null,
  [],
  {},
  true,
  1n,
]

/** What no state can say, and the place that the error names. */
const SHAPES: readonly (readonly [edit: Edit, message: RegExp])[] = [
  ...NO_COUNTS.flatMap((value): (readonly [Edit, RegExp])[] => [
    [(_, epoch) => (epoch.low = value), /epochs\[0\]\.low`/],
    [(_, epoch) => (epoch.end = value), /epochs\[0\]\.end`/],
    [(_, epoch) => (epoch.epoch = value), /epochs\[0\]\.epoch`/],
    [(_, epoch) => (epoch.done = [5, value]), /epochs\[0\]\.done`/],
    [(state) => (state.failures = value), /failures`/],
    [
      (state) => (state.sources[0].shard = { rank: 0, worldSize: value }),
      /shard\.worldSize`|shard\.rank`/,
    ],
    [(state) => (state.sources[0].shard = { rank: value, worldSize: 1 }), /shard\.rank`/],
    [
      (state) => (state.batches = [{ aggregate: value, members: [], done: [] }]),
      /batches\[0\]\.aggregate`/,
    ],
    [ofRuns(() => [[value, null, 2]]), /runs\[0\]`/],
    [ofRuns(() => [[0, 4, value]]), /runs\[0\]`/],
  ]),
  [(_, epoch) => (epoch.done = [5]), /done` must be first and last positions/],
  [(_, epoch) => (epoch.done = [8, 7]), /done`/],
  [(_, epoch) => (epoch.done = [0, 1]), /done` must be .*from `low` 4 on/],
  [(_, epoch) => (epoch.done = 'x'), /done`/],
  [(_, epoch) => (epoch.parts = { x: ['0'] }), /parts\[x\]` must be named by a position/],
  [(_, epoch) => (epoch.parts = { '1e3': ['0'] }), /parts\[1e3\]`/],
  [(_, epoch) => (epoch.parts = { 6: ['a'] }), /parts\[6\]` must be of outputs/],
  [(_, epoch) => (epoch.parts = [1]), /parts`/],
  [(_, epoch) => (epoch.runs = [[0, 4, 2]]), /runs` must be left out in version 1/],
  [ofRuns(() => [[0, 5, 2]]), /runs\[0\]`/],
  [ofRuns(() => [[4, 0, 2]]), /runs\[0\]`/],
  [
    ofRuns(() => range(5000).map((step) => [0, null, step + 1])),
    /runs` must be of at most 1024 different steps/,
  ],
  [(state) => (state.sources[0].epochs = []), /epochs` must be an array that is not empty/],
  [(state, epoch) => state.sources[0].epochs.push(epoch), /epochs\[1\]\.epoch` must be 1, after/],
  [
    (state, epoch) => state.sources[0].epochs.push({ ...epoch, epoch: 9e15 }),
    /epochs\[1\]\.epoch` must be 1/,
  ],
  [
    (state) => (state.sources[0].epochs = range(5000).map((epoch) => ({ epoch, low: 0 }))),
    /epochs` must be at most 1024 without an `end`/,
  ],
  [
    (state) => (state.sources[0].epochs = range(1e5).map((epoch) => ({ epoch, low: 1, end: 1 }))),
    /epochs\.length` must be at most 65536, got 100000/,
  ],
  [(state) => (state.sources[0] = null), /sources\[0\]` must be an object/],
  [(state) => (state.sources = {}), /sources` must be an array/],
  [(state) => (state.sources[0].ranks = 2), /ranks`/],
  [(state) => (state.graph = [1]), /graph` must be an array of texts/],
  [(state) => (state.seed = 0.5), /seed` must be an integer/],
  [
    (state) => (state.batches = [{ aggregate: 0, members: ['x'], done: [] }]),
    /members\[0\]` must be `source/,
  ],
  [
    (state) => (state.batches = [{ aggregate: 0, members: ['#1'], done: [] }]),
    /of one of 1 batches/,
  ],
  [
    (state) => (state.batches = [{ aggregate: 0, members: ['#0'], done: [] }]),
    /not made of this one/,
  ],
  [
    (state) =>
      (state.batches = [
        { aggregate: 0, members: ['#1'], done: [] },
        { aggregate: 0, members: ['#0.1'], done: [] },
      ]),
    /not made of this one/,
  ],
  [(state) => (state.batches = [{ aggregate: 0, members: ['0/0/1'], done: ['x'] }]), /done\[0\]`/],
]

/** What the size of the source, 10, tells besides. */
const PLACES: readonly (readonly [edit: Edit, message: RegExp])[] = [
  [
    (_, epoch) => (epoch.low = 11),
    /low` must be at most 10, as the source has 10 positions, got 11/,
  ],
  [(_, epoch) => (epoch.low = 1000), /low` must be at most 10/],
  [(_, epoch) => (epoch.low = 2 ** 52), /low` must be at most 10/],
  [(_, epoch) => (epoch.end = 0), /end` must be 10/],
  [(_, epoch) => (epoch.end = 1e9), /end` must be 10/],
  [(_, epoch) => (epoch.done = [1e9, 1e9]), /done` must be of positions below 10/],
  [(_, epoch) => (epoch.done = [6, 2 ** 52]), /done` must be of positions below 10/],
  [(_, epoch) => (epoch.parts = { 1000: ['0'] }), /parts` must be of positions below 10/],
  [ofRuns(() => [[5, 2 ** 52 - 1, 1]]), /runs\[0\]` must be of positions below 10/],
  [
    (state, epoch) => state.sources[0].epochs.push({ ...epoch, epoch: 1 }),
    /epochs` must be of one epoch, for the source is not continuous/,
  ],
  [
    (state) => (state.batches = [{ aggregate: 1, members: ['0/0/6'], done: ['0'] }]),
    /aggregate` must be below 1, the number of aggregates/,
  ],
  [
    (state) => (state.batches = [{ aggregate: 0, members: ['0/0/10'], done: ['0'] }]),
    /members\[0\]` must be of a position below 10/,
  ],
]

const ten = range(10)
const pages = defineAsyncSource({
  size: 10,
  description: { kind: 'pages' },
  async *pick(positions) {
    yield* positions
  },
})
const SOURCES = {
  'an array': ten,
  'a typed array': Float64Array.from(ten),
  'a sampler': new DistributedSampler(10),
  'a source that is read': pages,
  shuffled: shuffled(10, { seed: 1 }),
  'a shuffle buffer': shuffleBuffer(ten, { size: 3, seed: 1 }),
  concat: concat([ten.slice(0, 4), ten.slice(4)]),
  repeat: repeat(ten.slice(0, 5), { times: 2 }),
  take: take(range(20), 10),
  skip: skip(range(20), 10),
  split: split(ten, { rank: 0, worldSize: 1 }),
  mix: mix([ten], { seed: 1 }),
} as const

describe('a state that was edited', () => {
  for (const [name, source] of Object.entries(SOURCES)) {
    it(`is refused when a pipeline is built from it: ${name}`, async () => {
      const builder = new PipelineBuilder().addSource(source as readonly unknown[]).aggregate(2)
      const blank = builder.build({ resumable: true }).state()
      const state = edited(blank, (_, epoch) => (epoch.low = 4))
      assert.equal((await collect(builder.build({ resumable: true, state }))).length, 3)
      // The form is checked for all alike.
      for (const [edit, message] of name === 'an array' ? [...SHAPES, ...PLACES] : PLACES)
        assert.throws(
          () => builder.build({ resumable: true, state: edited(state, edit) }),
          refusal(message),
          String(edit),
        )
    })
  }

  it('is refused by what takes it elsewhere, before anything is started', () => {
    const loader = new DataLoader(ten, { batchSize: 2, resumable: true })
    const blank = new PipelineBuilder().addSource(ten).build({ resumable: true }).state()
    const state = edited(blank, (_, epoch) => (epoch.low = 4))
    for (const [edit, message] of SHAPES) {
      const bad = edited(state, edit)
      assert.throws(() => mergeStates([bad]), refusal(message), String(edit))
      assert.throws(
        () =>
          new DataLoader(ten, {
            batchSize: 2,
            resumable: true,
            state: { epoch: 0, pipeline: bad },
          }),
        refusal(message),
      )
      for (const run of [runPipelineInWorker, runPipelineInProcess])
        assert.throws(
          () => run('data:,', { build: { resumable: true, state: bad } }),
          refusal(message),
        )
    }
    assert.deepEqual(loader.state(), { epoch: 0 })
    for (const epoch of NO_COUNTS) {
      const bad = { epoch } as never
      assert.throws(
        () => new DataLoader(ten, { resumable: true, state: bad }),
        refusal(/`state.epoch` must be/),
      )
      assert.throws(() => loader.setEpoch(epoch as never), refusal(/`epoch` must be/))
    }
    assert.throws(
      () => new DataLoader(ten, { state: { epoch: 0 } }),
      refusal(/`resumable` must be true/),
    )
  })

  it('of a loader is refused by its first iteration where the size of the source tells it', async () => {
    const loader = new DataLoader(ten, { batchSize: 2, resumable: true })
    for await (const _ of loader) break
    const { pipeline } = loader.state()
    await loader.stop()
    const bad = edited(pipeline as PipelineState, (_, epoch) => (epoch.low = 1000))
    const again = new DataLoader(ten, {
      batchSize: 2,
      resumable: true,
      state: { epoch: 0, pipeline: bad },
    })
    await assert.rejects(
      async () => {
        for await (const _ of again);
      },
      refusal(/low` must be at most 10/),
    )
  })

  it('of a source that is gone through from its start is refused when that is shorter', async () => {
    for (const isAsync of [false, true]) {
      const items = isAsync
        ? async function* () {
            yield* ten
          }
        : () => ten
      const builder = new PipelineBuilder().addSource(items as () => Iterable<number>, {
        resume: 'skip',
      })
      const blank = builder.build({ resumable: true }).state()
      const from = (low: number) =>
        collect(
          builder.build({ resumable: true, state: edited(blank, (_, epoch) => (epoch.low = low)) }),
        )
      assert.deepEqual(await from(8), [8, 9])
      assert.deepEqual(await from(10), [])
      await assert.rejects(from(11), (error: any) => {
        assert.equal(error.errors[0].cause.code, 'ERR_OTHER_STATE')
        assert.match(
          error.errors[0].cause.message,
          /the first 11 items are done, and the source has 10/,
        )
        return true
      })
    }
  })

  it('cannot be told of a source whose description is no JSON, which is refused when it is built', () => {
    const description = { kind: 'numbers', size: 1n } as never
    const source = { size: 1, description, iterateFrom: () => [0] }
    assert.throws(() => new PipelineBuilder().addSource(source).build({ resumable: true }), {
      code: 'ERR_BAD_SOURCE',
      message: /`description` of source "source" must be what JSON can say/,
    })
  })

  it('of many epochs and places is read in proportion to its text', () => {
    const builder = new PipelineBuilder().addSource(new DistributedSampler(1e6), {
      continuous: true,
    })
    const blank = builder.build({ resumable: true }).state()
    const many = edited(blank, (state) => {
      state.sources[0].epochs = range(65_000).map((epoch) => ({ epoch, low: 1e6, end: 1e6 }))
      state.sources[0].epochs[64_999] = {
        epoch: 64_999,
        low: 0,
        done: range(100_000).map((at) => 5 + at + (at >> 1)),
        parts: Object.fromEntries(range(50_000).map((at) => [700_000 + at, ['0.1']])),
      }
    })
    const state = builder.build({ resumable: true, state: many }).state()
    assert.deepEqual(state.sources[0]?.epochs.length, 1)
  })
})

describe('a place to begin at that is none', () => {
  it('is refused by every source', () => {
    for (const [name, source] of Object.entries(SOURCES)) {
      if (!('iterateFrom' in source)) continue
      for (const value of [...NO_COUNTS, 2 ** 53, 11]) {
        assert.throws(
          () => source.iterateFrom(value as never, 0),
          { code: 'ERR_BAD_OPTION' },
          `${name} ${String(value)}`,
        )
        if (value === 11) continue
        assert.throws(() => source.iterateFrom(0, value as never), { code: 'ERR_BAD_OPTION' })
        assert.throws(() => source.setEpoch(value as never), { code: 'ERR_BAD_OPTION' })
      }
    }
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, workerModule } from 'spindle'
import {
  batchByTokens,
  bucketByLength,
  DataLoader,
  type LoaderState,
  packDocuments,
  splitDocuments,
} from 'spindle/loader'
import { DistributedSampler } from 'spindle/source'
import { collect, throwsCode } from '../support/consume.ts'
import { range } from '../support/sources.ts'
import type * as Ops from './loader-ops.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./loader-ops.ts'))
const sampler = () => new DistributedSampler(20, { rank: 0, worldSize: 1, shuffle: true, seed: 3 })
const throughJson = (state: LoaderState): LoaderState => JSON.parse(JSON.stringify(state))

/** What is given from a state on, to the end of that epoch; the loader may go on. */
async function untilCut<T>(
  loader: DataLoader<T>,
  cut: number,
): Promise<{ given: T[]; state: LoaderState }> {
  const given: T[] = []
  let state = loader.state()
  for await (const batch of loader) {
    given.push(batch)
    loader.commit(batch)
    state = throughJson(loader.state())
    if (given.length === cut) break
  }
  return { given, state }
}

describe('a DataLoader that is resumed', () => {
  const make = (state?: LoaderState) =>
    new DataLoader(sampler(), {
      preprocess: async (n, { rng }) => n + rng.next(),
      batchSize: 3,
      outputOrder: 'input',
      seed: 8,
      resumable: true,
      ...(state === undefined ? {} : { state }),
    })

  it('goes on where the run was, at every cut of every epoch, with the same batches and random numbers', async () => {
    const whole = make()
    const epochs = [await collect(whole), await collect(whole), await collect(whole)]
    for (let cut = 1; cut <= 7; cut++) {
      const loader = make()
      await collect(loader)
      const { given, state } = await untilCut(loader, cut)
      const resumed = make(state)
      const isWhole = cut === 7
      assert.equal(resumed.epoch, isWhole ? 2 : 1)
      if (!isWhole) assert.deepEqual([...given, ...(await collect(resumed))], epochs[1])
      assert.deepEqual(await collect(resumed), epochs[2])
    }
  })

  it('has a state before the first batch, and between epochs', async () => {
    const loader = make()
    assert.deepEqual(loader.state(), { epoch: 0 })
    await collect(loader)
    assert.deepEqual(loader.state(), { epoch: 1 })
    assert.equal(make({ epoch: 4 }).epoch, 4)
  })

  it('goes on in a worker as here', async () => {
    const inWorker = (state?: LoaderState) =>
      new DataLoader(range(10), {
        preprocess: ops.square,
        batchSize: 2,
        outputOrder: 'input',
        placement: 'worker',
        resumable: true,
        ...(state === undefined ? {} : { state }),
      })
    await using first = inWorker()
    const { given, state } = await untilCut(first, 2)
    await using second = inWorker(state)
    assert.deepEqual(
      [...given, ...(await collect(second))].flat(),
      range(10).map((n) => n * n),
    )
    assert.equal((await collect(second)).length, 5)
  })

  it('goes on with sources of which it is told how', async () => {
    const make = (state?: LoaderState) =>
      new DataLoader(new Set(range(9)), {
        batchSize: 2,
        resumable: true,
        sourceOptions: { resume: 'skip', dataset: 'nine' },
        ...(state === undefined ? {} : { state }),
      })
    const { given, state } = await untilCut(make(), 2)
    assert.deepEqual([...given, ...(await collect(make(state)))].flat(), range(9))
    const positions: number[] = []
    const bySeek = (state?: LoaderState) =>
      new DataLoader(
        ({ position }) => {
          positions.push(position)
          return range(9 - position, position)
        },
        {
          resumable: true,
          sourceOptions: { resume: 'seek' },
          ...(state === undefined ? {} : { state }),
        },
      )
    const cut = await untilCut(bySeek(), 4)
    assert.deepEqual([...cut.given, ...(await collect(bySeek(cut.state)))], range(9))
    assert.deepEqual(positions, [0, 4])
  })

  it('refuses what cannot be resumed when it is asked for, and a state of other data', async () => {
    throwsCode(
      () => new DataLoader(() => [1], { resumable: true }),
      'ERR_NOT_RESUMABLE',
      /sourceOptions/,
    )
    throwsCode(
      () => new DataLoader([1].values(), { resumable: true }),
      'ERR_NOT_RESUMABLE',
      /only once/,
    )
    const { state } = await untilCut(make(), 2)
    const other = new DataLoader(new DistributedSampler(21, { rank: 0, worldSize: 1 }), {
      preprocess: async (n) => n,
      batchSize: 3,
      seed: 8,
      resumable: true,
      state,
    })
    await assert.rejects(collect(other))
    throwsCode(() => new DataLoader([1]).state(), 'ERR_BAD_STATE', /resumable: true/)
  })
})

describe('aggregators in a pipeline that is resumed', () => {
  const lengths = Array.from({ length: 40 }, (_, i) => 1 + ((i * 7) % 13))
  const documents = lengths.map((length, number) => Array.from({ length }, () => number))
  const length = (document: readonly number[]) => document.length
  const hows = {
    bucketByLength: () =>
      new PipelineBuilder()
        .addSource(documents)
        .aggregate(bucketByLength<number[]>({ length, boundaries: [3, 7], batchSize: [3, 4, 2] })),
    'bucketByLength, rests together': () =>
      new PipelineBuilder()
        .addSource(documents)
        .aggregate(
          bucketByLength<number[]>({ length, boundaries: [3, 7], batchSize: 4, rest: 'together' }),
        ),
    batchByTokens: () =>
      new PipelineBuilder()
        .addSource(documents)
        .aggregate(batchByTokens<number[]>({ length, maxTokens: 30, padded: true })),
    packDocuments: () =>
      new PipelineBuilder()
        .addSource(documents)
        .pipe(splitDocuments<number[]>({ maxTokens: 8 }))
        .aggregate(packDocuments<number[]>({ maxTokens: 8, openPacks: 4 })),
  }
  for (const [name, how] of Object.entries(hows)) {
    it(`${name}: what was committed does not come again, and all else does, once`, async () => {
      const batches = (await collect(how().build())).length
      const all = documents.flat().toSorted()
      for (let cut = 1; cut <= batches; cut++) {
        const committed: number[][][] = []
        await using first = how().build({ resumable: { commit: 'explicit' } })
        let state = first.state()
        for await (const batch of first) {
          first.commit(batch)
          committed.push(batch)
          state = JSON.parse(JSON.stringify(first.state()))
          if (committed.length === cut) break
        }
        const rest = await collect(how().build({ resumable: true, state }))
        assert.deepEqual([...committed, ...rest].flat(2).toSorted(), all, `cut after ${cut}`)
      }
    })
  }
})

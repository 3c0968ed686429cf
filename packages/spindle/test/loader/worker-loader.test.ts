import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { threadId } from 'node:worker_threads'
import { PipelineFailure, runPipelineInWorker, workerModule } from 'spindle'
import { DataLoader } from 'spindle/loader'
import { collect, rejectsCode, take, throwsCode } from '../support/consume.ts'
import { range } from '../support/sources.ts'
import type * as Ops from './loader-ops.ts'

const href = import.meta.resolve('./loader-ops.ts')
const ops = workerModule<typeof Ops>(href)

describe("DataLoader with placement: 'worker'", () => {
  it('gives its batches to a plain for, epoch after epoch', async () => {
    await using loader = new DataLoader(range(5), {
      preprocess: ops.square,
      batchSize: 2,
      collate: ops.collate,
      outputOrder: 'input',
      placement: 'worker',
    })
    assert.equal(loader.length, 3)
    for (let epoch = 0; epoch < 2; epoch++) {
      const batches: string[] = []
      for (const { data, shape } of loader) batches.push(`${shape}: ${data}`)
      assert.deepEqual(batches, ['2: 0,1', '2: 4,9', '1: 16'])
      assert.equal(loader.progress.batches, 3)
    }
    const { stages } = await loader.stats()
    assert.ok(stages.some(({ name }) => name === 'preprocess(square)' || name === 'preprocess'))
    assert.match(String(await loader.report()), /collate/)
  })

  it('runs all of it off this thread, and for await will do too', async () => {
    await using loader = new DataLoader([1, 2], { preprocess: ops.whereAmI, placement: 'worker' })
    const [first, second] = await collect(loader)
    assert.equal(first, second)
    assert.notEqual(first, threadId)
    await using inThreads = new DataLoader([1], {
      preprocess: ops.whereAmI,
      placement: 'worker',
      threads: 1,
    })
    assert.equal((await collect(inThreads)).length, 1)
  })

  it('tells a source by reference the epoch, also after the loop was left', async () => {
    await using loader = new DataLoader(ops.epochTens, { placement: 'worker' })
    assert.deepEqual(await collect(loader), [0, 10, 20])
    assert.deepEqual(await take(loader, 1), [1])
    assert.deepEqual(await collect(loader), [2, 12, 22])
    for (const item of loader) {
      assert.equal(item, 3)
      break
    }
    await loader.stop()
    assert.deepEqual(await collect(loader), [4, 14, 24])
    loader.setEpoch(7)
    assert.deepEqual([...loader], [7, 17, 27])
    assert.equal(loader.epoch, 8)
  })

  it('takes aggregators by reference', async () => {
    await using loader = new DataLoader(['a', 'long', 'b', 'longer', 'c'], {
      aggregate: ops.buckets,
      placement: 'worker',
    })
    assert.deepEqual(await collect(loader), [['a', 'b'], ['long', 'longer'], ['c']])
  })

  it('has the random numbers that it would have here', async () => {
    const run = async (placement: 'inline' | 'worker') => {
      await using loader = new DataLoader(range(3), {
        preprocess: ops.random,
        outputOrder: 'input',
        placement,
        seed: 3,
      })
      return [await collect(loader), await collect(loader)]
    }
    const [here, there] = [await run('inline'), await run('worker')]
    assert.deepEqual(there, here)
    assert.notDeepEqual(here[0], here[1])
  })

  it('gives its failure to the consumer', async () => {
    await using loader = new DataLoader(range(5), {
      preprocess: ops.failAtThree,
      concurrency: 1,
      placement: 'worker',
    })
    await assert.rejects(
      collect(loader),
      (error) => error instanceof PipelineFailure && /three/.test(error.message),
    )
    // The next epoch is another one.
    await assert.rejects(collect(loader), PipelineFailure)
    assert.equal(loader.epoch, 2)
    assert.match(String(await loader.report()), /preprocess/)
    await using tolerant = new DataLoader(range(5), {
      preprocess: ops.failAtThree,
      maxFailures: 1,
      outputOrder: 'input',
      placement: 'worker',
    })
    assert.deepEqual([...tolerant], [0, 1, 2, 4])
  })

  it('refuses what cannot cross at construction, with what to do', () => {
    throwsCode(
      () => new DataLoader([1], { preprocess: (n) => n, placement: 'worker' }),
      'ERR_BAD_OPTION',
      /`preprocess` must be given by reference.*workerModule.*runPipelineInWorker/,
    )
    throwsCode(
      () => new DataLoader(() => [1], { placement: 'worker' }),
      'ERR_BAD_SOURCE',
      /by reference/,
    )
    const hooks = { onItemError: () => {} }
    throwsCode(
      () => new DataLoader([1], { placement: 'worker', build: hooks }),
      'ERR_BAD_OPTION',
      /onItemError/,
    )
  })
})

describe('a module that exports a DataLoader', () => {
  it('is run in a worker as a pipeline is', async () => {
    await using loader = runPipelineInWorker<number[]>(href, {
      export: 'closureLoader',
      args: { factor: 10 },
    })
    for (let epoch = 0; epoch < 2; epoch++) assert.deepEqual([...loader], [[10, 20], [30]])
    assert.deepEqual(await collect(loader), [[10, 20], [30]])
  })

  it('is not one whose loader is in a worker itself', async () => {
    const loader = new DataLoader([1], { placement: 'worker' })
    throwsCode(() => loader.getConfig(), 'ERR_BAD_STATE', /in its worker/)
    await rejectsCode(
      Promise.resolve().then(() => loader.build()),
      'ERR_BAD_STATE',
    )
  })
})

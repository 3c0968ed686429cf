import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { threadId } from 'node:worker_threads'
import { PipelineFailure, type SeekableSource, workerModule } from 'spindle'
import { batchByTokens, collate, DataLoader } from 'spindle/loader'
import { collect, rejectsCode, take, throwsCode } from '../support/consume.ts'
import { range, watchedSources } from '../support/sources.ts'
import type * as Ops from './loader-ops.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./loader-ops.ts'))
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('DataLoader', () => {
  it('delivers all items of a plain iterable, and nothing else', async () => {
    assert.deepEqual(await collect(new DataLoader(range(7), { outputOrder: 'input' })), range(7))
    assert.deepEqual(await collect(new DataLoader(new Set(['a', 'b']))), ['a', 'b'])
    assert.deepEqual(await collect(new DataLoader([])), [])
  })

  it('iterates the source again for each epoch, and tells it the number', async () => {
    const told: number[] = []
    const sampler = {
      epoch: -1,
      setEpoch(epoch: number) {
        told.push(epoch)
        this.epoch = epoch
      },
      *[Symbol.iterator]() {
        for (let i = 0; i < 3; i++) yield `${this.epoch}.${i}`
      },
    }
    const loader = new DataLoader(sampler)
    for (let epoch = 0; epoch < 3; epoch++)
      assert.deepEqual(await collect(loader), [`${epoch}.0`, `${epoch}.1`, `${epoch}.2`])
    assert.deepEqual(told, [0, 1, 2])
    const called: number[] = []
    const byFunction = new DataLoader(({ epoch }) => {
      called.push(epoch)
      return [epoch]
    })
    assert.deepEqual([await collect(byFunction), await collect(byFunction)], [[0], [1]])
    assert.deepEqual(called, [0, 1])
  })

  it('takes a source that can begin anywhere, in its order of each epoch', async () => {
    const source: SeekableSource<number> = {
      size: 10,
      description: { kind: 'test' },
      shard: { rank: 1, worldSize: 4 },
      *iterateFrom(position, epoch) {
        for (let at = position; at < 10; at++) if (at % 4 === 1) yield at + 100 * epoch
      },
    }
    const loader = new DataLoader(source, { batchSize: 2, epoch: 2 })
    assert.equal(loader.length, 2)
    assert.deepEqual(await collect(loader), [[201, 205], [209]])
    assert.deepEqual(await collect(loader), [[301, 305], [309]])
    loader.setEpoch(7)
    assert.deepEqual(await collect(loader), [[701, 705], [709]])
    assert.equal(loader.epoch, 8)
  })

  it('applies preprocess to each item, as an op of a pipeline', async () => {
    assert.deepEqual(
      await collect(new DataLoader([1, 2, 3], { preprocess: (n) => n * 2 })),
      [2, 4, 6],
    )
    const dropping = new DataLoader([1, 2, 3, 4], {
      preprocess: async (n) => (n % 2 === 0 ? undefined : n),
    })
    assert.deepEqual(await collect(dropping), [1, 3])
    const expanding = new DataLoader([1, 2], {
      *preprocess(n) {
        yield n
        yield -n
      },
      outputOrder: 'input',
    })
    assert.deepEqual(await collect(expanding), [1, -1, 2, -2])
  })

  it("keeps the source's order with outputOrder 'input', and does not wait for it with 'completion'", async () => {
    const run = async (outputOrder: 'input' | 'completion') => {
      let release = () => {}
      const later = new Promise<void>((resolve) => {
        release = resolve
      })
      const preprocess = async (n: number): Promise<number> => {
        if (n === 0) await later
        if (n === 5) release()
        return n
      }
      return collect(new DataLoader(range(10), { preprocess, outputOrder, concurrency: 6 }))
    }
    assert.deepEqual(await run('input'), range(10))
    const completed = await run('completion')
    assert.notDeepEqual(completed, range(10))
    assert.deepEqual(
      completed.toSorted((a, b) => a - b),
      range(10),
    )
  })

  it('loads ahead as far as bufferSize and the queues allow, and no further', async () => {
    const begun = async (bufferSize: number) => {
      let count = 0
      const preprocess = async (n: number) => {
        count++
        return n
      }
      await using loader = new DataLoader(range(100), { preprocess, bufferSize, concurrency: 1 })
      const iterator = loader[Symbol.asyncIterator]()
      await iterator.next()
      for (let i = 0; i < 50; i++) await turn()
      return count
    }
    const few = await begun(1)
    assert.ok(few <= 6, `${few} were begun`)
    assert.equal(await begun(100), 100)
  })

  it('runs as many calls at once as concurrency says', async () => {
    for (const concurrency of [1, 3]) {
      let running = 0
      let most = 0
      const preprocess = async (n: number) => {
        most = Math.max(most, ++running)
        await turn()
        running--
        return n
      }
      await collect(new DataLoader(range(20), { preprocess, concurrency }))
      assert.equal(most, concurrency)
    }
  })

  it('makes batches, with the rest or without', async () => {
    const batches = (dropLast: boolean) =>
      collect(new DataLoader(range(10), { batchSize: 3, dropLast }))
    assert.deepEqual(await batches(false), [range(3), range(3, 3), range(3, 6), [9]])
    assert.deepEqual(await batches(true), [range(3), range(3, 3), range(3, 6)])
  })

  it('gives collate lists of samples, and transfer what that made, one at a time', async () => {
    let running = 0
    const loader = new DataLoader(range(10), {
      batchSize: 3,
      collate: (batch) =>
        [
          batch.length,
          Math.min(...batch),
          Math.max(...batch),
          batch.reduce((a, b) => a + b),
        ] as const,
      transfer: async (made) => {
        assert.equal(++running, 1)
        await turn()
        running--
        return made.join()
      },
      outputOrder: 'input',
    })
    assert.deepEqual(await collect(loader), ['3,0,2,3', '3,3,5,12', '3,6,8,21', '1,9,9,9'])
  })

  it('takes aggregators', async () => {
    const aggregate = batchByTokens<string>({ maxTokens: 4, length: (text) => text.length })
    const loader = new DataLoader(['a', 'bb', 'cccc', 'd'], {
      aggregate,
      collate: (batch) => batch.join('+'),
    })
    assert.deepEqual(await collect(loader), ['a+bb', 'cccc', 'd'])
    assert.deepEqual(await collect(loader), ['a+bb', 'cccc', 'd'])
    assert.equal(loader.length, undefined)
  })

  it('knows its length, and how far it is', async () => {
    assert.equal(new DataLoader(range(10)).length, 10)
    assert.equal(new DataLoader(range(10), { batchSize: 3 }).length, 4)
    assert.equal(new DataLoader(range(10), { batchSize: 3, dropLast: true }).length, 3)
    assert.equal(new DataLoader(new Map([[1, 2]]), { batchSize: 3 }).length, 1)
    assert.equal(new DataLoader(() => [1], { batchSize: 3 }).length, undefined)
    const loader = new DataLoader(range(10), { batchSize: 3 })
    assert.deepEqual(loader.progress, { epoch: 0, batches: 0, length: 4, elapsedMs: 0 })
    await collect(loader)
    const { elapsedMs, ...done } = loader.progress
    assert.deepEqual(done, { epoch: 0, batches: 4, length: 4 })
    assert.equal(loader.progress.elapsedMs, elapsedMs)
    for await (const _ of loader) {
      assert.deepEqual([loader.progress.epoch, loader.progress.batches], [1, 1])
      break
    }
  })

  for (const [name, watched] of Object.entries(watchedSources)) {
    it(`ends the epoch, and closes ${name}, when the loop is left`, async () => {
      const { source, watch } = watched(100)
      const loader = new DataLoader<number>(source)
      assert.equal((await take(loader, 3)).length, 3)
      assert.deepEqual([watch.opens, watch.closes], [1, 1])
      assert.equal(loader.epoch, 1)
      assert.equal((await collect(loader)).length, 100)
      assert.deepEqual([watch.opens, watch.closes], [2, 2])
    })
  }

  it('says that a one-shot source has no second epoch', async () => {
    const loader = new DataLoader(range(3).values())
    assert.deepEqual(await collect(loader), range(3))
    await rejectsCode(collect(loader), 'ERR_BAD_SOURCE', /only once/)
  })

  it('gives random numbers that are the same in each run, and others in each epoch', async () => {
    const run = async (seed: number) => {
      const loader = new DataLoader(range(4), {
        preprocess: (_, { rng }) => rng.uint32(),
        seed,
        outputOrder: 'input',
      })
      return [await collect(loader), await collect(loader)]
    }
    assert.deepEqual(await run(5), await run(5))
    const [first, second] = await run(5)
    assert.notDeepEqual(first, second)
    assert.notDeepEqual(await run(5), await run(6))
  })

  it('fails the epoch with the first failed item, unless failures are endured', async () => {
    const preprocess = (n: number) => {
      if (n === 2) throw new Error('two')
      return n
    }
    const strict = new DataLoader(range(5), { preprocess, concurrency: 1 })
    await assert.rejects(
      collect(strict),
      (error) => error instanceof PipelineFailure && /two/.test(error.message),
    )
    const failed: unknown[] = []
    const tolerant = new DataLoader(range(5), {
      preprocess,
      maxFailures: 1,
      build: { onItemError: ({ item }) => failed.push(item) },
    })
    assert.deepEqual(await collect(tolerant), [0, 1, 3, 4])
    assert.deepEqual(failed, [2])
    assert.match(String(await tolerant.report()), /preprocess/)
  })

  it('takes options for each stage', async () => {
    let attempts = 0
    const preprocess = (n: number) => {
      attempts++
      if (attempts === 1) throw new Error('once')
      return n
    }
    const loader = new DataLoader([1], {
      preprocess,
      preprocessOptions: { retry: { retries: 1, minDelayMs: 1 } },
    })
    assert.deepEqual(await collect(loader), [1])
    const { stages } = await loader.stats()
    assert.ok(stages.some(({ name }) => name === 'preprocess'))
  })

  it('loses nothing in a time-out', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const loader = new DataLoader([1, 2], { preprocess: (n) => gate.then(() => n), timeoutMs: 20 })
    const iterator = loader[Symbol.asyncIterator]()
    await rejectsCode(iterator.next(), 'ERR_TIMEOUT')
    release()
    assert.deepEqual(await iterator.next(), { done: false, value: 1 })
    assert.deepEqual(await iterator.next(), { done: false, value: 2 })
    assert.equal((await iterator.next()).done, true)
  })

  it('rejects with the reason of its signal', async () => {
    const controller = new AbortController()
    const loader = new DataLoader(range(100), { signal: controller.signal })
    const reason = new Error('enough')
    await assert.rejects(async () => {
      for await (const _ of loader) controller.abort(reason)
    }, reason)
  })

  it('loads the next epoch ahead when it is told to start', async () => {
    const seen: string[] = []
    const preprocess = (n: number, _: unknown) => {
      seen.push(`${n}`)
      return n
    }
    await using loader = new DataLoader(({ epoch }) => [epoch], { preprocess })
    loader.start()
    for (let i = 0; i < 20; i++) await turn()
    assert.deepEqual(seen, ['0'])
    throwsCode(() => loader.setEpoch(3), 'ERR_BAD_STATE', /in progress/)
    for await (const _ of loader) throwsCode(() => loader.start(), 'ERR_BAD_STATE', /in progress/)
    assert.deepEqual(await collect(loader), [1])
  })

  it('ends an iteration by an error when a newer one begins', async () => {
    const loader = new DataLoader(range(50))
    const first = loader[Symbol.asyncIterator]()
    await first.next()
    const second = loader[Symbol.asyncIterator]()
    assert.deepEqual(await second.next(), { done: false, value: 0 })
    await rejectsCode(
      (async () => {
        while (!(await first.next()).done);
      })(),
      'ERR_ITERATOR_REPLACED',
    )
    await second.return?.()
    assert.equal(loader.epoch, 2)
  })

  it('can be stopped, and iterated again', async () => {
    const loader = new DataLoader(range(50))
    const iterator = loader[Symbol.asyncIterator]()
    await iterator.next()
    await loader.stop()
    for (let i = 0; i < 10 && !(await iterator.next()).done; i++);
    assert.equal(loader.epoch, 1)
    assert.equal((await collect(loader)).length, 50)
  })

  it('refuses wrong options when given', () => {
    const bad = (options: object, pattern: RegExp) =>
      throwsCode(
        () => new DataLoader([1], options as { batchSize: number }),
        'ERR_BAD_OPTION',
        pattern,
      )
    bad({ batchSize: 0 }, /batchSize/)
    bad({ batchsize: 1 }, /unknown option `batchsize`; known are preprocess, batchSize/)
    bad({ dropLast: true }, /dropLast/)
    bad({ batchSize: 2, aggregate: () => ({}) }, /aggregate/)
    bad({ placement: 'gpu' }, /placement/)
    bad({ preprocess: 3 }, /op/)
    bad({ build: { seed: 1 } }, /build\.seed.*the loader itself/)
    bad({ threads: 0 }, /threads/)
    bad({ outputOrder: 'any', preprocess: (n: number) => n }, /outputOrder/)
    throwsCode(
      () => new DataLoader(5 as never),
      'ERR_BAD_SOURCE',
      /must be an iterable.*got number/,
    )
  })

  it('cannot be iterated by a plain for on the loop that it works on, and says what can', () => {
    throwsCode(() => [...new DataLoader([1])], 'ERR_BAD_STATE', /for await.*placement: 'worker'/)
  })
})

describe("DataLoader's threads", () => {
  it('run functions by reference, and stay from epoch to epoch', async () => {
    await using loader = new DataLoader(range(8), {
      preprocess: ops.whereAmI,
      placement: 'threads',
      threads: 1,
      batchSize: 4,
      collate: ops.sum,
    })
    const first = await collect(loader)
    const second = await collect(loader)
    assert.deepEqual(first, second)
    assert.equal(first.length, 2)
    assert.notEqual(first[0], 4 * threadId)
  })

  it('are not used with placement inline', async () => {
    const loader = new DataLoader(range(2), { preprocess: ops.whereAmI, placement: 'inline' })
    assert.deepEqual(await collect(loader), [threadId, threadId])
    const withSource = new DataLoader(ops.epochTens, {
      preprocess: ops.square,
      placement: 'inline',
      outputOrder: 'input',
    })
    assert.deepEqual(await collect(withSource), [0, 100, 400])
    assert.deepEqual(await collect(withSource), [1, 121, 441])
  })

  it('are refused functions that cannot cross, with what to do', () => {
    throwsCode(
      () => new DataLoader([1], { preprocess: (n) => n, placement: 'threads' }),
      'ERR_BAD_OPTION',
      /`preprocess` must be given by reference.*workerModule/,
    )
  })
})

describe('a DataLoader with collate()', () => {
  it('gives batches of arrays, padded', async () => {
    const loader = new DataLoader(['a b c', 'd', 'e f'], {
      preprocess: (text) => ({ inputIds: text.split(' ').map((word) => word.charCodeAt(0)), text }),
      batchSize: 2,
      collate: (records) =>
        collate(records, {
          pad: { inputIds: { mask: 'attentionMask' } },
          dtypes: { inputIds: 'int64' },
        }),
      outputOrder: 'input',
    })
    const batches = await collect(loader)
    assert.deepEqual(
      batches.map(({ inputIds, attentionMask, text }) => [
        inputIds.shape,
        String(attentionMask.data),
        text,
      ]),
      [
        [[2, 3], '1,1,1,1,0,0', ['a b c', 'd']],
        [[1, 2], '1,1', ['e f']],
      ],
    )
  })
})

import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it } from 'node:test'
import {
  type Bottleneck,
  MAIN,
  PipelineBuilder,
  SegmentPool,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { range } from '../support/sources.ts'
import type * as Ops from './verdict-ops.ts'

// Pipelines whose bottleneck is known because one part takes several times as long as any other.

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const waiting = (ms: number) => async (value: number) => {
  await pause(ms)
  return value
}
const spinning = (ms: number) => (value: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
  return value
}

/** A chain of waiting stages named by their place, and how long each takes, in milliseconds. */
function chain(timesMs: readonly number[], concurrencies: readonly number[] = []) {
  let builder = new PipelineBuilder().addSource(range(40))
  timesMs.forEach((ms, i) => {
    builder = builder.pipe(waiting(ms), { name: `stage ${i}`, concurrency: concurrencies[i] ?? 1 })
  })
  return builder.build()
}

/**
 * On a machine that others fill, a run of half a second may be said to want for CPU: what it then
 * advises depends on them.
 */
const isDisturbed = (bottleneck: Bottleneck | undefined): boolean =>
  (bottleneck?.evidence.cpuOthers ?? 0) > 0.5 * availableParallelism()

describe('the report names the bottleneck', () => {
  it('in a chain that grows slower: the last stage', async () => {
    const pipeline = chain([1, 4, 16])
    await pipeline.forEach(() => {})
    const { bottleneck } = pipeline.report()
    assert.equal(bottleneck?.stage, 'stage 2')
    if (!isDisturbed(bottleneck)) {
      assert.equal(bottleneck?.kind, 'stage')
      assert.match(bottleneck?.advice ?? '', /`concurrency` from 1 to/)
    }
    assert.ok((bottleneck?.headroom ?? 0) > 1.5, `headroom ${bottleneck?.headroom}`)
  })

  it('in a chain that grows quicker: the first stage', async () => {
    const pipeline = chain([16, 4, 1])
    await pipeline.forEach(() => {})
    const [, first, second, third] = pipeline.stats().stages
    assert.equal(pipeline.report().bottleneck?.stage, 'stage 0')
    assert.ok((first?.shares.running ?? 0) > 0.5)
    assert.ok((second?.shares.idle ?? 0) > 0.4, 'the second starves')
    assert.ok((third?.shares.idle ?? 0) > 0.4, 'and so does the third')
  })

  it('not by the time of a task alone: concurrency counts', async () => {
    const pipeline = chain([6, 12], [1, 8])
    await pipeline.forEach(() => {})
    assert.equal(pipeline.report().bottleneck?.stage, 'stage 0')
  })

  it('when it is the source', async () => {
    async function* slowly() {
      for (let i = 0; i < 30; i++) {
        await pause(8)
        yield i
      }
    }
    const pipeline = new PipelineBuilder()
      .addSource(slowly)
      .pipe(waiting(1), { name: 'quick' })
      .build()
    await pipeline.forEach(() => {})
    const { bottleneck } = pipeline.report()
    if (!isDisturbed(bottleneck))
      assert.deepEqual([bottleneck?.stage, bottleneck?.kind], ['source', 'source'])
  })

  it('when it is a consumer that waits', async () => {
    const pipeline = chain([1])
    await pipeline.forEach(() => pause(8))
    assert.equal(pipeline.report().bottleneck?.stage, 'consumer')
  })

  it('when it is a consumer that computes on the loop', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(15))
      .pipe(waiting(1), { name: 'fetch', concurrency: 4 })
      .build()
    for await (const value of pipeline) spinning(40)(value)
    const { bottleneck } = pipeline.report()
    assert.equal(bottleneck?.stage, 'consumer')
    const { consumer } = pipeline.stats()
    assert.ok(consumer.busy > 0.5, `busy ${consumer.busy}`)
  })

  it('when a function holds the loop, whatever its concurrency', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(30))
      .pipe(waiting(2), { name: 'fetch', concurrency: 8 })
      .pipe(spinning(6), { name: 'decode', concurrency: 8 })
      .pipe(spinning(1), { name: 'check' })
      .build()
    await pipeline.forEach(() => {})
    const { bottleneck } = pipeline.report()
    assert.deepEqual([bottleneck?.stage, bottleneck?.kind], ['decode', 'loop'])
    assert.match(bottleneck?.advice ?? '', /workerModule/)
    assert.match(
      String(pipeline.report()),
      /Bottleneck: decode \(event loop\): its function blocks the event loop/,
    )
  })

  it('across batches: six quick items and one slow batch', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(120))
      .pipe(waiting(1), { name: 'decode', concurrency: 2 })
      .aggregate(6)
      .pipe(async (batch) => waiting(12)(batch.length), { name: 'transfer' })
      .build()
    await pipeline.forEach(() => {})
    assert.equal(pipeline.report().bottleneck?.stage, 'transfer')
  })

  it('a generator that is slow to give', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(3))
      .pipe(
        async function* (value) {
          for (let i = 0; i < 5; i++) {
            await pause(25)
            yield value + i
          }
        },
        { name: 'frames' },
      )
      .pipe(waiting(1), { name: 'resize' })
      .build()
    await pipeline.forEach(() => {})
    assert.equal(pipeline.report().bottleneck?.stage, 'frames')
  })

  it('names evidence, and the CPU that it and others used', async () => {
    const pipeline = chain([16])
    await pipeline.forEach(() => {})
    const { bottleneck } = pipeline.report()
    const { cores = 0, cpuOwn = -1, cpuOthers = -1, loop = -1 } = bottleneck?.evidence ?? {}
    assert.ok(cores >= 1 && cpuOwn >= 0 && cpuOthers >= 0 && loop >= 0)
    assert.match(String(pipeline.report()), /\n {2}Evidence: .*cpu own \d/)
  })

  it('leaves a long start out: it is of the time since the first item', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(40))
      .pipe(async (value) => (value === 0 ? spinning(600)(value) : waiting(12)(value)), {
        name: 'fetch',
      })
      .build()
    await pipeline.forEach(() => {})
    const { bottleneck, stats } = pipeline.report()
    assert.equal(stats.items, 40)
    if (!isDisturbed(bottleneck))
      assert.deepEqual([bottleneck?.stage, bottleneck?.kind], ['fetch', 'stage'])
    assert.ok((bottleneck?.evidence.loop ?? 1) < 0.5, `loop ${bottleneck?.evidence.loop}`)
  })

  it('says that a run was too short', async () => {
    const pipeline = new PipelineBuilder().addSource(range(3)).pipe(waiting(20)).build()
    await pipeline.forEach(() => {})
    const report = pipeline.report()
    assert.equal(report.bottleneck, undefined)
    assert.match(report.missing ?? '', /^3 items in 0\.\d\d s/)
    assert.match(String(report), /Too little has happened to name a bottleneck: 3 items/)
  })

  it('when calls wait for memory of a pool', async () => {
    const pool = new SegmentPool({ maxBytes: 65_536, segmentBytes: 65_536 })
    const pipeline = new PipelineBuilder()
      .addSource(range(40))
      .pipe(
        async (value) => {
          const lease = await pool.acquire(60_000)
          await pause(8)
          lease.release()
          return value
        },
        { name: 'collate', concurrency: 4 },
      )
      .build()
    await pipeline.forEach(() => {})
    const { memoryWaitMs, elapsedMs } = pipeline.stats()
    assert.ok(
      memoryWaitMs > 2 * elapsedMs && memoryWaitMs < 4 * elapsedMs,
      `${memoryWaitMs / elapsedMs} waited at a time`,
    )
    const { bottleneck } = pipeline.report()
    assert.deepEqual([bottleneck?.stage, bottleneck?.kind], ['collate', 'memory'])
  })

  it('knows what calls take by how many are under way in the workers of a region, too', async () => {
    const ops = workerModule<typeof Ops>(new URL('./verdict-ops.ts', import.meta.url).href)
    const pipeline = new PipelineBuilder()
      .addSource(range(200))
      .to(workers({ count: 1 }))
      .pipe(ops.limited, { name: 'query', concurrency: 16 })
      .to(MAIN)
      .build()
    await pipeline.forEach(() => {})
    const query = pipeline.stats().stages.find(({ name }) => name === 'query')
    const total = query?.sums.levels.reduce((sum, level) => sum + level.total, 0) ?? 0
    assert.ok(total > 150 && total <= 200, `${total} calls`)
    const { bottleneck } = pipeline.report()
    if (!isDisturbed(bottleneck))
      assert.deepEqual([bottleneck?.stage, bottleneck?.kind], ['query', 'inner'])
  })

  it('when the workers of a pool wait for each other: not for more of them', async () => {
    await using pool = new ThreadPool({ size: 8 })
    const ops = workerModule<typeof Ops>(new URL('./verdict-ops.ts', import.meta.url).href)
    const free = new Int32Array(new SharedArrayBuffer(4))
    free[0] = 2
    const pipeline = new PipelineBuilder()
      .addSource(Array(150).fill(free) as Int32Array<SharedArrayBuffer>[])
      .pipe(ops.holdLimited, { name: 'query', concurrency: 12, executor: pool })
      .build()
    await pipeline.forEach(() => {})
    const levels = pipeline.stats().stages.find(({ name }) => name === 'query')?.sums.levels ?? []
    // Levels count the calls at work, so none has more than there are workers.
    const late = levels.filter(({ calls, running }) => calls > 0 && running / calls > 8)
    const calls = late.reduce((sum, level) => sum + level.total, 0)
    assert.ok(calls <= 16, `${calls} calls`)
    const { bottleneck } = pipeline.report()
    if (!isDisturbed(bottleneck))
      assert.deepEqual([bottleneck?.stage, bottleneck?.kind], ['query', 'inner'])
  })

  it('tells how many workers run the calls of a stage, and which stages share them', async () => {
    await using pool = new ThreadPool({ size: 2 })
    const ops = workerModule<typeof Ops>(new URL('./verdict-ops.ts', import.meta.url).href)
    const pipeline = new PipelineBuilder()
      .addSource(range(20))
      .pipe(ops.same, { name: 'one', executor: pool })
      .pipe(ops.same, { name: 'two', executor: pool.priority(3) })
      .pipe(ops.same, { name: 'own', concurrency: 2 })
      .to(workers({ count: 2 }))
      .pipe(ops.hold, { name: 'inner' })
      .to(MAIN)
      .build()
    await pipeline.forEach(() => {})
    const of = (name: string) => pipeline.stats().stages.find((stage) => stage.name === name)
    const [one, two, own, inner] = ['one', 'two', 'own', 'inner'].map((name) => of(name)?.workers)
    assert.deepEqual([one?.count, one?.kind, one?.isRegion], [2, 'thread', false])
    assert.equal(two?.pool, one?.pool)
    assert.notEqual(own?.pool, one?.pool)
    assert.deepEqual([inner?.count, inner?.isRegion], [2, true])
    assert.ok((of('inner')?.sums.heldMs ?? 0) >= 20 * 5, 'its calls hold the workers for 5 ms each')
    assert.equal(of('source')?.workers, undefined)
  })

  it('says nothing when nothing has happened', () => {
    const report = chain([1]).report()
    assert.equal(report.bottleneck, undefined)
    assert.match(String(report), /Too little/)
  })
})

describe('slots', () => {
  it('of a stage before a slow one are blocked, not busy', async () => {
    const pipeline = chain([1, 12], [4, 1])
    await pipeline.forEach(() => {})
    const [, quick, slow] = pipeline.stats().stages
    assert.ok((quick?.shares.blocked ?? 0) > 0.3, `blocked ${quick?.shares.blocked}`)
    assert.ok((quick?.shares.running ?? 1) < 0.4, `running ${quick?.shares.running}`)
    assert.ok((slow?.shares.running ?? 0) > 0.5, `running ${slow?.shares.running}`)
  })

  it('are blocked by a slow item in front of them, in input order', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(40))
      .pipe((value) => waiting(value % 20 === 0 ? 60 : 1)(value), {
        name: 'uneven',
        concurrency: 4,
        outputOrder: 'input',
      })
      .build()
    await pipeline.forEach(() => {})
    const uneven = pipeline.stats().stages[1]
    assert.ok((uneven?.shares.blocked ?? 0) > 0.1, `blocked ${uneven?.shares.blocked}`)
  })

  it('have shares that add up to one, in every stage, at any time', async () => {
    const pipeline = chain([2, 5, 1], [3, 2, 1])
    const check = () => {
      for (const { shares } of pipeline.stats().stages) {
        const { idle, queued, running, blocked } = shares
        assert.ok(Math.abs(idle + queued + running + blocked - 1) < 1e-9)
        assert.ok(Math.min(idle, queued, running, blocked) >= 0)
      }
    }
    check()
    await pipeline.forEach(check)
    check()
  })
})

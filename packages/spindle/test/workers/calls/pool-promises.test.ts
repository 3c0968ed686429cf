import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, ThreadPool, workerModule } from 'spindle'
import { collect } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'
import type * as Ops from './fixtures/ops.ts'
import { call } from './support.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./fixtures/ops.js'))

describe('priorities', () => {
  it('let waiting calls with a higher one go first, in the order of the calls within one', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const [low, high] = [pool.priority(-1), pool.priority(5)]
    const running = pool.run(50, call('burn'))
    const order: string[] = []
    const note = (name: string) => (): void => void order.push(name)
    await Promise.all([
      running,
      low.run(6, call('burn')).then(note('low 1')),
      pool.run(6, call('burn')).then(note('plain')),
      high.run(6, call('burn')).then(note('high 1')),
      low.run(6, call('burn')).then(note('low 2')),
      high.run(6, call('burn')).then(note('high 2')),
    ])
    assert.deepEqual(order, ['high 1', 'high 2', 'plain', 'low 1', 'low 2'])
    assert.throws(() => pool.priority(Number.NaN), { code: 'ERR_BAD_OPTION' })
  })

  it('rise towards the sink: with one thread, what is begun is brought to its end first', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(3))
      .pipe(ops.first, { concurrency: 8 })
      .pipe(ops.second, { concurrency: 8 })
      .pipe(ops.third, { concurrency: 8 })
      .build({ threads: 1 })
    const trails = await collect(pipeline)
    const trail = trails.at(-1) as string
    assert.equal(trail, '123'.repeat(3))
  })

  it('are asked of any executor', async () => {
    const priorities: (number | undefined)[] = []
    const executor = {
      run: async (item: unknown, { priority }: { priority?: number | undefined }) => {
        priorities.push(priority)
        return item
      },
    }
    const pipeline = new PipelineBuilder()
      .addSource([1])
      .pipe(ops.double, { executor })
      .pipe(ops.double, { executor })
      .build()
    await collect(pipeline)
    assert.ok((priorities[0] as number) < (priorities[1] as number))
  })
})

describe('a pool of threads', () => {
  it('has as many threads as a pipeline needs when it starts', async () => {
    await using pool = new ThreadPool({ size: 3 })
    let give: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      give = resolve
    })
    const pipeline = new PipelineBuilder()
      .addSource(async function* () {
        await gate
        yield 1
      })
      .pipe(ops.double, { executor: pool, concurrency: 2 })
      .build()
    pipeline.start()
    assert.equal(pool.threadCount, 2)
    give()
    assert.deepEqual(await collect(pipeline), [2])
    pool.warmUp(100)
    assert.equal(pool.threadCount, 3)
  })

  it('replaces a thread whose memory has grown, and loses nothing', async () => {
    await using pool = new ThreadPool({ size: 1, recycle: { afterHeapMb: 80 } })
    const threads: number[] = []
    // Each call keeps 30 MB; the heap is looked at every 50 ms.
    for (let i = 0; i < 12; i++) threads.push((await pool.run(30, call('keep'))) as number)
    assert.equal(threads.length, 12)
    assert.ok(new Set(threads).size > 1, `threads: ${threads}`)
    const { deaths, restarts, tasks } = pool.stats()
    assert.equal(deaths, 0)
    assert.equal(restarts, new Set(threads).size - 1)
    assert.equal(tasks, 12)
  })

  it('counts what it does: calls, bytes moved, bytes copied, deaths', async () => {
    await using pool = new ThreadPool({ size: 2 })
    assert.deepEqual(pool.stats(), {
      workers: 0,
      waiting: 0,
      running: 0,
      tasks: 0,
      transferredBytes: 0,
      copiedBytes: 0,
      deaths: 0,
      restarts: 0,
    })
    await pool.run(1 << 20, call('movedBytes'))
    assert.deepEqual([pool.stats().transferredBytes, pool.stats().copiedBytes], [1 << 20, 0])
    // An item stays the caller's, so it is copied; of a part of a larger buffer only the part.
    await pool.run(new Uint8Array(1 << 20).subarray(0, 1 << 16), call('sizeBehind'))
    await pool.run(new Uint8Array(1 << 20), call('sizeBehind'))
    await pool.run(new Uint8Array(new SharedArrayBuffer(1 << 20)), call('sizeBehind'))
    assert.equal(pool.stats().copiedBytes, (1 << 16) + (1 << 20))
    const long = pool.run({ n: 1, waitMs: 100 }, call('later'))
    assert.equal(pool.stats().running, 1)
    await long
    assert.equal(pool.stats().tasks, 5)
    assert.equal(pool.stats().running, 0)
  })

  it('has ops use the memory again that is given back, which is empty for those who gave it', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const next = async (n: number) =>
      (await pool.run(n, call('reuse'))) as { before: number; bytes: Uint8Array }
    // New memory has any bytes.
    const kept = await next(1)
    const given = await next(2)
    assert.ok(kept.bytes.every((byte) => byte === 1))
    pool.giveBack(given)
    assert.equal(given.bytes.byteLength, 0)
    const third = await next(3)
    assert.equal(third.before, 2)
    assert.ok(third.bytes.every((byte) => byte === 3))
    assert.ok(kept.bytes.every((byte) => byte === 1))
    // A part of a buffer is not its whole, and anything else has no memory to give.
    pool.giveBack([third.bytes.subarray(1), 'text', null])
    assert.equal(third.bytes.byteLength, 100_000)
    await next(4)
    assert.ok(third.bytes.every((byte) => byte === 3))
  })

  it('has errors say where they were thrown and where the call was made', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const own = (await pool.run(7, call('fail')).catch((error) => error)) as Error
    assert.match(own.stack as string, /fail .*fixtures\/ops\.ts[\s\S]*pool-promises\.test\.ts/)
    const pipeline = new PipelineBuilder()
      .addSource([7])
      .pipe(ops.fail, { name: 'look' })
      .build({ threads: 1 })
    const failure = (await collect(pipeline).catch((error) => error)) as Error
    assert.match(
      (failure.cause as Error).stack as string,
      /fixtures\/ops\.ts[\s\S]* at stage "look" \(.*pool-promises\.test\.ts:\d+\)/,
    )
  })
})

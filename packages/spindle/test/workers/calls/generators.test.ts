import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { type ItemError, PipelineBuilder, ThreadPool, TimeoutError, workerModule } from 'spindle'
import { collect, take } from '../../support/consume.ts'
import { until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'
import * as here from './fixtures/generators.ts'
import { linesOf } from './fixtures/generators.ts'

const href = import.meta.resolve('./fixtures/generators.js')
const ops = workerModule<typeof here>(href)
const folder = mkdtempSync(join(tmpdir(), 'spindle-generators-'))
after(() => rmSync(folder, { recursive: true }))
let logs = 0
const newLog = (): string => join(folder, `log-${logs++}`)

const open = async (
  pool: ThreadPool,
  name: string,
  item: unknown,
  signal = new AbortController().signal,
) => (await pool.run(item, { filename: href, name, signal })) as AsyncGenerator<unknown>

const listOf = async (outputs: AsyncIterable<unknown>): Promise<unknown[]> => {
  const list: unknown[] = []
  for await (const output of outputs) list.push(output)
  return list
}

describe('a generator op in a thread', () => {
  it('gives its outputs one by one: plain, async, or promised', async () => {
    await using pool = new ThreadPool({ size: 1 })
    for (const name of ['count', 'countLater', 'makeCount']) {
      assert.deepEqual(await listOf(await open(pool, name, 9)), [...range(9)])
    }
    assert.deepEqual(await listOf(await open(pool, 'count', 0)), [])
    const many = await listOf(await open(pool, 'count', 5000))
    assert.deepEqual(many, [...range(5000)])
  })

  it('gives what it gives on the loop, whatever concurrency and order', async () => {
    await using pool = new ThreadPool({ size: 2 })
    const lengths = fc.array(fc.nat(30), { maxLength: 12 })
    const law = fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      async (items, concurrency, isOrdered) => {
        const outputOrder = isOrdered ? 'input' : 'completion'
        const options = { name: 'odds', concurrency, outputOrder } as const
        const source = () => new PipelineBuilder().addSource(items)
        const local = await collect(source().pipe(here.odds, options).build({ seed: 3 }))
        const remote = await collect(
          source()
            .pipe(ops.odds, { ...options, executor: pool })
            .build({ seed: 3 }),
        )
        if (!isOrdered)
          for (const list of [local, remote]) list.sort((a, b) => (a as number) - (b as number))
        assert.deepEqual(remote, local)
      },
    )
    await fc.assert(law, { numRuns: tries(15) })
  })

  it('is never more than 64 outputs ahead of its reader, and ends when he leaves', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const log = newLog()
    const outputs = await open(pool, 'endless', { log })
    for (let i = 0; i < 100; i++) {
      assert.deepEqual(await outputs.next(), { done: false, value: i })
      assert.ok(
        linesOf(log).length <= i + 1 + 64,
        `${linesOf(log).length} made when ${i + 1} were taken`,
      )
    }
    assert.deepEqual(await outputs.return('left'), { done: true, value: 'left' })
    assert.equal(linesOf(log).at(-1), 'closed')
    assert.deepEqual(await outputs.next(), { done: true, value: undefined })
    // The thread is free for others.
    assert.equal(
      await pool.run(1, { filename: href, name: 'add', signal: new AbortController().signal }),
      2,
    )
    assert.equal(pool.stats().running, 0)
  })

  it('throws after the outputs before the error', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const outputs = await open(pool, 'failAfter', 3)
    for (const i of range(3)) assert.deepEqual(await outputs.next(), { done: false, value: i })
    await assert.rejects(outputs.next(), { name: 'RangeError', message: 'no more than 3' })
    assert.deepEqual(await outputs.next(), { done: true, value: undefined })
    await assert.rejects(open(pool, 'failAfter', 0), { name: 'RangeError' })
  })

  it('that throws before its first output is tried again; later, its item fails', async () => {
    const failed: ItemError[] = []
    const pipeline = new PipelineBuilder()
      .addSource([0, 2])
      .pipe(ops.failAfter, {
        retry: { retries: 2, minDelayMs: 1 },
        maxFailures: 2,
        outputOrder: 'input',
      })
      .build({ threads: 1, onItemError: (failure) => void failed.push(failure) })
    assert.deepEqual(await collect(pipeline), [0, 1])
    assert.deepEqual(
      failed.map(({ index, attempts }) => ({ index, attempts })),
      [
        { index: 0, attempts: 3 },
        { index: 1, attempts: 1 },
      ],
    )
  })

  it('is closed when its signal is aborted: what is waited for rejects with the reason', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const controller = new AbortController()
    const log = newLog()
    const outputs = await open(pool, 'endlessLater', { log }, controller.signal)
    assert.equal((await outputs.next()).value, 0)
    const reason = { any: 'thing' }
    controller.abort(reason)
    await assert.rejects(outputs.next(), (error) => error === reason)
    await until(() => linesOf(log).length > 0)
    assert.deepEqual(linesOf(log), ['closed true'])
  })

  it('is closed when its pipeline is left', async () => {
    const log = newLog()
    const pipeline = new PipelineBuilder()
      .addSource([{ log, count: 0 }])
      .pipe(ops.endless)
      .build({ threads: 1 })
    assert.deepEqual(await take(pipeline, 5), [0, 1, 2, 3, 4])
    await pipeline.stop()
    assert.equal(linesOf(log).at(-1), 'closed')
  })

  it('has timeoutMs for each output: one that never comes ends the thread', async () => {
    const failed: ItemError[] = []
    const pipeline = new PipelineBuilder()
      .addSource([2])
      .pipe(ops.hangAfter, { timeoutMs: 500, maxFailures: 1 })
      .build({ threads: 1, onItemError: (failure) => void failed.push(failure) })
    assert.deepEqual(await collect(pipeline), [0, 1])
    assert.ok(failed[0]?.error instanceof TimeoutError)
  })

  it('names the path in an output that cannot cross', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const outputs = await open(pool, 'giveFunctions', 0)
    assert.equal((await outputs.next()).value, 1)
    await assert.rejects(outputs.next(), {
      code: 'ERR_NOT_TRANSFERABLE',
      message: /result\.f is function f/,
    })
  })

  it('does not keep out the stage that its reader waits for, with a single thread', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const pipeline = new PipelineBuilder()
      .addSource([200, 200, 200, 200])
      .pipe(ops.count, { executor: pool, concurrency: 4 })
      .pipe(ops.add, { executor: pool })
      .build()
    const given = await collect(pipeline)
    assert.equal(given.length, 800)
    assert.equal(
      given.reduce((sum, n) => sum + n, 0),
      4 * ((200 * 201) / 2),
    )
  })
})

describe('a generator whose thread dies', () => {
  for (const at of [0, 1, 150, 299]) {
    it(`before output ${at} goes on in another thread: no output is lost or given twice`, async () => {
      const log = newLog()
      const pipeline = new PipelineBuilder()
        .addSource([{ log, count: 300, at }])
        .pipe(ops.dieAt)
        .build({ threads: 1 })
      assert.deepEqual(await collect(pipeline), [...range(300)])
      assert.deepEqual(linesOf(log), ['run', 'run'])
    })
  }

  it('fails after its last permitted death, after the outputs that had come', async () => {
    await using pool = new ThreadPool({ size: 1, maxDeaths: 1 })
    const outputs = await open(pool, 'dieAt', { log: newLog(), count: 10, at: 5 })
    const given: unknown[] = []
    await assert.rejects(
      async () => {
        for await (const output of outputs) given.push(output)
      },
      { code: 'ERR_WORKER_DIED' },
    )
    assert.deepEqual(given, [...range(given.length)])
    assert.ok(given.length <= 5)
  })

  it('fails clearly if it gives fewer outputs the second time', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const outputs = await open(pool, 'shrink', { log: newLog(), count: 40 })
    await assert.rejects(listOf(outputs), { code: 'ERR_NOT_REPEATABLE' })
  })

  it('is made again while another one rests, also if its own reader was behind', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const gate = newLog()
    const resting = await open(pool, 'count', 500)
    assert.equal((await resting.next()).value, 0)
    const dying = await open(pool, 'dieAtGate', { log: newLog(), gate })
    assert.equal((await dying.next()).value, 0)
    writeFileSync(gate, '')
    await until(() => pool.stats().deaths === 1)
    assert.deepEqual(await listOf(dying), [...range(100)].slice(1))
    assert.deepEqual(await listOf(resting), [...range(500)].slice(1))
  })

  it('is left alone with others that rest', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const log = newLog()
    const resting = await open(pool, 'count', 500)
    assert.equal((await resting.next()).value, 0)
    const dying = await open(pool, 'dieAt', { log, count: 100, at: 50 })
    assert.deepEqual(await listOf(dying), [...range(100)])
    assert.deepEqual(await listOf(resting), [...range(500)].slice(1))
  })
})

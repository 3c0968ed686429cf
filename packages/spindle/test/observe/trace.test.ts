import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { PipelineBuilder } from '../../src/builder/builder.ts'
import { type TraceOptions, trace } from '../../src/observe/trace.ts'
import type { TraceEvent } from '../../src/observe/trace-events.ts'
import { ProcessPool } from '../../src/workers/calls/process-pool.ts'
import { ThreadPool } from '../../src/workers/calls/thread-pool.ts'
import { workerModule } from '../../src/workers/calls/worker-module.ts'
import type * as Ops from './trace-ops.ts'
import { checkTrace } from './trace-rules.ts'

const ops = workerModule<typeof Ops>(new URL('./trace-ops.ts', import.meta.url).href)

async function traced(
  build: (begin: PipelineBuilder<number>) => PipelineBuilder<unknown>,
  count = 40,
  options: Partial<TraceOptions> = {},
): Promise<TraceEvent[]> {
  const events: TraceEvent[] = []
  const begin = new PipelineBuilder().addSource(function* () {
    for (let i = 0; i < count; i++) yield i
  })
  const pipeline = build(begin as PipelineBuilder<number>).build()
  const tracing = trace(pipeline, { to: events, ...options })
  await pipeline.forEach(() => {})
  await tracing.stop()
  checkTrace(events)
  return events
}

const tasksOf = (events: readonly TraceEvent[], name: string): TraceEvent[] =>
  events.filter((event) => event.cat === 'task' && event.name === name)
const lanesOf = (events: readonly TraceEvent[]): number =>
  new Set(events.map(({ tid }) => tid)).size
const nameOfLane = (events: readonly TraceEvent[], lane: TraceEvent): unknown =>
  events.find(
    ({ name, pid, tid }) => name === 'thread_name' && pid === lane.pid && tid === lane.tid,
  )?.args?.name

const sleepy = async (item: number): Promise<number> => {
  await delay(2)
  return item
}

describe('trace()', () => {
  it('shows each task once, on as many lanes as the stage has slots', async () => {
    const events = await traced((begin) =>
      begin
        .pipe(sleepy, { concurrency: 4 })
        .pipe((n: number) => n + 1, { name: 'plain' })
        .pipe(sleepy, { name: 'ordered', concurrency: 3, outputOrder: 'input' }),
    )
    for (const [name, lanes] of [
      ['source', 1],
      ['sleepy', 4],
      ['plain', 1],
      ['ordered', 3],
    ] as const) {
      const tasks = tasksOf(events, name)
      assert.deepEqual(
        tasks.map(({ args }) => args?.index).toSorted((a, b) => Number(a) - Number(b)),
        Array.from({ length: name === 'source' ? 41 : 40 }, (_, i) => i),
        name,
      )
      assert.equal(lanesOf(tasks), lanes, name)
    }
    assert.deepEqual(
      [...new Set(tasksOf(events, 'sleepy').map((task) => nameOfLane(events, task)))].toSorted(),
      ['sleepy', 'sleepy #2', 'sleepy #3', 'sleepy #4'],
    )
  })

  it('shows generators, aggregates, routers, failures and retries, each task to its end', async () => {
    const events = await traced((begin) =>
      begin
        .pipe(
          function* twice(n: number): Generator<number> {
            yield n
            yield n
          },
          { concurrency: 2 },
        )
        .pipe(
          async (n: number) => {
            if (n % 10 === 0) throw new Error('on purpose')
            return n
          },
          {
            name: 'fails',
            maxFailures: Number.POSITIVE_INFINITY,
            retry: { retries: 1, minDelayMs: 1 },
          },
        )
        .pathVariants(
          (n) => n % 2,
          [
            (path) => path.pipe(sleepy, { name: 'even' }),
            (path) => path.pipe(sleepy, { name: 'odd' }),
          ],
        )
        .aggregate(6),
    )
    assert.equal(tasksOf(events, 'twice').length, 40)
    const failing = tasksOf(events, 'fails')
    assert.equal(failing.length, 80)
    assert.equal(failing.filter(({ args }) => args?.outcome === 'failed').length, 8)
    assert.equal(tasksOf(events, 'path_variants').length, 72)
    assert.equal(tasksOf(events, 'even').length + tasksOf(events, 'odd').length, 72)
    // One more to look for a rest at the end.
    assert.equal(tasksOf(events, 'aggregate(6)').length, 73)
  })

  it('shows when the loop worked and when it stood by, without a gap', async () => {
    const events = await traced(
      (begin) =>
        begin.pipe(async (n: number) => {
          await delay(8)
          const end = performance.now() + 2
          while (performance.now() < end);
          return n
        }),
      10,
    )
    const loop = events
      .filter(({ cat }) => cat === 'loop')
      .toSorted((a, b) => a.ts - b.ts || (a.dur ?? 0) - (b.dur ?? 0))
    const standBy = loop.filter(({ name }) => name === 'stand-by')
    const sum = (some: readonly TraceEvent[]): number =>
      some.reduce((ms, { dur = 0 }) => ms + dur / 1000, 0)
    // How often and how long it waits is the machine's to say: busy with others, it may find
    // several ops due at once.
    assert.ok(standBy.length >= 1, `${standBy.length} waits`)
    assert.ok(
      sum(standBy) > 5 && sum(loop) >= sum(standBy) + 15,
      `${sum(standBy)} of ${sum(loop)} ms`,
    )
    for (let i = 1; i < loop.length; i++) {
      const [before, after] = [loop[i - 1] as TraceEvent, loop[i] as TraceEvent]
      assert.ok(Math.abs(before.ts + (before.dur ?? 0) - after.ts) <= 1, `gap at ${after.ts}`)
    }
  })

  it('shows ops of worker threads and processes on lanes of their own, within the tasks they belong to', async () => {
    await using threads = new ThreadPool({ size: 2 })
    await using processes = new ProcessPool({ size: 1 })
    const events = await traced((begin) =>
      begin
        .pipe(ops.inThread, { executor: threads, concurrency: 4 })
        .pipe(ops.inProcess, { executor: processes, concurrency: 2 }),
    )
    for (const name of ['inThread', 'inProcess']) {
      const spans = events.filter((event) => event.cat === 'worker' && event.name === name)
      assert.equal(spans.length, 40, name)
      for (const span of spans) {
        const task = tasksOf(events, name).find(
          ({ args }) => args?.index === span.args?.index,
        ) as TraceEvent
        const slackUs = 2000
        assert.ok(
          span.ts >= task.ts - slackUs &&
            span.ts + (span.dur ?? 0) <= task.ts + (task.dur ?? 0) + slackUs,
          name,
        )
        assert.equal(span.pid === process.pid, name === 'inThread')
        assert.match(
          String(nameOfLane(events, span)),
          name === 'inThread' ? /^worker thread \d/ : /^main thread/,
        )
      }
    }
  })

  it('shows what waits in the queues', async () => {
    const events = await traced((begin) =>
      begin.pipe((n: number) => n, { name: 'quick', buffer: 3 }).pipe(sleepy),
    )
    const counts = events.filter(
      ({ ph, name }) => ph === 'C' && name.startsWith('queue after quick'),
    )
    const values = counts.map(({ args }) => args?.items as number)
    assert.ok(Math.max(...values) >= 2 && Math.max(...values) <= 4, String(values))
    assert.equal(values.at(-1), 0)
  })

  it('marks what held the loop', async () => {
    const events: TraceEvent[] = []
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; ; i++) yield i
      })
      .pipe(function holds(n: number) {
        for (
          let u = process.cpuUsage(), v = u;
          v.user + v.system - u.user - u.system < 30_000;
          v = process.cpuUsage()
        );
        return n
      })
      .build({ logger: { warn: () => {}, error: () => {} } })
    const tracing = trace(pipeline, { to: events })
    const limit = performance.now() + 10_000
    for await (const _ of pipeline) {
      // The loop must turn for the guard's messages to be heard.
      await delay(1)
      if (events.some(({ cat }) => cat === 'block') || performance.now() > limit) break
    }
    await pipeline.stop()
    await tracing.stop()
    checkTrace(events)
    const block = events.find(({ cat }) => cat === 'block')
    assert.equal(block?.name, 'holds')
    assert.equal(block?.args?.stage, 'holds')
    assert.ok((block?.dur ?? 0) >= 10_000)
  })

  it('can begin and end while the pipeline runs, and again', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; i < 300; i++) yield i
      })
      .pipe(sleepy, { concurrency: 2 })
      .build()
    const traces: TraceEvent[][] = []
    let tracing: ReturnType<typeof trace> | undefined
    let count = 0
    for await (const _ of pipeline) {
      if (++count % 50 !== 0) continue
      if (tracing === undefined) {
        traces.push([])
        tracing = trace(pipeline, { to: traces.at(-1) as TraceEvent[] })
        assert.throws(() => trace(pipeline, { to: [] }), { code: 'ERR_BAD_STATE' })
      } else {
        await tracing.stop()
        tracing = undefined
      }
    }
    assert.equal(traces.length, 3)
    for (const events of traces) {
      checkTrace(events)
      const tasks = tasksOf(events, 'sleepy')
      assert.ok(tasks.length >= 40 && tasks.length <= 60, String(tasks.length))
      assert.ok(tasks.filter(({ args }) => args?.outcome === 'unfinished').length <= 2)
    }
  })

  it('is bounded: what has no room is counted', async () => {
    const events: TraceEvent[] = []
    const pipeline = new PipelineBuilder()
      .addSource([1, 2, 3, 4, 5, 6, 7, 8, 9])
      .pipe(sleepy)
      .build()
    const tracing = trace(pipeline, { to: events, maxEvents: 12 })
    await pipeline.forEach(() => {})
    const summary = await tracing.stop()
    assert.equal(events.length, 12)
    assert.equal(summary.events, 12)
    assert.ok(summary.lost > 10)
  })

  it('loses events rather than memory when a stream does not take them', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => {} })
    const pipeline = new PipelineBuilder()
      .addSource(function* () {
        for (let i = 0; i < 20_000; i++) yield i
      })
      .pipe((n: number) => n)
      .build()
    const tracing = trace(pipeline, { to: stuck, maxBufferedBytes: 200_000 })
    await pipeline.forEach(() => {})
    assert.ok(stuck.writableLength < 400_000, String(stuck.writableLength))
    stuck.destroy()
    await assert.rejects(tracing.stop())
  })

  it('writes JSON to a file or stream', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spindle-trace-'))
    try {
      const file = join(folder, 'trace.json')
      const stream = new PassThrough({ highWaterMark: 1 << 24 })
      for (const to of [file, stream]) {
        const pipeline = new PipelineBuilder().addSource([1, 2, 3]).pipe(sleepy).build()
        const tracing = trace(pipeline, { to })
        await pipeline.forEach(() => {})
        const { events, lost } = await tracing.stop()
        const text = to === file ? readFileSync(file, 'utf8') : String(stream.read())
        const parsed = JSON.parse(text) as { traceEvents: TraceEvent[] }
        assert.equal(parsed.traceEvents.length, events)
        assert.equal(lost, 0)
        checkTrace(parsed.traceEvents)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('rejects when the file cannot be written, and does not disturb the pipeline', async () => {
    const pipeline = new PipelineBuilder().addSource([1, 2, 3]).pipe(sleepy).build()
    const tracing = trace(pipeline, { to: '/no/such/folder/trace.json' })
    let count = 0
    await pipeline.forEach(() => {
      count++
    })
    assert.equal(count, 3)
    await assert.rejects(tracing.stop(), { code: 'ENOENT' })
  })

  it('leaves results and order as they are', async () => {
    const run = async (isTraced: boolean): Promise<unknown[]> => {
      const pipeline = new PipelineBuilder()
        .addSource(Array.from({ length: 200 }, (_, i) => i))
        .pipe((n) => (n % 7 === 0 ? undefined : n))
        .pipe(async (n) => n * 2, { concurrency: 4, outputOrder: 'input' })
        .aggregate(9)
        .build()
      const tracing = isTraced ? trace(pipeline, { to: [] }) : undefined
      const all: unknown[] = []
      await pipeline.forEach((batch) => {
        all.push(batch)
      })
      await tracing?.stop()
      return all
    }
    assert.deepEqual(await run(true), await run(false))
  })

  it('refuses options that make no sense', () => {
    const pipeline = new PipelineBuilder().addSource([1]).build()
    for (const options of [
      {},
      { to: '' },
      { to: 7 },
      { to: [], maxEvents: 0 },
      { to: [], file: 'x' },
    ])
      assert.throws(() => trace(pipeline, options as unknown as TraceOptions), {
        code: 'ERR_BAD_OPTION',
      })
  })
})

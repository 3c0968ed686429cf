import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Executor,
  executorOp,
  freeCores,
  move,
  onFreeCores,
  PipelineBuilder,
  reserveCores,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { collect, collectFailure } from '../../support/consume.ts'

/** An executor that notes what a pipeline does with it. */
function noting(events: string[], fails = false): Executor {
  return {
    bindsValues: true,
    workers: {
      kind: 'thread',
      count: 2,
      busyMs: 5,
      table: { title: 'worker', columns: ['worker', 'items'], rows: [['1', 7]], notes: ['a note'] },
    },
    acquire() {
      events.push('acquire')
      if (fails) throw new Error('no room')
      return async () => {
        await Promise.resolve()
        events.push('release')
      }
    },
    warmUp: (calls) => events.push(`warm up ${calls}`),
    run: async (item) => (item as number) * 10,
  }
}

describe('an op that brings its executor', () => {
  it('needs no options, and its stage starts and ends with the pipeline', async () => {
    const events: string[] = []
    const op = executorOp<number, number>('tenfold', noting(events), 3)
    const pipeline = new PipelineBuilder()
      .addSource([1, 2])
      .pipe(op, { outputOrder: 'input' })
      .build()
    assert.deepEqual(events, [])
    assert.deepEqual(await collect(pipeline), [10, 20])
    assert.deepEqual(events, ['acquire', 'warm up 3', 'release'])
    const { name, concurrency, workers: table } = pipeline.stats().stages[1] ?? {}
    assert.deepEqual([name, concurrency, table?.busyMs], ['tenfold', 3, 5])
    assert.match(String(pipeline.report()), /worker +items\n1 +7\na note/)
  })

  it('is released once, however the pipeline ends, and not used by one that never starts', async () => {
    const events: string[] = []
    const op = executorOp<number, number>('tenfold', noting(events), 3)
    const build = () => new PipelineBuilder().addSource([1, 2, 3]).pipe(op).pipe(op).build()
    await build().stop()
    assert.deepEqual(events, [])
    const stopped = build()
    await stopped.getItem()
    await stopped.stop({ mode: 'abort' })
    assert.deepEqual(events, ['acquire', 'warm up 6', 'release'])
    const controller = new AbortController()
    const aborted = new PipelineBuilder().addSource([1, 2, 3]).pipe(op).build(controller)
    await aborted.getItem()
    controller.abort(new Error('enough'))
    await assert.rejects(aborted.done, /enough/)
    await Promise.resolve()
    assert.equal(events.filter((event) => event === 'release').length, 2)
  })

  it('fails the pipeline if it cannot be acquired', async () => {
    const op = executorOp<number, number>('tenfold', noting([], true), 1)
    const pipeline = new PipelineBuilder().addSource([1]).pipe(op).build()
    await assert.rejects(collect(pipeline), /no room/)
  })

  it('is refused in a region', () => {
    const op = executorOp<number, number>('tenfold', noting([]), 1)
    const region = new PipelineBuilder().addSource([1]).to(workers({ count: 1 }))
    assert.throws(() => region.pipe(op), /end the region before it with to\(MAIN\)/)
  })
})

describe('items on their way to a thread', () => {
  const source = `
    export const sum = ({ data }) => data.reduce((sum, n) => sum + n, 0)
    export const die = ({ data }) => process.exit(data.length > 0 ? 3 : 0)`
  interface Ops {
    sum(item: { data: Float64Array }): number
    die(item: { data: Float64Array }): number
  }
  const ops = workerModule<Ops>(`data:text/javascript,${encodeURIComponent(source)}`)

  it('are copied, or moved if they went through move()', async () => {
    const [kept, moved] = [{ data: new Float64Array([1, 2]) }, { data: new Float64Array([3, 4]) }]
    await using pool = new ThreadPool({ size: 1 })
    const pipeline = new PipelineBuilder()
      .addSource([kept, move(moved)])
      .pipe(ops.sum, { executor: pool })
      .build()
    assert.deepEqual(await collect(pipeline), [3, 7])
    assert.deepEqual([kept.data.length, moved.data.length], [2, 0])
    assert.equal(pool.stats().transferredBytes, 16)
  })

  it('are not run again if they were moved into a thread that died', async () => {
    const item = move({ data: new Float64Array(4) })
    await using pool = new ThreadPool({ size: 1, maxDeaths: 5 })
    const { failure } = await collectFailure(
      new PipelineBuilder().addSource([item]).pipe(ops.die, { executor: pool }).build(),
    )
    assert.equal(
      (failure.errors[0]?.cause as { code: string } | undefined)?.code,
      'ERR_WORKER_DIED',
    )
  })
})

describe('reserved cores', () => {
  it('are missing from the free ones until they are given back, once', () => {
    const told: number[] = []
    const before = freeCores()
    onFreeCores((free) => told.push(free))
    const giveBack = reserveCores(1)
    const during = freeCores()
    giveBack()
    giveBack()
    assert.deepEqual([during, freeCores()], [Math.max(1, before - 1), before])
    assert.deepEqual(told, [during, before])
    const all = reserveCores(10_000)
    assert.equal(freeCores(), 1)
    all()
  })
})

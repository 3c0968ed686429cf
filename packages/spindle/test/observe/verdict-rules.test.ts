import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Bottleneck, findBottleneck, judge } from '../../src/engine/report/verdict.ts'
import { type MadeStats, madeStats } from './made-stats.ts'

// Figures as they are measured of pipelines whose limit is known, and what the verdict must be.

interface Row {
  readonly title: string
  readonly stats: MadeStats
  readonly kind: Bottleneck['kind']
  readonly stage: string
  /** From, to: of the change that is advised; `false`: none is. */
  readonly change?: readonly [number, number] | false
  /** Least and most that may be promised. */
  readonly promise?: readonly [number, number]
}

const slots = (name: string, concurrency: number, more: object = {}) => ({
  name,
  concurrency,
  running: 0.98,
  ...more,
})
/** Both cores in use by others, as two processes that compute leave them. */
const beside = (own: number, waiting: number) => ({ own, others: 2 - own, waiting })

const rows: readonly Row[] = [
  // --- a run that is over
  {
    title: 'a run of few calls: whole rounds count',
    stats: { stages: [slots('fetch', 4, { tasks: 18 })], state: 'done', elapsedMs: 500 },
    kind: 'stage',
    stage: 'fetch',
    change: [4, 9],
    promise: [2.2, 2.5],
  },
  {
    title: 'a run of few calls in workers: others must start first',
    stats: {
      stages: [
        slots('look up', 4, { tasks: 18, running: 0.49, queued: 0.49, workers: { count: 2 } }),
      ],
      state: 'done',
      elapsedMs: 500,
    },
    kind: 'executor',
    stage: 'look up',
    change: [2, 6],
    promise: [1.8, 2.1],
  },
  {
    title: 'a run of no more calls than slots: nothing',
    stats: { stages: [slots('fetch', 12, { tasks: 12 })], state: 'done', elapsedMs: 500 },
    kind: 'stage',
    stage: 'fetch',
    change: false,
    promise: [1, 1],
  },
  // --- the stage
  {
    title: 'a stage whose calls wait: more of them',
    stats: { stages: [slots('fetch', 4)] },
    kind: 'stage',
    stage: 'fetch',
    change: [4, 16],
    promise: [3.5, 4],
  },
  {
    title: 'no more than the next stage allows',
    stats: { stages: [slots('fetch', 2), { name: 'store', running: 0.5 }] },
    kind: 'stage',
    stage: 'fetch',
    change: [2, 4],
    promise: [1.5, 1.8],
  },
  {
    title: 'no more than the event loop allows',
    stats: { stages: [slots('fetch', 16)], loop: 0.5, own: 0.6 },
    kind: 'stage',
    stage: 'fetch',
    change: [16, 31],
    promise: [1.7, 2],
  },
  {
    title: 'no more than the cores allow',
    stats: { stages: [slots('hash', 1)], own: 1, loop: 0.05 },
    kind: 'stage',
    stage: 'hash',
    change: [1, 2],
    promise: [1.5, 2],
  },
  {
    title: 'nothing where others are as busy',
    stats: { stages: [slots('first', 4), slots('second', 4, { running: 0.95 })] },
    kind: 'stage',
    stage: 'first',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'nothing below 1.2 times',
    stats: { stages: [slots('first', 4), { name: 'second', running: 0.75 }] },
    kind: 'stage',
    stage: 'first',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'a stage that waits beside busy processes',
    stats: { stages: [slots('fetch', 4)], ...beside(0.25, 0.1), loop: 0.2 },
    kind: 'stage',
    stage: 'fetch',
    promise: [2, 4],
  },
  {
    title: 'results that wait for earlier ones, while the next stage starves',
    stats: { stages: [{ name: 'uneven', concurrency: 4, running: 0.5, blocked: 0.48 }] },
    kind: 'stage',
    stage: 'uneven',
  },
  {
    title: 'a stage of a region: its number is that of one worker',
    stats: { stages: [slots('fetch', 8, { workers: { count: 2 }, heldWorkers: 0.02 })] },
    kind: 'stage',
    stage: 'fetch',
    change: [4, 16],
  },
  {
    title: 'calls in a pool with workers to spare: no more of them than workers',
    stats: { stages: [slots('look up', 2, { workers: { count: 3 } })] },
    kind: 'stage',
    stage: 'look up',
    change: [2, 3],
    promise: [1.4, 1.6],
  },
  // --- the executor
  {
    title: 'a pool whose workers wait: more workers',
    stats: {
      stages: [
        { name: 'look up', concurrency: 8, running: 0.25, queued: 0.74, workers: { count: 2 } },
      ],
    },
    kind: 'executor',
    stage: 'look up',
    change: [2, 8],
    promise: [3.5, 4],
  },
  {
    title: 'a pool with as many calls as workers',
    stats: { stages: [slots('look up', 2, { workers: { count: 2 } })] },
    kind: 'executor',
    stage: 'look up',
    change: [2, 8],
  },
  {
    title: 'a pool of one that computes: as many workers as there are cores',
    stats: {
      stages: [
        { name: 'decode', concurrency: 4, running: 0.25, queued: 0.74, workers: { count: 1 } },
      ],
      own: 1.05,
    },
    kind: 'executor',
    stage: 'decode',
    change: [1, 2],
    promise: [1.5, 1.9],
  },
  {
    title: 'two stages that share a pool',
    stats: {
      stages: [
        { name: 'a', concurrency: 4, running: 0.25, queued: 0.6, workers: { count: 2, pool: 1 } },
        { name: 'b', concurrency: 4, running: 0.24, queued: 0.5, workers: { count: 2, pool: 1 } },
      ],
    },
    kind: 'executor',
    stage: 'a',
    change: [2, 8],
  },
  {
    title: 'a library that tells when its calls begin',
    stats: {
      stages: [{ name: 'resize', concurrency: 16, running: 0.25, queued: 0.73 }],
      cores: 16,
      own: 4,
    },
    kind: 'executor',
    stage: 'resize',
    change: false,
  },
  {
    title: 'workers that wait, beside processes that use the cores',
    stats: {
      stages: [
        { name: 'look up', concurrency: 8, running: 0.45, queued: 0.5, workers: { count: 4 } },
      ],
      ...beside(0.6, 0.9),
    },
    kind: 'executor',
    stage: 'look up',
  },
  {
    title: 'calls that wait for workers though most of these are idle: it is the hand-over',
    stats: {
      stages: [
        { name: 'look up', concurrency: 2, running: 0.6, queued: 0.35, workers: { count: 8 } },
      ],
      ...beside(0.2, 0.6),
    },
    kind: 'stage',
    stage: 'look up',
  },
  {
    title: 'a region of processes that wait',
    stats: {
      stages: [slots('look up', 2, { workers: { count: 2, kind: 'process' }, heldWorkers: 1.96 })],
    },
    kind: 'executor',
    stage: 'look up',
    change: [2, 8],
  },
  // --- the CPU
  {
    title: 'a pool with a thread for each core',
    stats: { stages: [slots('decode', 2, { workers: { count: 2 } })], own: 1.95, waiting: 0.2 },
    kind: 'cpu',
    stage: 'decode',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'threads of a library',
    stats: { stages: [slots('resize', 16)], own: 1.9, waiting: 2 },
    kind: 'cpu',
    stage: 'resize',
    change: false,
  },
  {
    title: 'the same where the system does not tell who waits for a core',
    stats: { stages: [slots('resize', 16)], own: 1.9, waiting: undefined },
    kind: 'cpu',
    stage: 'resize',
  },
  {
    title: 'more threads than cores, which others fill: not fewer, each gets its share',
    stats: {
      stages: [
        slots('a', 2, { workers: { count: 2, pool: 1 } }),
        slots('b', 2, { workers: { count: 2, pool: 2 }, running: 0.9 }),
      ],
      ...beside(0.6, 1.5),
    },
    kind: 'cpu',
    stage: 'a',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'more threads than cores: fewer',
    stats: {
      stages: [
        slots('a', 2, { workers: { count: 2, pool: 1 } }),
        slots('b', 2, { workers: { count: 2, pool: 2 }, running: 0.9 }),
      ],
      own: 1.95,
      waiting: 1.9,
    },
    kind: 'cpu',
    stage: 'a',
    change: [2, 1],
    promise: [1, 1],
  },
  {
    title: 'a machine that others fill',
    stats: { stages: [slots('decode', 2, { workers: { count: 2 } })], ...beside(0.6, 1.3) },
    kind: 'cpu',
    stage: 'decode',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'a machine that others fill so much that hardly anything is left',
    stats: { stages: [slots('decode', 2, { workers: { count: 2 } })], ...beside(0.2, 3.4) },
    kind: 'cpu',
    stage: 'decode',
    change: false,
  },
  {
    title: 'threads of a library that tells when calls begin, on cores that are all in use',
    stats: {
      stages: [{ name: 'load', concurrency: 16, running: 0.12, queued: 0.86 }],
      ...beside(0.3, 1.2),
      elapsedMs: 1500,
    },
    kind: 'cpu',
    stage: 'load',
    change: false,
  },
  // --- inside the op
  {
    title: 'a full server, where calls run into their time limit: no more of them',
    stats: { stages: [slots('fetch', 64, { timeouts: 600 })] },
    kind: 'rateLimited',
    stage: 'fetch',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'the same, tried again',
    stats: { stages: [slots('fetch', 64, { timeouts: 900, retries: 900 })] },
    kind: 'rateLimited',
    stage: 'fetch',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'a few calls that run into their time limit: more of them help as usual',
    stats: { stages: [slots('fetch', 4, { timeouts: 100 })] },
    kind: 'stage',
    stage: 'fetch',
    change: [4, 16],
    promise: [3.5, 4],
  },
  {
    title: 'a semaphore that the workers of a pool share, more calls than workers',
    stats: {
      stages: [
        slots('query', 32, {
          running: 0.36,
          queued: 0.63,
          workers: { count: 16 },
          // The time waiting for a worker is no part of the durations.
          levels: [
            [4, 30, 10.5, 1],
            [8, 60, 21, 4],
            [15, 60, 38, 6],
          ],
        }),
      ],
    },
    kind: 'inner',
    stage: 'query',
    change: [32, 4],
    promise: [1, 1],
  },
  {
    title: 'a semaphore: four at a time',
    stats: {
      stages: [
        slots('query', 16, {
          tasks: 4000,
          levels: [
            [1, 1, 10],
            [4, 1, 10],
            [5, 1, 20],
            [6, 1, 20],
            [8, 1, 20],
            [12, 4, 30],
            [16, 4000, 39, 2],
          ],
        }),
      ],
    },
    kind: 'inner',
    stage: 'query',
    change: [16, 4],
    promise: [1, 1],
  },
  {
    title: 'a semaphore, where something held up the first calls that waited',
    stats: {
      stages: [
        slots('query', 15, {
          levels: [
            [1, 1, 11.6],
            [3, 1, 12.1],
            [4, 1, 12.1],
            [5, 1, 38.5],
            [7, 1, 38.9],
            [12.5, 164, 37.8, 7],
          ],
        }),
      ],
    },
    kind: 'inner',
    stage: 'query',
  },
  {
    title: 'calls that wait inside for a server that refuses them at times',
    stats: {
      stages: [
        slots('fetch', 16, {
          levels: [
            [1, 1, 20],
            [2, 1, 20],
            [3, 1, 21],
            [4, 1, 20],
            [5, 1, 120],
            [8, 1, 120],
            [16, 64, 70, 60],
          ],
        }),
      ],
    },
    kind: 'inner',
    stage: 'fetch',
    promise: [1, 1],
  },
  {
    title: 'workers that wait for a lock that they share: not for want of workers',
    stats: {
      stages: [
        slots('query', 16, {
          tasks: 4000,
          workers: { count: 16 },
          levels: [
            [1, 1, 10],
            [2, 1, 10],
            [4, 1, 10],
            [16, 64, 40, 1],
          ],
        }),
      ],
    },
    kind: 'inner',
    stage: 'query',
    change: [16, 4],
    promise: [1, 1],
  },
  {
    title: 'no semaphore: calls take as long, however many there are',
    stats: {
      stages: [
        slots('query', 16, {
          levels: [
            [1, 1, 12],
            [4, 1, 10],
            [6, 1, 10],
            [8, 1, 10],
            [16, 4000, 10, 2],
          ],
        }),
      ],
    },
    kind: 'stage',
    stage: 'query',
    change: [16, 64],
  },
  {
    title: 'few samples of times that differ much say nothing',
    stats: {
      stages: [
        slots('query', 16, {
          levels: [
            [5, 1, 4],
            [8, 1, 8],
            [16, 4000, 20, 20],
          ],
        }),
      ],
    },
    kind: 'stage',
    stage: 'query',
  },
  // --- refused
  {
    title: 'calls that are refused and tried again',
    stats: {
      stages: [{ name: 'fetch', concurrency: 16, running: 0.3, backoff: 0.68, retries: 900 }],
    },
    kind: 'rateLimited',
    stage: 'fetch',
    change: [16, 5],
    promise: [1, 1],
  },
  {
    title: 'a retry now and then is no rate limit',
    stats: {
      stages: [{ name: 'fetch', concurrency: 16, running: 0.95, backoff: 0.03, retries: 10 }],
    },
    kind: 'stage',
    stage: 'fetch',
  },
  // --- the loop
  {
    title: 'an op that computes on the loop',
    stats: { stages: [slots('decode', 4, { running: 0.25, held: 0.97 })], loop: 0.99, own: 1.02 },
    kind: 'loop',
    stage: 'decode',
    promise: [1.5, 1.9],
  },
  {
    title: 'the same beside busy processes, with the sink never empty and the consumer held up',
    stats: {
      stages: [slots('decode', 4, { running: 0.25, held: 0.96 })],
      loop: 0.99,
      ...beside(0.6, 0.4),
      consumer: { busy: 0.3, ready: 0.6 },
    },
    kind: 'loop',
    stage: 'decode',
    promise: [1.2, 1.7],
  },
  {
    title: 'more cores: more gain, up to a step',
    stats: { stages: [slots('decode', 4, { held: 0.97 })], loop: 0.99, own: 1.02, cores: 16 },
    kind: 'loop',
    stage: 'decode',
    promise: [3.5, 4],
  },
  {
    title: 'a source that computes on the loop',
    stats: {
      source: { running: 0.9, held: 0.9 },
      stages: [{ name: 'fetch', running: 0.1 }],
      loop: 0.95,
      own: 1,
    },
    kind: 'loop',
    stage: 'source',
  },
  {
    title: 'a loop full of small things',
    stats: { stages: [slots('read', 64, { held: 0.2 })], loop: 0.97, own: 1.2 },
    kind: 'loop',
    stage: 'read',
    change: false,
    promise: [1, 1],
  },
  // --- the ends
  {
    title: 'a source that waits',
    stats: {
      source: { running: 0.97 },
      stages: [{ name: 'fetch', concurrency: 16, running: 0.06 }],
    },
    kind: 'source',
    stage: 'source',
    promise: [3, 4],
  },
  {
    title: 'a consumer that waits',
    stats: {
      stages: [{ name: 'fetch', running: 0.2, blocked: 0.8, occupancy: 0.9 }],
      consumer: { busy: 0.98, ready: 0.98 },
    },
    kind: 'consumer',
    stage: 'consumer',
    promise: [1, 1],
  },
  {
    title: 'a consumer that hardly ever waits, though no items are ready',
    stats: { stages: [{ name: 'fetch', running: 0.6 }], consumer: { busy: 0.97, ready: 0.1 } },
    kind: 'consumer',
    stage: 'consumer',
  },
  {
    title: 'a consumer that holds the loop, with half of it left to the pipeline',
    stats: {
      stages: [{ name: 'prepare', running: 0.35, held: 0.35 }],
      loop: 0.99,
      own: 1,
      consumer: { busy: 0.6, held: 0.6, ready: 0.3 },
    },
    kind: 'consumer',
    stage: 'consumer',
    promise: [1.3, 1.6],
  },
  // --- memory
  {
    title: 'a bound on bytes',
    stats: {
      stages: [
        {
          name: 'read',
          concurrency: 2,
          running: 0.4,
          maxBytes: 2e6,
          bytesFull: 0.5,
          occupancy: 0.6,
        },
      ],
      consumer: { busy: 0.4, ready: 0.4 },
    },
    kind: 'memory',
    stage: 'read',
    change: [2e6, 12e6],
    promise: [1.5, 2.2],
  },
  {
    title: 'calls that wait for memory of a pool',
    stats: { stages: [slots('collate', 4)], memoryWaiting: 3.5 },
    kind: 'memory',
    stage: 'collate',
    change: false,
    promise: [1, 1],
  },
  {
    title: 'a bound on bytes before a stage that is busy only does what it is for',
    stats: {
      stages: [
        {
          name: 'read',
          concurrency: 2,
          running: 0.3,
          maxBytes: 2e6,
          bytesFull: 0.9,
          occupancy: 0.95,
        },
        slots('decode', 2),
      ],
    },
    kind: 'stage',
    stage: 'decode',
  },
]

describe('the verdict on figures of a known limit', () => {
  for (const { title, stats, kind, stage, change, promise } of rows) {
    it(`${kind}: ${title}`, () => {
      const verdict = findBottleneck(madeStats(stats))
      assert.ok(verdict !== undefined)
      const said = `${verdict.kind}, ${verdict.stage}: ${verdict.reason}; ${verdict.advice}`
      assert.deepEqual([verdict.kind, verdict.stage], [kind, stage], said)
      if (change === false) assert.equal(verdict.change, undefined, said)
      if (Array.isArray(change))
        assert.deepEqual([verdict.change?.from, verdict.change?.to], [...change], said)
      const [least, most] = promise ?? [1, 4]
      assert.ok(
        verdict.promise >= least && verdict.promise <= most,
        `promises ${verdict.promise}; ${said}`,
      )
      assert.ok(verdict.promise === 1 || verdict.promise >= 1.2, `promises ${verdict.promise}`)
      for (const [name, value] of Object.entries(verdict.evidence))
        assert.ok(Number.isFinite(value), `${name} is ${value}`)
      assert.doesNotMatch(said, /NaN|undefined|Infinity|1\.0 times/)
    })
  }
})

describe('a verdict', () => {
  it('advises no `concurrency` for a router, which takes one item at a time', () => {
    const stats = madeStats({
      stages: [slots('route', 1), { name: 'one' }, { name: 'other' }],
    })
    const route = stats.stages.find(({ name }) => name === 'route')
    const stages = stats.stages.map((stage) =>
      stage.name === 'other' ? { ...stage, upstream: [route?.id ?? 0] } : stage,
    )
    const { kind, stage, change, advice, promise } = findBottleneck({ ...stats, stages }) ?? {}
    assert.deepEqual([kind, stage, change], ['stage', 'route', undefined])
    assert.match(advice ?? '', /in a stage before it/)
    assert.ok((promise ?? 0) > 3)
  })

  const stages = [slots('fetch', 4)]

  it('is not given of a run that is too short, and says what is missing', () => {
    const { bottleneck, missing } = judge(
      madeStats({ stages: [slots('fetch', 4, { tasks: 3 })], items: 3, elapsedMs: 100 }),
    )
    assert.equal(bottleneck, undefined)
    assert.match(missing ?? '', /^3 items in 0\.10 s: it takes 0\.2 s and 10 items/)
  })

  it('is not given of calls of which none has ended', () => {
    const stats = madeStats({
      stages: [slots('load', 16, { tasks: 16, underWay: 16 })],
      items: 0,
      elapsedMs: 3000,
    })
    assert.match(judge(stats).missing ?? '', /^0 items in 3\.00 s/)
  })

  it('is given of few slow items', () => {
    const slow = madeStats({
      stages: [slots('render', 1, { tasks: 4 })],
      items: 4,
      elapsedMs: 8000,
    })
    assert.equal(judge(slow).bottleneck?.kind, 'stage')
  })

  it('is given of a pipeline that gives its consumer nothing', () => {
    assert.equal(findBottleneck(madeStats({ stages, items: 0 }))?.stage, 'fetch')
  })

  it('is of the time since earlier figures, where these are given', () => {
    const before = madeStats({
      stages: [{ name: 'fetch', concurrency: 4, running: 0.1, tasks: 1000 }],
      consumer: { busy: 1, ready: 1 },
    })
    const after = madeStats({
      stages: [{ name: 'fetch', concurrency: 4, running: 0.54, tasks: 3000 }],
      consumer: { busy: 0.5, ready: 0.5 },
      elapsedMs: 20_000,
      items: 3000,
    })
    assert.equal(findBottleneck(before)?.kind, 'consumer')
    assert.equal(findBottleneck(after, before)?.kind, 'stage')
  })

  it('does not change the figures it is read from, and is the same each time', () => {
    const stats = madeStats({ stages })
    const text = JSON.stringify(stats)
    assert.deepEqual(findBottleneck(stats), findBottleneck(stats))
    assert.equal(JSON.stringify(stats), text)
  })
})

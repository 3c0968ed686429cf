import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  iterateInWorker,
  PipelineBuilder,
  SegmentPool,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { collect } from '../../support/consume.ts'
import type * as Ops from '../../workers/calls/fixtures/ops.ts'

const MANY = 12
const href = import.meta.resolve('../../workers/calls/fixtures/ops.js')
const ops = workerModule<typeof Ops>(href)
const builder = new PipelineBuilder().addSource([1, 2])

/** Runs as many at a time as Node 20 would warn of; gives the warnings of the process meanwhile. */
async function warningsOf(
  run: (n: number) => Promise<unknown>,
  count = MANY,
): Promise<readonly string[]> {
  const warnings: string[] = []
  const hear = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`)
  process.on('warning', hear)
  try {
    await Promise.all(Array.from({ length: count }, (_, n) => run(n)))
    // Warnings are told in a later turn.
    await sleep(0)
  } finally {
    process.off('warning', hear)
  }
  return warnings
}

describe('Node warns of no leak of listeners', () => {
  it('when an op uses its signal for many things, on the loop, with a time limit, in an iterable', async () => {
    const many = async (
      n: number,
      { signal }: { readonly signal: AbortSignal },
    ): Promise<number> => {
      await Promise.all(Array.from({ length: MANY }, () => sleep(1, null, { signal })))
      return n
    }
    const run = async (): Promise<void> => {
      await collect(builder.pipe(many).build())
      await collect(builder.pipe(many, { timeoutMs: 5000 }).build())
    }
    assert.deepEqual(await warningsOf(run, 1), [])
  })

  it('when many pipelines, a pool, a region and a remote pipeline share a signal of the user, and all are told of it', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const held = Array.from({ length: MANY }, () =>
      builder.pipe((n, context) => sleep(60_000, n, { signal: context.signal })).build({ signal }),
    )
    // Nothing of all this ends by itself, however late the signal comes.
    const remote = iterateInWorker(href, { export: 'count', args: Infinity, signal })
    const region = new PipelineBuilder()
      .addSource([{ n: 1, waitMs: 60_000 }])
      .to(workers({ count: 1 }))
      .pipe(ops.later)
      .build({ signal })
    const memory = new SegmentPool({ segmentBytes: 1 << 16, maxBytes: 1 << 16 })
    const lease = await memory.acquire(1 << 16)
    const all = [...held, remote, region].map((one) => collect(one))
    await using pool = new ThreadPool({ size: 1 })
    const call = pool.run({ n: 1, waitMs: 60_000 }, { filename: href, name: 'later', signal })
    const waits = Array.from({ length: MANY }, () => memory.acquire(1 << 16, { signal }))
    const settled = Promise.allSettled([...all, ...waits, call])
    const warnings = await warningsOf(() => sleep(1), 1)
    controller.abort(new Error('enough'))
    const reasons = (await settled).map((one) =>
      one.status === 'rejected' ? one.reason.message : 'ended',
    )
    assert.deepEqual(new Set(reasons), new Set(['enough']))
    assert.deepEqual(warnings, [])
    lease.release()
  })
})

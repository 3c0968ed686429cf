import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  InfrastructureError,
  MAIN,
  PipelineBuilder,
  type PipelineFailure,
  ProcessPool,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { DataLoader } from 'spindle/loader'
import { collect, collectFailure } from '../../support/consume.ts'
import { range } from '../../support/sources.ts'

// A module of this kind is what @spindle/io throws by: of another copy of the package, so no class
// of this one.
const source = `
  function missing() {
    return Object.assign(new Error('the library is not installed'), {
      name: 'MediaError', code: 'ERR_BACKEND_MISSING', isInfrastructure: true,
    })
  }
  let calls = 0
  export const throwing = () => { calls++; throw missing() }
  export const later = async () => { throw missing() }
  export async function* outputs(n) { yield n; throw missing() }
  export const wrapped = () => { throw new Error('no picture', { cause: missing() }) }
`
interface Ops {
  throwing(n: number): number
  later(n: number): Promise<number>
  outputs(n: number): AsyncGenerator<number>
  wrapped(n: number): number
}
const href = `data:text/javascript,${encodeURIComponent(source)}`
const ops = workerModule<Ops>(href)

const numbers = () => new PipelineBuilder().addSource(range(50))
const open = {
  maxFailures: Number.POSITIVE_INFINITY,
  retry: { retries: 3, minDelayMs: 1 },
} as const

function assertBroken(failure: PipelineFailure, code: string): void {
  const [{ cause, index }] = failure.errors as [PipelineFailure['errors'][0]]
  assert.equal((cause as Partial<InfrastructureError>).isInfrastructure, true, String(cause))
  assert.equal((cause as { code?: unknown }).code, code)
  assert.equal(index, -1, 'no item is to blame')
}

describe('what ops run on is broken, and fails the stage whatever its budget and retries', () => {
  for (const Pool of [ThreadPool, ProcessPool]) {
    it(`a closed ${Pool.name}, before the run and in the middle of it`, async () => {
      const closed = new Pool({ size: 1 })
      await closed.close()
      const { items, failure } = await collectFailure(
        numbers()
          .pipe(ops.wrapped, { executor: closed, ...open, concurrency: 4 })
          .build(),
      )
      assert.deepEqual(items, [])
      assertBroken(failure, 'ERR_POOL_CLOSED')
      assert.ok(failure.errors[0]?.cause instanceof InfrastructureError)
      assert.equal(failure.errors[0]?.failures, 0)

      const pool = new Pool({ size: 1 })
      const ends = numbers()
        .pipe(
          workerModule<{ sqrt(n: number): number }>(
            'data:text/javascript,export const sqrt = Math.sqrt',
          ).sqrt,
          {
            executor: pool,
            ...open,
          },
        )
        .build()
      assert.equal((await ends.getItem()).value, 0)
      await pool.close()
      assertBroken((await collectFailure(ends)).failure, 'ERR_POOL_CLOSED')
    })
  }

  it('a library that is missing, thrown here: by ops, generators, in both orders, and from a hook', async () => {
    const here = (await import(href)) as Ops
    for (const outputOrder of ['completion', 'input'] as const)
      for (const name of ['throwing', 'later', 'outputs'] as const) {
        const pipeline = numbers()
          .pipe(here[name] as (n: number) => number, { ...open, outputOrder, concurrency: 3 })
          .build()
        const { failure } = await collectFailure(pipeline)
        assertBroken(failure, 'ERR_BACKEND_MISSING')
        assert.equal(pipeline.stats().stages[1]?.failures, 0)
        assert.equal(pipeline.stats().stages[1]?.retries, 0)
      }
    const hooks = [{ onTaskStart: here.throwing as unknown as () => void }]
    const { failure } = await collectFailure(
      numbers()
        .pipe((n) => n, open)
        .build({ hooks }),
    )
    assertBroken(failure, 'ERR_BACKEND_MISSING')
  })

  it('a library that is missing in a worker: of pools, of a region, of a loader', async () => {
    await using threads = new ThreadPool({ size: 1 })
    await using processes = new ProcessPool({ size: 1 })
    for (const executor of [threads, processes])
      for (const name of ['throwing', 'outputs'] as const) {
        const { failure } = await collectFailure(
          numbers()
            .pipe(ops[name] as typeof ops.throwing, { ...open, executor })
            .build(),
        )
        assertBroken(failure, 'ERR_BACKEND_MISSING')
      }
    for (const kind of ['thread', 'process'] as const) {
      const { failure } = await collectFailure(
        numbers()
          .to(workers({ kind, count: 1, maxFailures: Number.POSITIVE_INFINITY }))
          .pipe(ops.throwing, { ...open, retry: 3 })
          .to(MAIN)
          .build(),
      )
      assertBroken(failure, 'ERR_BACKEND_MISSING')
    }
    for (const placement of ['inline', 'threads', 'worker'] as const) {
      await using loader = new DataLoader(range(50), {
        preprocess: ops.throwing,
        placement,
        maxFailures: Number.POSITIVE_INFINITY,
      })
      assertBroken((await collectFailure(loader)).failure, 'ERR_BACKEND_MISSING')
    }
  })

  it('but not where it is only the cause of an error that an item is to blame for', async () => {
    const here = (await import(href)) as Ops
    const pipeline = numbers().pipe(here.wrapped, { maxFailures: 50 }).build()
    assert.deepEqual(await collect(pipeline), [])
    assert.equal(pipeline.stats().stages[1]?.failures, 50)
  })
})

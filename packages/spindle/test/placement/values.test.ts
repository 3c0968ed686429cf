import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Executor,
  type ItemError,
  MAIN,
  PipelineBuilder,
  type PipelineFailure,
  ProcessPool,
  ThreadPool,
  type WorkerOp,
  workerModule,
  workers,
} from 'spindle'
import type * as Ops from './fixtures/hostile.ts'
import { crossing, refused, thrown, type Wish } from './fixtures/hostile.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./fixtures/hostile.js'))

interface Outcome {
  readonly values: readonly unknown[]
  readonly failures: readonly ItemError[]
}

/** Runs an op on items, all in one worker and many at a time, so that they share messages. */
type Run = (op: WorkerOp<never, unknown>, items: readonly unknown[]) => Promise<Outcome>

function inPool(pool: Executor): Run {
  return (op, items) =>
    collect((failures) =>
      new PipelineBuilder()
        .addSource(items)
        .pipe(op as WorkerOp<unknown, unknown>, { executor: pool, concurrency: 16 })
        .build({
          maxFailures: items.length,
          loopGuard: false,
          onItemError: (failure) => void failures.push(failure),
        }),
    )
}

function inRegion(kind: 'thread' | 'process'): Run {
  return (op, items) =>
    collect((failures) =>
      new PipelineBuilder()
        .addSource(items)
        .to(workers({ kind, count: 1 }))
        .pipe(op as WorkerOp<unknown, unknown>, { concurrency: 16 })
        .to(MAIN)
        .build({
          maxFailures: items.length,
          loopGuard: false,
          onItemError: (failure) => void failures.push(failure),
        }),
    )
}

async function collect(build: (failures: ItemError[]) => AsyncIterable<unknown>): Promise<Outcome> {
  const failures: ItemError[] = []
  const values: unknown[] = []
  for await (const value of build(failures)) values.push(value)
  failures.sort((one, other) => one.index - other.index)
  return { values, failures }
}

const places: Readonly<
  Record<string, () => { run: Run; close: () => Promise<unknown>; deaths: () => number }>
> = {
  'a pool of threads': () => pooled(new ThreadPool({ size: 1 })),
  'a pool of processes': () => pooled(new ProcessPool({ size: 1 })),
  'a region of threads': () => ({ run: inRegion('thread'), close: async () => {}, deaths: () => 0 }),
  'a region of processes': () => ({ run: inRegion('process'), close: async () => {}, deaths: () => 0 }),
}

function pooled(pool: ThreadPool | ProcessPool) {
  return { run: inPool(pool), close: () => pool.close(), deaths: () => pool.stats().deaths }
}

/** Each of `names` with a harmless neighbour before it and after the last. */
const among = <T>(names: readonly T[], neighbour: T): T[] => [
  ...names.flatMap((name) => [neighbour, name]),
  neighbour,
]
const wishes = (kind: Wish['kind'], names: readonly string[]): Wish[] =>
  among<Wish>(
    names.map((name) => ({ kind, name })),
    { kind: 'value', name: 'neighbour' },
  )

for (const [place, open] of Object.entries(places)) {
  describe(`values that have code of their own, in ${place}`, () => {
    it('fail their own item as results, which says what cannot cross, and no other', async () => {
      const { run, close, deaths } = open()
      const names = Object.keys(refused)
      for (const [op, kind] of [
        [ops.fulfil, 'value'],
        [ops.fulfil, 'promise'],
      ] as const) {
        const { values, failures } = await run(op as never, wishes(kind, names))
        assert.deepEqual(values, new Array(names.length + 1).fill('neighbour'), place)
        assertRefused(failures, names)
      }
      const { values, failures } = await run(ops.fulfilAsOutputs as never, wishes('value', names))
      assert.equal(values.filter((value) => value === 'neighbour').length, names.length + 1)
      assertRefused(failures, names)
      assert.equal(deaths(), 0)
      await close()
    })

    it('fail their own item as items, and no other', async () => {
      const { run, close, deaths } = open()
      const names = Object.keys(refused)
      const items = among(
        names.map((name) => refused[name]?.make()),
        'neighbour',
      )
      const { values, failures } = await run(ops.receive as never, items)
      assert.deepEqual(values, new Array(names.length + 1).fill('string'))
      assertRefused(failures, names)
      assert.equal(deaths(), 0)
      await close()
    })

    it('cross where cloning can do it, as cloning does', async () => {
      const { run, close, deaths } = open()
      const names = Object.keys(crossing)
      const { values, failures } = await run(
        ops.fulfil as never,
        names.map((name) => ({ kind: 'value', name })),
      )
      assert.deepEqual(
        failures.map(({ error }) => error),
        [],
      )
      for (const [i, name] of names.entries())
        assert.ok(crossing[name]?.check(values[i] as never), `${name}, in ${place}`)
      const given = await run(
        ops.receive as never,
        names.map((name) => crossing[name]?.make()),
      )
      assert.deepEqual(
        given.failures.map(({ error }) => error),
        [],
      )
      assert.equal(deaths(), 0)
      await close()
    })

    it('are told as they were thrown, with their fields and causes, and end no worker', async () => {
      const { run, close, deaths } = open()
      const names = Object.keys(thrown)
      for (const kind of ['error', 'rejection'] as const) {
        const { values, failures } = await run(ops.fulfil as never, wishes(kind, names))
        assert.equal(values.length, names.length + 1)
        assert.equal(failures.length, names.length)
        for (const [i, name] of names.entries())
          assert.ok(thrown[name]?.check(failures[i]?.error as never), `${name}, ${kind} in ${place}`)
      }
      assert.equal(deaths(), 0)
      await close()
    })

    it('stay the module’s own where it keeps them', async () => {
      const { run, close } = open()
      const { values, failures } = await run(
        ops.fulfil as never,
        [1, 2, 3, 4].map((n) => ({ kind: 'keeping', name: String(n) })),
      )
      assert.deepEqual(failures, [])
      for (const [i, value] of values.entries()) {
        const { sum, table, largeTable, scratch, last, part } = value as ReturnType<typeof Ops.keeping>
        assert.equal(sum, 200_020)
        assert.deepEqual([...table, largeTable[0], ...part], [10, 20, 30, 10, 10, 10])
        assert.deepEqual([scratch[9], last[9]], [i + 1, i + 1], place)
      }
      await close()
    })
  })
}

function assertRefused(failures: readonly ItemError[], names: readonly string[]): void {
  assert.deepEqual(
    failures.map(({ index }) => index),
    names.map((_, i) => 2 * i + 1),
  )
  for (const [i, name] of names.entries()) {
    const error = failures[i]?.error as PipelineFailure
    assert.equal(error.code, 'ERR_NOT_TRANSFERABLE', `${name}: ${error.message}`)
    assert.match(error.message, refused[name]?.says as RegExp)
    assert.doesNotMatch(error.message, /secret/)
  }
}

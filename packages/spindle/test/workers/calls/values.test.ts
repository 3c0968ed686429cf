import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
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
  'a region of threads': () => ({
    run: inRegion('thread'),
    close: async () => {},
    deaths: () => 0,
  }),
  'a region of processes': () => ({
    run: inRegion('process'),
    close: async () => {},
    deaths: () => 0,
  }),
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
    const { run, close, deaths } = open()
    after(async () => {
      assert.equal(deaths(), 0)
      await close()
    })

    it('fail their own item as results and as outputs, which says what cannot cross, and no other', async () => {
      const names = Object.keys(refused)
      const both = [...wishes('value', names), ...wishes('promise', names)]
      const results = await run(ops.fulfil as never, both)
      assert.deepEqual(results.values, new Array(2 * names.length + 2).fill('neighbour'))
      assertRefused(results.failures.slice(0, names.length), names)
      assertRefused(results.failures.slice(names.length), names, 2 * names.length + 1)
      const outputs = await run(ops.fulfilAsOutputs as never, wishes('value', names))
      assert.equal(outputs.values.filter((value) => value === 'neighbour').length, names.length + 1)
      assertRefused(outputs.failures, names)
    })

    it('fail their own item as items, and no other', async () => {
      const names = Object.keys(refused)
      const items = among(
        names.map((name) => refused[name]?.make()),
        'neighbour',
      )
      const { values, failures } = await run(ops.receive as never, items)
      assert.deepEqual(values, new Array(names.length + 1).fill('string'))
      assertRefused(failures, names)
    })

    it('cross where cloning can do it, as cloning does', async () => {
      const names = Object.keys(crossing)
      const given = await run(
        ops.fulfil as never,
        names.map((name) => ({ kind: 'value', name })),
      )
      assert.deepEqual(given.failures, [])
      for (const [i, name] of names.entries())
        assert.ok(crossing[name]?.check(given.values[i] as never), `${name}, in ${place}`)
      const items = names.map((name) => crossing[name]?.make())
      const received = await run(ops.receive as never, items)
      assert.deepEqual(received.failures, [])
      if (place === 'a region of processes') return
      const { values } = await run(ops.viewsOfOne as never, [100, 100_000])
      for (const { bytes, words, part } of values as ReturnType<typeof Ops.viewsOfOne>[]) {
        words.fill(0x02020202)
        // What is small goes by Node's own channel between processes.
        if (place !== 'a pool of processes' || bytes.length > 100) assert.equal(bytes[9], 2)
        assert.equal(part.length, 4)
      }
    })

    it('are told as they were thrown, with their fields and causes, and end no worker', async () => {
      const names = Object.keys(thrown)
      const both = [...wishes('error', names), ...wishes('rejection', names)]
      const { values, failures } = await run(ops.fulfil as never, both)
      assert.equal(values.length, 2 * names.length + 2)
      assert.equal(failures.length, 2 * names.length)
      for (const [i, name] of [...names, ...names].entries())
        assert.ok(thrown[name]?.check(failures[i]?.error as never), `${name}, in ${place}`)
    })

    it('stay the module’s own where it keeps them', async () => {
      const { values, failures } = await run(
        ops.fulfil as never,
        [1, 2, 3, 4].map((n) => ({ kind: 'keeping', name: String(n) })),
      )
      assert.deepEqual(failures, [])
      for (const [i, value] of values.entries()) {
        const { sum, table, largeTable, scratch, last, part } = value as ReturnType<
          typeof Ops.keeping
        >
        assert.equal(sum, 200_020)
        assert.deepEqual([...table, largeTable[0], ...part], [10, 20, 30, 10, 10, 10])
        assert.equal(last[9], i + 1)
        // A result of a region may wait there until there is room, as one on the loop does, and is
        // written over by the next call.
        if (place.startsWith('a pool')) assert.equal(scratch[9], i + 1, place)
      }
    })
  })
}

function assertRefused(failures: readonly ItemError[], names: readonly string[], from = 0): void {
  assert.deepEqual(
    failures.map(({ index }) => index),
    names.map((_, i) => from + 2 * i + 1),
  )
  for (const [i, name] of names.entries()) {
    const error = failures[i]?.error as PipelineFailure
    assert.equal(error.code, 'ERR_NOT_TRANSFERABLE', `${name}: ${error.message}`)
    assert.match(error.message, refused[name]?.says as RegExp)
    assert.doesNotMatch(error.message, /secret/)
  }
}

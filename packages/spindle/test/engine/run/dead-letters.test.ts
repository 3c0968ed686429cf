import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type BuildOptions,
  type ItemError,
  MAIN,
  PipelineBuilder,
  workerModule,
  workers,
} from 'spindle'
import { DataLoader } from 'spindle/loader'
import { collect, rejectsCode, throwsCode } from '../../support/consume.ts'
import { type Deferred, deferred, never, turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const ops = workerModule<{ fail(n: number): number; outputs(n: number): Generator<number> }>(
  `data:text/javascript,${encodeURIComponent(`
    export const fail = (n) => { throw new RangeError('bad ' + n) }
    export function* outputs(n) { for (let i = 0; i < 20; i++) yield n * 20 + i }
  `)}`,
)
const bad = (n: number) => {
  throw new RangeError(`bad ${n}`)
}
const open = { maxFailures: Number.POSITIVE_INFINITY }
const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

/** A place for letters that answers only when it is told to. */
function postOffice() {
  const letters: { item: unknown; answer: Deferred<unknown> }[] = []
  let most = 0
  let pending = 0
  return {
    letters,
    get most() {
      return most
    },
    async write({ item }: ItemError): Promise<void> {
      most = Math.max(most, ++pending)
      const answer = deferred<unknown>()
      letters.push({ item, answer })
      await answer.promise
      pending--
    },
    answerAll() {
      for (const { answer } of letters) answer.resolve(undefined)
    },
  }
}

describe('dead letters under way', () => {
  const shapes: Record<
    string,
    (options: BuildOptions) => AsyncIterable<unknown> & { stop(): Promise<void> }
  > = {
    'an op that throws': (options) => numbers(200).pipe(bad, { concurrency: 4 }).build(options),
    'an op that rejects, in input order': (options) =>
      numbers(200)
        .pipe(async (n) => bad(n), { concurrency: 4, outputOrder: 'input' })
        .build(options),
    'a generator that throws': (options) =>
      numbers(200)
        .pipe(
          async function* (n): AsyncGenerator<number> {
            bad(n)
          },
          { concurrency: 4 },
        )
        .build(options),
    'an op with retries': (options) =>
      numbers(200)
        .pipe(bad, { concurrency: 4, retry: { retries: 1, minDelayMs: 0 } })
        .build(options),
    'a region, items of one generator': (options) =>
      numbers(10)
        .to(workers({ count: 1 }))
        .pipe(ops.outputs)
        .pipe(ops.fail)
        .to(MAIN)
        .build(options),
    'a loader': (build) =>
      new DataLoader(range(200), {
        preprocess: bad,
        ...open,
        build: { deadLetter: build.deadLetter } as object,
      }),
  }
  for (const [shape, make] of Object.entries(shapes)) {
    it(`are at most as many as \`maxPending\`, and hold back the source: ${shape}`, async () => {
      const office = postOffice()
      const pipeline = make({ ...open, deadLetter: { write: office.write, maxPending: 3 } })
      const consumed = collect(pipeline)
      await until(() => office.letters.length === 3, 'the first letters', 60_000)
      await turns(50)
      assert.equal(office.letters.length, 3, 'the others wait')
      const timer = setInterval(() => office.answerAll(), 1)
      assert.deepEqual(await consumed, [])
      clearInterval(timer)
      assert.equal(office.letters.length, 200)
      assert.equal(new Set(office.letters.map(({ item }) => item)).size, 200)
      assert.equal(office.most, 3)
      await pipeline.stop()
    })
  }

  it('are at most 16 where nothing is said', async () => {
    const office = postOffice()
    const pipeline = numbers(100)
      .pipe(bad, { concurrency: 50 })
      .build({ ...open, deadLetter: office.write })
    pipeline.start()
    await until(() => office.letters.length === 16)
    await turns(50)
    assert.equal(office.letters.length, 16)
    assert.deepEqual(pipeline.stats().deadLetters.delivered, 0)
    assert.ok(pipeline.stats().deadLetters.pending >= 16)
    assert.ok(pipeline.stats().deadLetters.pending <= 66, 'no more than there are slots')
    await pipeline.stop({ timeoutMs: 1 })
  })
})

describe('dead letters are counted', () => {
  it('as delivered, refused and pending, in statistics, intervals and the report', async () => {
    const answer = deferred()
    const events: unknown[] = []
    const pipeline = numbers(6)
      .pipe(bad)
      .build({
        ...open,
        onStats: ({ total, interval }) => events.push(total.deadLetters, interval.deadLetters),
        deadLetter: ({ item }) => {
          if (item === 1) throw new Error('disk full')
          if (item === 2) return Promise.reject(new Error('disk full'))
          return item === 5 ? answer.promise : undefined
        },
      })
    const consumed = collect(pipeline)
    await until(() => pipeline.stats().stages[1]?.failures === 6)
    await turns(3)
    assert.deepEqual(pipeline.stats().deadLetters, { delivered: 3, refused: 2, pending: 1 })
    assert.match(
      String(pipeline.report()),
      /^Dead letters: 3 delivered, 2 refused, 1 still pending\.$/m,
    )
    answer.resolve()
    await consumed
    const all = { delivered: 4, refused: 2, pending: 0 }
    assert.deepEqual(pipeline.stats().deadLetters, all)
    assert.match(String(pipeline.report()), /^Dead letters: 4 delivered, 2 refused\.$/m)
    assert.deepEqual(events, [all, all])
  })
})

describe('a dead letter that is refused', () => {
  for (const outputOrder of ['completion', 'input'] as const)
    it(`leaves its item undone, in ${outputOrder} order: the next run tries it again`, async () => {
      for (const refuse of [
        () => {
          throw new Error('disk full')
        },
        async () => {
          throw new Error('disk full')
        },
        () => Promise.reject(undefined),
      ]) {
        const letters: unknown[] = []
        const build = (deadLetter: BuildOptions['deadLetter'], state?: BuildOptions['state']) =>
          numbers(20)
            .pipe(async (n) => (n % 5 === 3 ? bad(n) : n), { concurrency: 3, outputOrder, ...open })
            .build({ resumable: true, state, ...(deadLetter === undefined ? {} : { deadLetter }) })
        const first = build(({ item }) => (item === 8 ? undefined : refuse()))
        assert.equal((await collect(first)).length, 16)
        const state = JSON.parse(JSON.stringify(first.state()))
        assert.equal(state.failures, 1)
        const second = build(({ item }) => void letters.push(item), state)
        assert.deepEqual(await collect(second), [])
        assert.deepEqual(letters, [3, 13, 18])
        assert.equal(second.state().failures, 4)
        assert.deepEqual(second.state().sources[0]?.epochs, [{ epoch: 0, low: 20, end: 20 }])
      }
    })

  it('does not hold back the source, however far that goes', async () => {
    const pipeline = numbers(500)
      .pipe((n) => (n === 0 ? bad(n) : n), open)
      .build({
        resumable: { span: 16 },
        deadLetter: () => {
          throw new Error('disk full')
        },
      })
    assert.equal((await collect(pipeline)).length, 499)
    const [epoch] = pipeline.state().sources[0]?.epochs ?? []
    assert.deepEqual(epoch, { epoch: 0, low: 0, done: [1, 499], end: 500 })
  })

  it('in a region, likewise', async () => {
    const pipeline = numbers(5)
      .to(workers({ count: 1 }))
      .pipe(ops.fail, open)
      .to(MAIN)
      .build({
        resumable: true,
        deadLetter: ({ item }) => (item === 2 ? Promise.reject(new Error('no')) : undefined),
      })
    assert.deepEqual(await collect(pipeline), [])
    assert.deepEqual(pipeline.state().sources[0]?.epochs, [
      { epoch: 0, low: 2, done: [3, 4], end: 5 },
    ])
    assert.deepEqual(pipeline.stats().deadLetters, { delivered: 4, refused: 1, pending: 0 })
  })
})

describe('a dead letter that never answers', () => {
  const build = (options: BuildOptions = {}) =>
    numbers(20)
      .pipe(async (n) => (n % 5 === 3 ? bad(n) : n), open)
      .build({ deadLetter: () => never(), ...options })

  it('keeps no consumer waiting after a stop, nor the stop itself', async () => {
    for (const mode of ['abort', 'discard', 'drain'] as const)
      for (const resumable of [false, true]) {
        const pipeline = build({ resumable })
        let count = 0
        const consumed = pipeline.forEach(() => void count++)
        await until(() => count === 16)
        const stopping = pipeline.stop({ mode, timeoutMs: 20 })
        if (mode === 'abort') await stopping
        else await rejectsCode(stopping, 'ERR_TIMEOUT', /4 dead letters have not been answered/)
        await consumed
        await pipeline.done
        await pipeline.stop()
        assert.equal(pipeline.stats().deadLetters.pending, 4)
      }
  })

  it('nor those whose letters wait for it', async () => {
    const pipeline = numbers(20)
      .pipe(bad, { concurrency: 4, ...open })
      .build({ deadLetter: { write: () => never(), maxPending: 1 } })
    const consumed = collect(pipeline)
    await until(() => pipeline.stats().deadLetters.pending === 5)
    await pipeline.stop({ timeoutMs: 20 })
    assert.deepEqual(await consumed, [])
  })

  it('nor whoever aborts the signal', async () => {
    const controller = new AbortController()
    const pipeline = build({ signal: controller.signal })
    const consumed = collect(pipeline)
    await until(() => pipeline.stats().deadLetters.pending === 4)
    controller.abort(new Error('enough'))
    await assert.rejects(consumed, /enough/)
    await assert.rejects(pipeline.done, /enough/)
  })
})

it('the options of deadLetter are checked', () => {
  const build = (deadLetter: unknown) => () => numbers(1).build({ deadLetter } as BuildOptions)
  throwsCode(build(1), 'ERR_BAD_OPTION', /`deadLetter` must be a function, or an object/)
  throwsCode(build({ write: 1 }), 'ERR_BAD_OPTION', /`deadLetter\.write`/)
  throwsCode(
    build({ write() {}, maxPending: 0 }),
    'ERR_BAD_OPTION',
    /`deadLetter\.maxPending` must be an integer >= 1, got 0/,
  )
  throwsCode(build({ write() {}, most: 1 }), 'ERR_BAD_OPTION', /most/)
})

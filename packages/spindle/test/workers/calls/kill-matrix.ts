import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type ItemError,
  PipelineBuilder,
  ProcessPool,
  ThreadPool,
  TimeoutError,
  workerModule,
} from 'spindle'
import { collect } from '../../support/consume.ts'
import type * as Ops from './fixtures/deadly.ts'

export const ops = workerModule<typeof Ops>(import.meta.resolve('./fixtures/deadly.js'))

const COUNT = 60
export const POISON = 37
export const items = Array.from({ length: COUNT }, (_, n) => ({ n, poison: POISON }))
const others = items.map(({ n }) => n).filter((n) => n !== POISON)

const pools = {
  // The heap is limited for the op that grows.
  thread: () => new ThreadPool({ size: 2, resourceLimits: { maxOldGenerationSizeMb: 48 } }),
  process: () =>
    new ProcessPool({ size: 2, execArgv: [...process.execArgv, '--max-old-space-size=48'] }),
}

type Way = readonly [
  how: string,
  op: typeof ops.exitOn,
  kinds: readonly (keyof typeof pools)[],
  message: RegExp,
]

const both = ['thread', 'process'] as const
const ways: readonly Way[] = [
  ['by process.exit', ops.exitOn, both, /killed 2 worker (threads|processes).*exit code 3/],
  [
    'by process.exit, later',
    ops.exitLaterOn as never,
    both,
    /killed 2 worker (threads|processes).*exit code 3/,
  ],
  [
    'by an uncaught error',
    ops.throwUncaughtOn as never,
    both,
    /killed 2 worker (threads|processes).*out of the blue/,
  ],
  ['by SIGKILL', ops.killOn, ['process'], /killed 2 worker processes.*signal SIGKILL/],
  ['by process.abort', ops.abortOn, ['process'], /killed 2 worker processes.*signal SIGABRT/],
  ['of memory', ops.growOn, both, /killed 2 worker (threads|processes)/],
]

/**
 * The kill matrix of one kind of pool: every way to die, with exact accounts of what was given and
 * what failed.
 */
export function testDeaths(kind: keyof typeof pools): void {
  describe(`a worker ${kind} that dies`, () => {
    for (const [how, op, kinds, message] of ways.filter((way) => way[2].includes(kind))) {
      it(`${how} is replaced: its item fails after two deaths, nothing else is lost or doubled`, async () => {
        assert.ok(kinds.includes(kind))
        await using pool = pools[kind]()
        const runs = how === 'by process.exit' && kind === 'thread' ? [1, 8] : [8]
        for (const concurrency of runs) {
          const letters: ItemError[] = []
          const pipeline = new PipelineBuilder()
            .addSource(items)
            .pipe(op, { executor: pool, concurrency, maxFailures: 1 })
            .build({ deadLetter: (letter) => void letters.push(letter) })
          const given = await collect(pipeline)
          given.sort((a, b) => a - b)
          assert.deepEqual(given, others)
          assert.equal(letters.length, 1)
          assert.deepEqual(letters[0]?.item, items[POISON])
          const error = letters[0]?.error as { code: string; message: string }
          assert.equal(error.code, 'ERR_WORKER_DIED')
          assert.match(error.message, message)
        }
        assert.equal(pool.stats().deaths, 2 * runs.length)
      })
    }

    it('between two outputs of a generator: the first is given once, and the item fails', async () => {
      await using pool = pools[kind]()
      const letters: ItemError[] = []
      const pipeline = new PipelineBuilder()
        .addSource(items.slice(30, 40))
        .pipe(ops.exitBetween, { executor: pool, concurrency: 4, maxFailures: 1 })
        .build({ deadLetter: (letter) => void letters.push(letter) })
      const given = await collect(pipeline)
      const expected = items
        .slice(30, 40)
        .flatMap(({ n }) => (n === POISON ? [`${n}a`] : [`${n}a`, `${n}b`]))
      // What the dying worker had not sent is as if it had not been made.
      if (!given.includes(`${POISON}a`)) given.push(`${POISON}a`)
      assert.deepEqual(given.sort(), expected.sort())
      assert.deepEqual(
        letters.map((letter) => letter.item),
        [items[POISON]],
      )
    })

    it('is ended by timeoutMs, if its op never returns; those behind it keep their time', async () => {
      await using pool = pools[kind]()
      const failed: ItemError[] = []
      const pipeline = new PipelineBuilder()
        .addSource(items)
        .pipe(ops.hangOn, { executor: pool, concurrency: 4, timeoutMs: 1500, maxFailures: 1 })
        .build({ onItemError: (failure) => void failed.push(failure) })
      const given = await collect(pipeline)
      assert.deepEqual(
        given.sort((a, b) => a - b),
        others,
      )
      assert.equal(failed.length, 1)
      assert.ok(failed[0]?.error instanceof TimeoutError)
      assert.equal(failed[0]?.index, POISON)
    })

    it('is ended when its call is aborted and goes on; the next call has a new one', async () => {
      await using pool =
        kind === 'thread'
          ? new ThreadPool({ size: 1, graceMs: 100 })
          : new ProcessPool({ size: 1, graceMs: 100 })
      const { href: filename } = ops.hangOn
      const controller = new AbortController()
      let hasBegun: () => void = () => {}
      const begun = new Promise<void>((resolve) => {
        hasBegun = resolve
      })
      const call = {
        filename,
        name: 'hangOn',
        signal: controller.signal,
        onStart: () => hasBegun(),
      }
      const running = pool.run(items[POISON], call)
      await begun
      const next = pool.run(items[0], {
        filename,
        name: 'fine',
        signal: new AbortController().signal,
      })
      const reason = new Error('enough')
      controller.abort(reason)
      await assert.rejects(running, (error) => error === reason)
      assert.equal(await next, 0)
      const { deaths, restarts } = pool.stats()
      assert.deepEqual({ deaths, restarts }, { deaths: 0, restarts: 1 })
    })

    it('fails its item as often as maxDeaths says', async () => {
      await using pool =
        kind === 'thread'
          ? new ThreadPool({ size: 1, maxDeaths: 1 })
          : new ProcessPool({ size: 1, maxDeaths: 1 })
      const pipeline = new PipelineBuilder()
        .addSource(items.slice(POISON))
        .pipe(ops.exitOn, { executor: pool })
        .build()
      await assert.rejects(collect(pipeline), (error: Error) => {
        assert.equal((error.cause as { code: string }).code, 'ERR_WORKER_DIED')
        return true
      })
      assert.equal(pool.stats().deaths, 1)
    })
  })
}

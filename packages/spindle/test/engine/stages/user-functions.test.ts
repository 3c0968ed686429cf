import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type BuildOptions,
  merge,
  type Pipeline,
  PipelineBuilder,
  ThreadPool,
  workerModule,
} from 'spindle'
import { collect, collectFailure } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { bang, clean, nasty, note } from '../../support/nasty.ts'
import { range } from '../../support/sources.ts'

const numbers = (count = 3) => new PipelineBuilder().addSource(range(count))

describe('what only listens', () => {
  before(() => process.on('uncaughtException', note).on('unhandledRejection', note))
  after(() => process.off('uncaughtException', note).off('unhandledRejection', note))

  const listeners: Record<string, (fail: () => any) => BuildOptions> = {
    onItemError: (fail) => ({ onItemError: fail }),
    deadLetter: (fail) => ({ deadLetter: fail }),
    onStats: (fail) => ({ onStats: fail, reportIntervalMs: 1 }),
    logger: (fail) => ({ logger: { warn: fail, error: fail } }),
    'onStats and logger': (fail) => ({ onStats: fail, logger: { warn: fail, error: fail } }),
    'everything and logger': (fail) => ({
      onItemError: fail,
      deadLetter: fail,
      onStats: fail,
      logger: { warn: fail, error: fail },
      backgroundTasks: [fail],
    }),
  }
  const ways: Record<string, () => unknown> = {
    throws: bang,
    'throws what cannot be shown': () => {
      throw Object.create(null)
    },
    rejects: () => Promise.reject(new Error('down')),
    'gives a thenable that throws': () => ({ then: bang }),
    'gives what cannot be read': () => nasty['a strict Proxy']?.(),
  }

  it('changes nothing when it throws or rejects: items, failures, stop and `done`', async () => {
    for (const [listener, options] of Object.entries(listeners)) {
      for (const [way, fail] of Object.entries(ways)) {
        const name = `${listener} ${way}`
        const build = (maxFailures: number): Pipeline<number> =>
          new PipelineBuilder()
            .addSource({
              *[Symbol.iterator]() {
                try {
                  yield* range(1000)
                } finally {
                  // biome-ignore lint/correctness/noUnsafeFinally: a source that fails while it is closed
                  throw new Error('not closed')
                }
              },
            })
            .pipe((n) => {
              if (n === 1) throw new Error('bad')
              return n
            })
            .build({ maxFailures, ...options(fail) })
        const tolerant = build(1)
        assert.equal((await tolerant.getItem()).value, 0, name)
        assert.equal((await tolerant.getItem()).value, 2, name)
        await tolerant.stop()
        await tolerant.done
        const strict = build(0)
        const { items } = await collectFailure(strict)
        assert.deepEqual(items, [0], name)
        await assert.rejects(strict.done, { code: 'ERR_PIPELINE_FAILED' }, name)
        await turns(2)
        clean(name)
      }
    }
  })
})

describe('functions of the user', () => {
  const pool = new ThreadPool({ size: 1 })
  after(() => pool.close())
  const ops = workerModule<typeof import('../../support/this-ops.ts')>(
    import.meta.resolve('../../support/this-ops.js'),
  )

  it('are called detached, and methods of objects that are given keep their own `this`', async () => {
    const seen = new Map<string, unknown>()
    const see = (name: string, value?: any) =>
      function (this: unknown): any {
        seen.set(name, this)
        return typeof value === 'function' ? value() : value
      }
    const logger = { warn: see('logger.warn'), error: see('logger.error') }
    const hook = { onTaskStart: see('hook.onTaskStart') }
    const aggregator = {
      accumulate: see('aggregator.accumulate', 1),
      flush: see('aggregator.flush'),
    }
    const failing = see('retried op', () => {
      throw new Error('bad')
    })
    const pipeline = merge(new PipelineBuilder().addSource(see('source', () => [1, 2])), {
      op: see('merge op', () => [1, 2]),
    })
      .pipe(see('plain op', 1))
      .pipe(
        see('async op', () => Promise.resolve(1)),
        { concurrency: 2 },
      )
      .pipe(see('timed op', 1), { timeoutMs: 1000 })
      .pathVariants(see('router', 0), [(path) => path.pipe((value) => value)])
      .aggregate(see('aggregator factory', aggregator))
      .pipe(failing, {
        retry: { retries: 1, minDelayMs: 1, shouldRetry: see('shouldRetry', true) },
      })
      .build({
        maxFailures: 9,
        logger,
        hooks: (info) => (info.name === 'timed op' ? [hook] : []),
        onItemError: see('onItemError'),
        deadLetter: see('deadLetter'),
        onStats: see('onStats'),
        backgroundTasks: [see('background task')],
      })
    await pipeline.forEach(see('consumer') as never)
    await numbers(1)
      .build()
      .forEach(see('consumer') as never)
    const own = new Map<string, unknown>([
      ['logger.warn', logger],
      ['hook.onTaskStart', hook],
      ['aggregator.accumulate', aggregator],
      ['aggregator.flush', aggregator],
    ])
    own.delete('hook.onTaskStart')
    seen.delete('hook.onTaskStart')
    for (const name of [
      'source',
      'merge op',
      'plain op',
      'shouldRetry',
      'onStats',
      'consumer',
      'logger.warn',
    ])
      assert.ok(seen.has(name), name)
    for (const [name, self] of seen) assert.equal(self, own.get(name), name)
  })

  it('are called detached in workers, too', async () => {
    const pipeline = numbers(1)
      .pipe(ops.thisOf, { executor: pool })
      .pipe(() => 0)
      .pipe(ops.thisOf, { executor: pool, timeoutMs: 5000 })
      .build()
    assert.deepEqual(await collect(pipeline), ['undefined'])
  })
})

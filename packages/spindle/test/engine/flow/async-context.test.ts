import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { after, describe, it } from 'node:test'
import {
  type BuildOptions,
  MAIN,
  merge,
  type Pipeline,
  PipelineBuilder,
  runPipelineInWorker,
  type TaskHook,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { collect } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

type Ops = typeof import('../../support/context-ops.ts')
const href = import.meta.resolve('../../support/context-ops.js')
const ops = workerModule<Ops>(href)
const store = new AsyncLocalStorage<string>()

/** Longer than a slice, so that every pipeline waits for the turn that all share. */
function burn(): void {
  for (const end = performance.now() + 1; performance.now() < end; );
}

/** Notes in which stores a place of the code has run. */
class Notes {
  readonly places: Map<string, Set<string | undefined>> = new Map()

  note<V>(place: string, value?: V, also?: () => void): V {
    const seen = this.places.get(place) ?? new Set()
    seen.add(store.getStore())
    this.places.set(place, seen)
    also?.()
    return value as V
  }

  /** Everything noted has run in the store `name` alone, and all of `places` have been noted. */
  allIn(name: string, ...places: string[]): void {
    for (const place of places) assert.ok(this.places.has(place), `${place} has run`)
    for (const [place, seen] of this.places) assert.deepEqual([...seen], [name], place)
  }
}

/** A pipeline that has a place of each kind. */
function everything(notes: Notes, options: BuildOptions = {}): Pipeline<number> {
  const note = <V>(place: string, value?: V): V => notes.note(place, value)
  const hook: TaskHook = {
    onStageStart: () => note('onStageStart'),
    onStageEnd: () => note('onStageEnd'),
  }
  const source = (kind: string) =>
    new PipelineBuilder().addSource(async function* () {
      for (const n of range(8)) {
        note(kind)
        if (n % 5 === 0) await null
        yield n
      }
    })
  return merge(source('source'), source('second source'), {
    op: async function* (inputs) {
      for (const input of inputs) {
        const items = input[Symbol.asyncIterator]()
        for (;;) {
          note('merge op')
          // What the op asks for in a context of its own must not take the stages before it there.
          const item = await store.run('of the merge op', () => items.next())
          if (item.done === true) break
          yield item.value
        }
      }
    },
  })
    .pipe((n) => {
      note('plain op')
      burn()
      return n
    })
    .pipe(
      async (n) => {
        note('async op')
        await null
        note('async op, later')
        return n
      },
      { concurrency: 3, outputOrder: 'input' },
    )
    .pipe(
      async (n, { attempt }) => {
        note('retried op')
        if (attempt === 1) throw new Error('once more')
        if (n === 7) throw new Error('bad')
        return n
      },
      {
        retry: { retries: 1, minDelayMs: 1, shouldRetry: () => note('shouldRetry', true) },
        maxFailures: 2,
      },
    )
    .pipe(function* (n) {
      note('generator')
      yield n
      note('generator, later')
    })
    .aggregate(() => {
      const held: number[] = []
      return {
        accumulate(n: number) {
          note('aggregator')
          held.push(n)
          return held.length === 3 ? held.splice(0) : undefined
        },
        flush: () => note('flush', held.length > 0 ? held.splice(0) : undefined),
      }
    })
    .disaggregate()
    .pathVariants(
      async (n) => note('router', n % 2),
      [(path) => path.pipe((n) => note('path', n)), (path) => path.pipe((n) => n)],
    )
    .build({
      hooks: [hook],
      onItemError: () => note('onItemError'),
      deadLetter: async () => note('deadLetter'),
      onStats: () => note('onStats'),
      reportIntervalMs: 1,
      logger: { warn: () => note('logger'), error: () => note('logger') },
      backgroundTasks: [
        async () => {
          await turns()
          note('background task')
        },
      ],
      loopGuard: false,
      ...options,
    })
}

const PLACES =
  'source,second source,merge op,plain op,async op,async op, later,retried op,shouldRetry,generator,aggregator,router,path,onItemError,deadLetter,onStats,logger,background task,onStageStart,onStageEnd'
    .split(/,(?! )/)
    .concat('generator, later')

describe('the async context of a pipeline', () => {
  const pool = new ThreadPool({ size: 1 })
  after(() => pool.close())

  it('is that of its first consumer, in every place where code is called, while pipelines share turns of the loop', async () => {
    await Promise.all(
      ['alice', 'bob', 'carol'].map((user) =>
        store.run(user, async () => {
          const notes = new Notes()
          await everything(notes).forEach(() => notes.note('consumer'))
          notes.allIn(user, 'consumer', ...PLACES)
        }),
      ),
    )
  })

  it('is that of `start()`, and a consumer keeps its own: forEach, for await, chunks, getItem', async () => {
    const consumers = {
      forEach: async (pipeline: Pipeline<number>, notes: Notes) => {
        await pipeline.forEach((n) => {
          notes.note('consumer')
          return n % 3 === 0 ? Promise.resolve() : undefined
        })
      },
      'for await': async (pipeline: Pipeline<number>, notes: Notes) => {
        for await (const _ of pipeline) notes.note('consumer')
      },
      chunks: async (pipeline: Pipeline<number>, notes: Notes) => {
        for await (const _ of pipeline.chunks(4)) notes.note('consumer')
      },
      getItem: async (pipeline: Pipeline<number>, notes: Notes) => {
        while ((await pipeline.getItem()).done !== true) notes.note('consumer')
      },
    }
    await Promise.all(
      Object.entries(consumers).map(async ([name, consume]) => {
        const [inside, outside] = [new Notes(), new Notes()]
        const pipeline = store.run('builder', () => everything(inside))
        store.run('starter', () => pipeline.start())
        await store.run('consumer', () => consume(pipeline, outside))
        inside.allIn('starter', 'plain op', 'generator', 'aggregator')
        outside.allIn('consumer', 'consumer')
        assert.ok(name)
      }),
    )
  })

  it('is kept by what stops it from elsewhere: clean-ups, signals and hooks', async () => {
    const stops: ((pipeline: Pipeline<number>, controller: AbortController) => unknown)[] = [
      (pipeline) => pipeline.stop(),
      (pipeline) => pipeline.stop({ mode: 'discard' }),
      (pipeline) => pipeline.stop({ mode: 'drain', timeoutMs: 10 }).catch(() => {}),
      (_, controller) => controller.abort(),
    ]
    for (const stop of stops) {
      const notes = new Notes()
      const controller = new AbortController()
      const pipeline = new PipelineBuilder()
        .addSource(function* () {
          try {
            for (;;) yield 1
          } finally {
            notes.note('source closed')
          }
        })
        .pipe(function* (n, { signal }) {
          signal.addEventListener('abort', () => notes.note('signal'))
          try {
            for (;;) yield n
          } finally {
            notes.note('generator closed')
          }
        })
        .build({
          hooks: [{ onStageEnd: () => notes.note('onStageEnd') }],
          signal: controller.signal,
        })
      const items = pipeline[Symbol.asyncIterator]()
      await store.run('starter', () => items.next())
      await store.run('stopper', () => stop(pipeline, controller))
      await store.run('stopper', () => pipeline.stop())
      await turns(3)
      notes.allIn('starter', 'source closed', 'generator closed', 'onStageEnd')
    }
  })

  it('is kept through a pool that pipelines share, generators of it included', async () => {
    await Promise.all(
      ['alice', 'bob', 'carol'].map((user) =>
        store.run(user, async () => {
          const notes = new Notes()
          const pipeline = new PipelineBuilder()
            .addSource(range(8))
            .pipe(ops.same, { executor: pool, concurrency: 4 })
            .pipe((n) => notes.note('after a call', n, burn))
            .pipe(ops.twice, { executor: pool, concurrency: 2, outputOrder: 'input' })
            .pipe((n) => notes.note('after a generator', n))
            .build()
          assert.equal((await collect(pipeline)).length, 16)
          notes.allIn(user, 'after a call', 'after a generator')
        }),
      ),
    )
  })

  it('is kept behind a region, in threads and in processes, and its consumer keeps its own', async () => {
    await Promise.all(
      (['thread', 'process', 'thread'] as const).map((kind, i) => {
        const notes = new Notes()
        const pipeline = new PipelineBuilder()
          .addSource(range(20))
          .pipe((n) => notes.note('before', n))
          .to(workers({ count: 1, kind }))
          .pipe(ops.same)
          .to(MAIN)
          .pipe((n) => notes.note('after', n, burn))
          .build()
        store.run(`starter ${i}`, () => pipeline.start())
        return store.run(`consumer ${i}`, async () => {
          const outside = new Notes()
          await pipeline.forEach(() => outside.note('consumer'))
          notes.allIn(`starter ${i}`, 'before', 'after')
          outside.allIn(`consumer ${i}`, 'consumer')
        })
      }),
    )
  })

  it('of the consumers of pipelines in workers is their own', async () => {
    await Promise.all(
      ['alice', 'bob'].map((user) =>
        store.run(user, async () => {
          const notes = new Notes()
          const pipeline = runPipelineInWorker<Ops['pipeline']>(href)
          for await (const _ of pipeline) notes.note('consumer')
          await pipeline.stop()
          notes.allIn(user, 'consumer')
        }),
      ),
    )
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import {
  type BuildOptions,
  iterateInProcess,
  iterateInWorker,
  MAIN,
  merge,
  type Pipeline,
  PipelineBuilder,
  ProcessPool,
  type RemotePipeline,
  runPipelineInProcess,
  runPipelineInWorker,
  type StopMode,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { DataLoader } from 'spindle/loader'
import { collect, take } from '../../support/consume.ts'
import { deferred, turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'

const modes = ['drain', 'discard', 'abort'] as const
const numbers = (count: number) => new PipelineBuilder().addSource(range(count))

/** Stops the pipeline when it is called the third time, and waits for that. */
function stopper(mode: StopMode) {
  let calls = 0
  let isOver = false
  return {
    pipeline: undefined as Pipeline<unknown> | undefined,
    get isOver() {
      return isOver
    },
    async stopAtThird(): Promise<void> {
      if (++calls !== 3) return
      await this.pipeline?.stop({ mode })
      isOver = true
    },
  }
}

describe('stop that is waited for by the very code that the pipeline calls', () => {
  type Shape = (stop: () => Promise<void>) => Pipeline<unknown>
  const build = (builder: PipelineBuilder<unknown>, options: BuildOptions = {}) =>
    builder.build(options)
  const shapes: Record<string, Shape> = {
    'an op': (stop) =>
      build(
        numbers(8).pipe(async (n) => {
          await stop()
          return n
        }),
      ),
    'an op among several calls, in input order': (stop) =>
      build(
        numbers(8).pipe(
          async (n) => {
            await stop()
            return n
          },
          { concurrency: 3, outputOrder: 'input' },
        ),
      ),
    'a generator op': (stop) =>
      build(
        numbers(8).pipe(async function* (n) {
          await stop()
          yield n
        }),
      ),
    'the source': (stop) =>
      build(
        new PipelineBuilder().addSource(async function* () {
          for (let n = 0; n < 8; n++) {
            await stop()
            yield n
          }
        }),
      ),
    'an aggregator': (stop) =>
      build(
        numbers(8).aggregate(() => ({
          accumulate: (n: number) => stop().then(() => n) as unknown as number,
          flush: () => undefined,
        })),
      ),
    'a router': (stop) =>
      build(
        numbers(8).pathVariants(
          (async () => {
            await stop()
            return 0
          }) as unknown as () => number,
          [(path) => path.pipe((n) => n)],
        ),
      ),
    'a hook of tasks': (stop) =>
      build(
        numbers(8).pipe((n) => n),
        { hooks: [{ onTaskStart: stop }] },
      ),
    onItemError: (stop) =>
      build(
        numbers(8).pipe((n): number => {
          throw new Error(`bad ${n}`)
        }),
        { maxFailures: 8, onItemError: stop as () => void },
      ),
    'a dead letter': (stop) =>
      build(
        numbers(8).pipe((n): number => {
          throw new Error(`bad ${n}`)
        }),
        { maxFailures: 8, deadLetter: stop },
      ),
  }
  for (const [shape, make] of Object.entries(shapes))
    it(`settles, in every mode: ${shape}`, async () => {
      for (const mode of modes) {
        const stop = stopper(mode)
        stop.pipeline = make(() => stop.stopAtThird())
        await collect(stop.pipeline)
        await stop.pipeline.done
        await until(() => stop.isOver, `${mode} of ${shape}`, 20_000)
      }
    })

  for (const when of ['at once', 'after it has waited for something else'])
    it(`settles, in every mode: the function of forEach, ${when}`, async () => {
      for (const mode of modes) {
        const pipeline = numbers(8).build()
        const seen: number[] = []
        await pipeline.forEach(async (n) => {
          seen.push(n)
          if (n !== 2) return
          if (when !== 'at once') await turns(2)
          await pipeline.stop({ mode })
        })
        assert.deepEqual(seen, range(seen.length))
        await pipeline.done
      }
    })

  it("'drain' of others waits for a function of forEach that goes on", async () => {
    const gate = deferred()
    const pipeline = numbers(3).build()
    const seen: number[] = []
    const consumed = pipeline.forEach(async (n) => {
      await gate.promise
      seen.push(n)
    })
    await turns(5)
    const stopped = pipeline.stop({ mode: 'drain' })
    gate.resolve()
    await stopped
    assert.deepEqual(seen, range(seen.length))
    assert.ok(seen.length >= 1)
    await consumed
  })
})

describe('an iterator that was asked ahead', () => {
  const pending = () => {
    const gate = deferred()
    const pipeline = numbers(10)
      .pipe(async (n) => {
        if (n > 0) await gate.promise
        return n
      })
      .build()
    return { gate, pipeline }
  }

  for (const way of ['iterate', 'chunks'] as const)
    it(`ends all that it was asked for when it is left, and takes nothing from the next one: ${way}`, async () => {
      const { gate, pipeline } = pending()
      const iterator: AsyncIterator<unknown> = pipeline[way]()
      assert.deepEqual((await iterator.next()).value, way === 'chunks' ? [0] : 0)
      const ahead = [1, 2, 3].map(() => iterator.next())
      assert.equal((await iterator.return?.())?.done, true)
      assert.deepEqual(
        (await Promise.all(ahead)).map(({ done }) => done),
        [true, true, true],
      )
      gate.resolve()
      assert.deepEqual(await collect(pipeline), range(9, 1))
    })

  it('beside other consumers, which go on', async () => {
    const { gate, pipeline } = pending()
    const iterator = pipeline[Symbol.asyncIterator]()
    await iterator.next()
    const ahead = [iterator.next(), iterator.next()]
    const others = collect(pipeline)
    await iterator.return?.()
    gate.resolve()
    assert.deepEqual(await others, range(9, 1))
    assert.deepEqual(
      (await Promise.all(ahead)).map(({ done }) => done),
      [true, true],
    )
  })

  it('of a loader', async () => {
    const gate = deferred()
    const loader = new DataLoader(range(4), {
      preprocess: async (n) => {
        if (n > 0) await gate.promise
        return n
      },
    })
    const iterator = loader[Symbol.asyncIterator]()
    await iterator.next()
    const ahead = [iterator.next(), iterator.next()]
    await iterator.return?.()
    assert.deepEqual(
      (await Promise.all(ahead)).map(({ done }) => done),
      [true, true],
    )
    gate.resolve()
    await loader.stop()
  })

  it('of an input that a merge op leaves', async () => {
    const gate = deferred()
    const slow = numbers(5).pipe(async (n) => {
      await gate.promise
      return n
    })
    const merged = merge(slow, numbers(3), {
      op: async function* ([first, second]) {
        const iterator = (first as AsyncIterable<number>)[Symbol.asyncIterator]()
        const ahead = [iterator.next(), iterator.next()]
        await iterator.return?.()
        yield (await Promise.all(ahead)).map(({ done }) => done)
        for await (const n of second as AsyncIterable<number>) yield [n]
      },
    }).build()
    assert.deepEqual(await collect(merged), [[true, true], [0], [1], [2]])
    gate.resolve()
  })
})

describe('stop resolves when clean-ups are over', () => {
  const shapes: Record<string, (body: () => AsyncGenerator<number>) => Pipeline<unknown>> = {
    'of the source': (body) => new PipelineBuilder().addSource(body).build(),
    'of a generator op': (body) => numbers(1).pipe(body).build(),
    'of several generators, in input order': (body) =>
      numbers(3).pipe(body, { concurrency: 3, outputOrder: 'input' }).build(),
    'of a generator op with a time limit': (body) =>
      numbers(1).pipe(body, { timeoutMs: 5000 }).build(),
    'of a merge op': (body) => merge(numbers(3), { op: () => body() }).build(),
  }
  for (const [shape, make] of Object.entries(shapes))
    it(`${shape}, in every mode`, async () => {
      for (const mode of modes) {
        let open = 0
        const pipeline = make(async function* () {
          open++
          try {
            for (let n = 0; mode !== 'drain' || n < 50; n++) {
              await turns(1)
              yield n
            }
          } finally {
            await turns(20)
            open--
          }
        })
        await take(pipeline, 2)
        const stopped = pipeline.stop({ mode })
        if (mode === 'drain') await collect(pipeline)
        await stopped
        assert.equal(open, 0, mode)
      }
    })

  const text = `
    import { appendFileSync } from 'node:fs'
    import { PipelineBuilder } from ${JSON.stringify(import.meta.resolve('spindle'))}
    const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    export async function* outputs(log) {
      try {
        for (let n = 0; ; n++) { await later(1); yield n }
      } finally {
        await later(20)
        appendFileSync(log, 'closed')
      }
    }
    export const pipeline = (log) => new PipelineBuilder().addSource([log]).pipe(outputs)
    export const items = outputs
  `
  it('of generators that run elsewhere: in pools, regions, and with the whole pipeline', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spindle-stop-'))
    const href = pathToFileURL(join(folder, 'ops.mjs')).href
    await writeFile(new URL(href), text)
    const { outputs } = workerModule<{ outputs(log: string): AsyncGenerator<number> }>(href)
    await using threads = new ThreadPool({ size: 1 })
    await using processes = new ProcessPool({ size: 1 })
    const one = (log: string) => new PipelineBuilder().addSource([log])
    const region = (log: string, kind: 'thread' | 'process') =>
      one(log)
        .to(workers({ kind, count: 1 }))
        .pipe(outputs)
        .to(MAIN)
        .build()
    const places: Record<string, (log: string) => Pipeline<unknown> | RemotePipeline<unknown>> = {
      'a thread pool': (log) => one(log).pipe(outputs, { executor: threads }).build(),
      'a process pool': (log) => one(log).pipe(outputs, { executor: processes }).build(),
      'a region of threads': (log) => region(log, 'thread'),
      'a region of processes': (log) => region(log, 'process'),
      'a thread': (args) => runPipelineInWorker(href, { args }),
      'a process': (args) => runPipelineInProcess(href, { args }),
      'an iterable in a thread': (args) => iterateInWorker(href, { export: 'items', args }),
      'an iterable in a process': (args) => iterateInProcess(href, { export: 'items', args }),
    }
    const outcomes: Record<string, string> = {}
    for (const [place, make] of Object.entries(places)) {
      const log = join(folder, place)
      await writeFile(log, '')
      const pipeline = make(log)
      await take(pipeline, 2)
      await pipeline.stop({ timeoutMs: 20_000 })
      outcomes[place] = await readFile(log, 'utf8')
    }
    assert.deepEqual(
      outcomes,
      Object.fromEntries(Object.keys(places).map((place) => [place, 'closed'])),
    )
    await rm(folder, { recursive: true })
  })
})

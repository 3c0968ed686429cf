import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { merge, type Pipeline, PipelineBuilder } from 'spindle'
import { collect, take } from '../../support/consume.ts'
import { turns, until } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'

const RUNS = tries(400)
/** Into how many equal parts what is measured is cut. */
const PARTS = 5
/**
 * How many parts may grow before one does not: a leak is in each of them, while compiled code and
 * tables of the engine come a few times, later on a busy machine.
 */
const MOST_PARTS = 20
/** What each pipeline, epoch or call may leave in such a part: far less than it consists of. */
const BYTES = 500

// Described once: finding the line of each call costs more than building does.
const chain = merge(
  new PipelineBuilder()
    .addSource(range(6))
    .pipe(async (value) => value, { concurrency: 3, outputOrder: 'input' }),
  new PipelineBuilder().addSource(async function* () {
    yield* range(4)
  }),
)
  .pipe(async (value) => (value === 3 ? undefined : value), {
    concurrency: 2,
    timeoutMs: 60_000,
    retry: { retries: 1, minDelayMs: 1 },
  })
  .pathVariants(
    (value) => value % 2,
    [(path) => path.pipe((item) => item), (path) => path.pipe((value) => [value])],
  )
  .aggregate(3)

const waysOut: Record<string, (pipeline: Pipeline<unknown>) => Promise<unknown>> = {
  'run to their end': collect,
  'left and stopped': async (pipeline) => {
    await take(pipeline, 1)
    await pipeline.stop()
  },
  'left and drained': async (pipeline) => {
    await take(pipeline, 1)
    await pipeline.stop({ mode: 'drain' })
    await collect(pipeline)
  },
  'never started, but stopped': (pipeline) => pipeline.stop(),
}

describe('hundreds of pipelines leave nothing behind', () => {
  for (const [way, leave] of Object.entries(waysOut)) {
    it(`when they are ${way}: no handle, no listener, no memory`, async () => {
      const { signal } = new AbortController()
      const runMany = async (count: number) => {
        for (let made = 0; made < count; made += 10) {
          await Promise.all(range(10).map(() => leave(chain.build({ signal }))))
        }
        await turns(3)
      }
      await runMany(150)
      const before = countOf(process.getActiveResourcesInfo())
      const growth = await leastGrowth(() => runMany(RUNS / PARTS), (RUNS / PARTS) * BYTES)
      await until(
        () => isNoMore(countOf(process.getActiveResourcesInfo()), before),
        `the resources of before, ${[...before]},`,
      )
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      assert.ok(growth < (RUNS / PARTS) * BYTES, `the heap grew by ${growth} bytes in each part`)
    })
  }

  it('when they failed', async () => {
    const { signal } = new AbortController()
    const failing = new PipelineBuilder().addSource(range(10)).pipe(async (value) => {
      if (value === 5) throw new Error('five')
      return value
    })
    const runMany = async (count: number) => {
      for (let made = 0; made < count; made++) {
        await assert.rejects(collect(failing.build({ signal })))
      }
      await turns(3)
    }
    await runMany(150)
    const growth = await leastGrowth(() => runMany(RUNS / PARTS), (RUNS / PARTS) * BYTES)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    assert.ok(growth < (RUNS / PARTS) * BYTES, `the heap grew by ${growth} bytes in each part`)
  })
})

describe('a long run leaves nothing behind', () => {
  it('of its items, epochs and consumers, where it can be resumed', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(20), { continuous: true })
      .pipe(function* (n) {
        yield n
        yield -n
      })
      .aggregate(3)
      .build({ resumable: true })
    const runEpochs = async (count: number) => {
      for (let epoch = 0; epoch < count; epoch++) {
        if (epoch % 2 === 0) await collect(pipeline)
        else await pipeline.forEach(() => {})
      }
    }
    await runEpochs(300)
    const state = JSON.stringify(pipeline.state()).length
    const growth = await leastGrowth(() => runEpochs(300), 300 * BYTES)
    assert.ok(growth < 300 * BYTES, `the heap grew by ${growth} bytes in each part`)
    assert.ok(Math.abs(JSON.stringify(pipeline.state()).length - state) < 200)
    await pipeline.stop()
  })

  it('on the signals of its calls, which may be asked for in every one', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(2000))
      .pipe(
        async (value, context) => {
          assert.ok(getEventListeners(context.signal, 'abort').length <= 4)
          return value
        },
        { concurrency: 4 },
      )
      .build()
    assert.equal((await collect(pipeline)).length, 2000)
  })

  it('of getItem calls that timed out', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(async function* (): AsyncGenerator<number> {
        await new Promise(() => {})
      })
      .build()
    const waitMany = async (count: number) => {
      for (let done = 0; done < count; done += 100) {
        await Promise.allSettled(range(100).map(() => pipeline.getItem({ timeoutMs: 1 })))
      }
    }
    await waitMany(1000)
    const growth = await leastGrowth(() => waitMany(1000), 1000 * BYTES)
    assert.ok(growth < 1000 * BYTES, `the heap grew by ${growth} bytes in each part`)
    await pipeline.stop({ timeoutMs: 10 })
  })
})

/** By how many bytes the heap grew in that one of several equal parts in which it grew least. */
async function leastGrowth(run: () => Promise<void>, enough: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  let heap = await heapUsed()
  for (let part = 0; part < PARTS || (least >= enough && part < MOST_PARTS); part++) {
    await run()
    const now = await heapUsed()
    least = Math.min(least, now - heap)
    heap = now
  }
  return least
}

async function heapUsed(): Promise<number> {
  assert.ok(globalThis.gc, 'run with --expose-gc')
  for (let round = 0; round < 4; round++) {
    globalThis.gc()
    await turns(2)
  }
  return process.memoryUsage().heapUsed
}

function isNoMore(now: Map<string, number>, before: Map<string, number>): boolean {
  return [...now].every(([kind, count]) => count <= (before.get(kind) ?? 0))
}

function countOf(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

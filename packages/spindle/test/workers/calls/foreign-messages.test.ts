import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { MAIN, PipelineBuilder, ProcessPool, ThreadPool, workerModule, workers } from 'spindle'
import type * as Ops from './fixtures/talkative.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./fixtures/talkative.js'))
const source = Array.from({ length: 20 }, (_, n) => n)

async function run(place: ThreadPool | ProcessPool | 'thread' | 'process'): Promise<number[]> {
  const builder = new PipelineBuilder().addSource(source)
  const pipeline =
    typeof place === 'string'
      ? builder
          .to(workers({ kind: place, count: 1 }))
          .pipe(ops.double)
          .to(MAIN)
      : builder.pipe(ops.double, { executor: place, outputOrder: 'input' })
  const given: number[] = []
  for await (const n of pipeline.build({ loopGuard: false })) given.push(n)
  return given.sort((one, other) => one - other)
}

describe('messages that are not the engine’s', () => {
  const doubled = source.map((n) => n * 2)

  it('are left alone, from an op’s module in a thread, a process and a region', async () => {
    await using threads = new ThreadPool({ size: 1 })
    await using processes = new ProcessPool({ size: 1 })
    for (const place of [threads, processes, 'thread', 'process'] as const)
      assert.deepEqual(await run(place), doubled, String(place))
    assert.deepEqual([threads.stats().deaths, processes.stats().deaths], [0, 0])
  })

  it('are left alone, from the main program to a thread', async () => {
    const post = (worker: Worker): void => {
      for (const message of [null, 'close', 3, { tasks: [0, 1] }, [5, true]])
        worker.postMessage(message)
    }
    process.on('worker', post)
    try {
      await using threads = new ThreadPool({ size: 1 })
      assert.deepEqual(await run(threads), doubled)
      assert.deepEqual(await run('thread'), doubled)
    } finally {
      process.off('worker', post)
    }
  })
})

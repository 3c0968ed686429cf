import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ItemError, PipelineBuilder, ThreadPool, TimeoutError } from 'spindle'
import { runChild } from '../support/child.ts'
import { collect } from '../support/consume.ts'
import { ops } from './support.ts'

const items = (count: number, poison: number) => Array.from({ length: count }, (_, n) => ({ n, poison }))
const without = (count: number, poison: number) =>
  Array.from({ length: count }, (_, n) => n).filter((n) => n !== poison)

describe('a thread that dies', () => {
  for (const [how, op, message] of [
    ['by process.exit', ops.exitOn, /killed 2 worker threads.*exit code 3/],
    ['by an uncaught error', ops.throwUncaught as never, /killed 2 worker threads.*out of the blue/],
  ] as [string, typeof ops.exitOn, RegExp][]) {
    it(`${how} is replaced: its item fails after two deaths, nothing else is lost or doubled`, async () => {
      for (const concurrency of [1, 8]) {
        const letters: ItemError[] = []
        const pipeline = new PipelineBuilder()
          .addSource(items(100, 37))
          .pipe(op, { concurrency, maxFailures: 1 })
          .build({ threads: 2, deadLetter: (letter) => void letters.push(letter) })
        const given = await collect(pipeline)
        assert.deepEqual(
          given.sort((a, b) => a - b),
          without(100, 37),
        )
        assert.equal(letters.length, 1)
        assert.deepEqual(letters[0]?.item, { n: 37, poison: 37 })
        const error = letters[0]?.error as { code: string; message: string }
        assert.equal(error.code, 'ERR_WORKER_DIED')
        assert.match(error.message, message)
      }
    })
  }

  it('as often as maxDeaths says', async () => {
    await using pool = new ThreadPool({ size: 1, maxDeaths: 1 })
    const pipeline = new PipelineBuilder().addSource(items(3, 1)).pipe(ops.exitOn, { executor: pool }).build()
    await assert.rejects(collect(pipeline), (error: Error) => {
      assert.equal((error.cause as { code: string }).code, 'ERR_WORKER_DIED')
      return true
    })
  })
})

describe('an op that never returns', () => {
  it('is ended by timeoutMs, with its thread; those behind it keep their time', async () => {
    for (const threads of [1, 2]) {
      const failed: ItemError[] = []
      const pipeline = new PipelineBuilder()
        .addSource(items(40, 5))
        .pipe(ops.hangOn, { concurrency: 4, timeoutMs: 2000, maxFailures: 1 })
        .build({ threads, onItemError: (failure) => void failed.push(failure) })
      const given = await collect(pipeline)
      assert.deepEqual(
        given.sort((a, b) => a - b),
        without(40, 5),
      )
      assert.equal(failed.length, 1)
      assert.ok(failed[0]?.error instanceof TimeoutError)
      assert.equal(failed[0]?.index, 5)
    }
  })

  it('is left behind by stop()', async () => {
    const pipeline = new PipelineBuilder().addSource(items(3, 0)).pipe(ops.hangOn).build({ threads: 1 })
    pipeline.start()
    await pipeline.stop()
    await pipeline.done
  })
})

describe('the process', () => {
  const fixture = JSON.stringify(import.meta.resolve('./fixtures/ops.js'))

  it('ends with a forgotten pool', async () => {
    const result = await runChild(`
      import { ThreadPool } from 'spindle'
      const pool = new ThreadPool({ size: 2 })
      const signal = new AbortController().signal
      console.log(await pool.run(4, { filename: ${fixture}, name: 'double', signal }))
    `)
    assert.deepEqual([result.code, result.stdout.trim()], [0, '8'], result.stderr)
  })

  it('lives while a call is waited for, and ends after the pipeline', async () => {
    const result = await runChild(`
      import { PipelineBuilder, workerModule } from 'spindle'
      const ops = workerModule(${fixture})
      const items = [1, 2, 3].map((n) => ({ n, waitMs: 30 }))
      const pipeline = new PipelineBuilder().addSource(items).pipe(ops.later).build({ threads: 1 })
      let sum = 0
      pipeline.forEach((n) => { sum += n }).then(() => console.log(sum))
    `)
    assert.deepEqual([result.code, result.stdout.trim()], [0, '6'], result.stderr)
  })
})

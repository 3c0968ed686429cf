import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import {
  type ItemError,
  PipelineBuilder,
  ProcessPool,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { collect } from '../../support/consume.ts'
import type * as Ops from './fixtures/stopped.ts'

const href = import.meta.resolve('./fixtures/stopped.js')
const ops = workerModule<typeof Ops>(href)
const folder = mkdtempSync(join(tmpdir(), 'spindle-stopped-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
const newFile = (): string => join(folder, `file-${files++}`)
const signal = new AbortController().signal
const numbers = (count: number) =>
  new PipelineBuilder().addSource(Array.from({ length: count }, (_, n) => n))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const byNumber = (a: number, b: number): number => a - b

describe('a worker process that is stopped', () => {
  it('before it has told that a call begins: timeoutMs acts, it is replaced, and the other items are run', async () => {
    await using pool = new ProcessPool({ size: 2, graceMs: 100 })
    const call = { filename: href, name: 'whoAndWait', signal }
    const pids = new Set(
      await Promise.all(upTo(12).map(() => pool.run(0, call) as Promise<number>)),
    )
    const [stopped] = pids
    process.kill(stopped as number, 'SIGSTOP')
    const letters: ItemError[] = []
    const pipeline = numbers(30)
      .pipe(ops.numberAndPid, { executor: pool, concurrency: 6, timeoutMs: 400, maxFailures: 30 })
      .build({ deadLetter: (letter) => void letters.push(letter) })
    const given = await collect(pipeline)
    const done = [...given.map(([n]) => n), ...letters.map(({ item }) => item as number)]
    assert.deepEqual(done.sort(byNumber), upTo(30))
    assert.ok(letters.length <= 2, `${letters.length} items failed`)
    for (const { error } of letters) assert.equal((error as { code: string }).code, 'ERR_TIMEOUT')
    assert.ok(given.every(([, pid]) => pid !== stopped))
  })

  it('while an op is at something: the item fails by its limit, or is run again', async () => {
    const file = newFile()
    writeFileSync(file, '')
    await using pool = new ProcessPool({ size: 1, graceMs: 100 })
    const items = upTo(8).map((n) => ({ file, n }))
    const pipeline = new PipelineBuilder()
      .addSource(items)
      .pipe(ops.stopOnce, {
        executor: pool,
        concurrency: 4,
        timeoutMs: 400,
        maxFailures: 1,
        retry: 1,
      })
      .build()
    assert.deepEqual((await collect(pipeline)).sort(byNumber), upTo(8))
  })

  for (const stages of ['has a limit', 'has a limit beside others that have none']) {
    it(`in a region whose stage ${stages}: it is killed and replaced, and what it had is run again`, async () => {
      const region = numbers(60).to(workers({ count: 2, kind: 'process' }))
      const before = stages === 'has a limit' ? region : region.pipe(ops.same as typeof ops.hold)
      const pipeline = before.pipe(ops.numberAndPid, { timeoutMs: 300 }).build()
      const given: number[] = []
      let stopped: number | undefined
      for await (const [n, pid] of pipeline) {
        given.push(n)
        if (given.length < 5 || stopped !== undefined) continue
        stopped = pid
        process.kill(pid, 'SIGSTOP')
      }
      assert.deepEqual(given.sort(byNumber), upTo(60))
    })
  }
})

describe('timeoutMs in a worker', () => {
  it('is not counted against calls that wait in a worker behind another', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const call = { filename: href, name: 'hold', signal }
    // Short calls are sent ahead to a worker that is busy.
    await Promise.all(upTo(40).map(() => pool.run(0, call)))
    const long = pool.run(900, call)
    const behind = numbers(3)
      .pipe(ops.hold, { executor: pool, concurrency: 3, timeoutMs: 150 })
      .build()
    assert.deepEqual((await collect(behind)).sort(byNumber), [0, 1, 2])
    assert.equal(await long, 900)
  })

  it('ends a continuation of an op that holds a worker of a region', async () => {
    for (const kind of ['thread'] as const) {
      const letters: ItemError[] = []
      const pipeline = numbers(6)
        .to(workers({ count: 1, kind, maxDeaths: 1, maxFailures: 1 }))
        .pipe(ops.holdLater, { timeoutMs: 200, maxFailures: 1 })
        .build({ deadLetter: (letter) => void letters.push(letter) })
      assert.deepEqual((await collect(pipeline)).sort(byNumber), [0, 1, 2, 4, 5])
      assert.deepEqual(
        letters.map(({ item }) => item),
        [3],
      )
      assert.equal((letters[0]?.error as { code: string } | undefined)?.code, 'ERR_TIMEOUT')
    }
  })
})

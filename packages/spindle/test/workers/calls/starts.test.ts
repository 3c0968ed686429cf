import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
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
import { willDie } from './fixtures/stopped.ts'

const href = import.meta.resolve('./fixtures/stopped.js')
const ops = workerModule<typeof Ops>(href)
const folder = mkdtempSync(join(tmpdir(), 'spindle-starts-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
const newFile = (): string => join(folder, `file-${files++}`)
const signal = new AbortController().signal
const numbers = (count: number) =>
  new PipelineBuilder().addSource(Array.from({ length: count }, (_, n) => n))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const byNumber = (a: number, b: number): number => a - b

describe('a worker that is killed while it starts', () => {
  const ways = [
    ['thread', 'exit'],
    ['process', 'SIGKILL'],
  ] as const
  for (const [kind, how] of ways) {
    it(`is started again, in a pool and in a region (${kind}, ${how})`, async () => {
      const file = newFile()
      const initArgs = { file, how }
      const options = { size: 1, init: ops.dieAtStart, initArgs }
      willDie(file, 2)
      await using pool = kind === 'thread' ? new ThreadPool(options) : new ProcessPool(options)
      assert.deepEqual(
        await collect(numbers(3).pipe(ops.same, { executor: pool }).build()),
        [0, 1, 2],
      )
      assert.equal(pool.stats().deaths, 2)
      willDie(file, 2)
      const region = workers({ count: 2, kind, init: ops.dieAtStart, initArgs, initConcurrency: 1 })
      const given = await collect(numbers(3).to(region).pipe(ops.hold).build())
      assert.deepEqual(given.sort(byNumber), [0, 1, 2])
    })
  }

  it('each time fails the pipeline after a few tries, and says so', async () => {
    const file = newFile()
    willDie(file, 9)
    await using pool = new ThreadPool({
      size: 1,
      init: ops.dieAtStart,
      initArgs: { file, how: 'exit' },
    })
    await assert.rejects(
      collect(numbers(1).pipe(ops.same, { executor: pool }).build()),
      /no worker thread can be started: exit code 3 \(tried 4 times\)/,
    )
  })

  it('is not blamed for what ends another, ready worker later', async () => {
    const file = newFile()
    await using pool = new ProcessPool({
      size: 2,
      init: ops.dieAtStart,
      initArgs: { file, how: 'SIGKILL' },
    })
    await pool.run(1, { filename: href, name: 'same', signal })
    // The second worker is killed at its start, as often as it is tried while there is work.
    willDie(file, 1)
    const letters: ItemError[] = []
    const pipeline = numbers(12)
      .pipe(ops.exitOn, { executor: pool, concurrency: 4, maxFailures: 1 })
      .build({ deadLetter: (letter) => void letters.push(letter) })
    assert.deepEqual(
      (await collect(pipeline)).sort(byNumber),
      upTo(12).filter((n) => n !== 3),
    )
    assert.match(String(letters[0]?.error), /exitOn .* killed 2 worker processes.*exit code 5/)
  })
})

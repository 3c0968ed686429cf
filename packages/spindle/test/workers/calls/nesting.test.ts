import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  isMainThread,
  PipelineBuilder,
  ProcessPool,
  runPipelineInProcess,
  runPipelineInWorker,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { collect } from '../../support/consume.ts'
import { NODE_FLAGS } from '../../support/typescript.ts'
import type * as Nested from './fixtures/self/nested.ts'

const file = fileURLToPath(new URL('./fixtures/self/one-file.ts', import.meta.url))
const nested = workerModule<typeof Nested>(import.meta.resolve('./fixtures/self/nested.js'))
const one = new PipelineBuilder().addSource([1])

/** Runs the file as a program; gives the lines that it prints. */
function runFile(ways: readonly string[]): Promise<readonly string[]> {
  const args = [...NODE_FLAGS, file, ...ways]
  const child = spawn(process.execPath, args, {
    timeout: 110_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  return new Promise((resolve) => child.on('close', () => resolve(out.trim().split('\n'))))
}

describe('a program whose ops and main() are in one file', () => {
  const ways = [
    'ownThreads top-level-await',
    'threadPool later',
    'processPool at-once',
    'threadRegion at-once',
    'processRegion later',
    'pipelineInWorker top-level-await',
    'iterateInProcess at-once',
    'loaderInWorker at-once',
  ]

  it('fails at once, whatever its budgets, instead of starting workers without end, in every placement', async () => {
    const lines = await runFile(ways)
    for (const [i, way] of ways.entries())
      assert.match(
        lines[i] ?? 'nothing',
        new RegExp(
          `^${way}: ERR_WORKER_MODULE: .*one-file\\.[jt]s.*file of their own.*isMainThread`,
        ),
      )
  })
})

describe('workers in workers', () => {
  for (const [place, run] of [
    ['thread', runPipelineInWorker],
    ['process', runPipelineInProcess],
  ] as const) {
    it(`work where a pipeline in a ${place} has a pool, an op of that a pool again, and a region`, async () => {
      await using remote = run<number>(nested.double.href, { export: 'pipeline' })
      assert.deepEqual(await collect(remote), [4, 8, 12])
    })
  }

  it('end with an error that names the module when an op goes on starting workers for itself', async () => {
    await using executor = new ThreadPool({ size: 1 })
    await assert.rejects(
      collect(one.pipe(nested.deeper, { executor }).build()),
      /nested\.ts.*would never end/,
    )
  })

  it('are nested five levels deep at most, threads and processes together', async () => {
    const ping = workerModule<{ go(level: number): Promise<number> }>(
      import.meta.resolve('./fixtures/self/ping1.js'),
    )
    await using executor = new ProcessPool({ size: 1 })
    await assert.rejects(
      collect(one.pipe(ping.go, { executor }).build()),
      /would never end|nested too deep/,
    )
  })
})

describe('isMainThread', () => {
  it('is true in the program and false in every thread and process, where Node says true in processes', async () => {
    assert.equal(isMainThread, true)
    await using threads = new ThreadPool({ size: 1 })
    await using processes = new ProcessPool({ size: 1 })
    const region = workers({ count: 1, kind: 'process' })
    assert.deepEqual(await collect(one.pipe(nested.where, { executor: threads }).build()), [
      [false, false],
    ])
    assert.deepEqual(await collect(one.pipe(nested.where, { executor: processes }).build()), [
      [false, true],
    ])
    assert.deepEqual(await collect(one.to(region).pipe(nested.where).build()), [[false, true]])
  })
})

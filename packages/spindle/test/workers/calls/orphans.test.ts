import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../support/typescript.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-orphans-'))
after(() => rmSync(folder, { recursive: true }))
const href = import.meta.resolve('./fixtures/holding.js')
const root = fileURLToPath(new URL('../../../../..', import.meta.url))

/**
 * Each kind of process, held by an op, by `init`, or by a pipeline; `ending` says how the program
 * ends, if it ends itself.
 */
const program = (file: string, ending: string): string => `
  import { existsSync, readdirSync } from 'node:fs'
  import { PipelineBuilder, ProcessPool, runPipelineInProcess, workerModule, workers } from 'spindle'
  const ops = workerModule(${JSON.stringify(href)})
  const file = ${JSON.stringify(file)}
  const one = new PipelineBuilder().addSource([file + '-op'])
  const region = { count: 1, kind: 'process' }
  for (const builder of [
    one.pipe(ops.hold, { executor: new ProcessPool({ size: 1 }) }),
    one.pipe(ops.hold, { executor: new ProcessPool({ size: 1, init: ops.holdInit, initArgs: file + '-init' }) }),
    one.to(workers(region)).pipe(ops.hold),
    one.to(workers({ ...region, init: ops.holdInit, initArgs: file + '-init' })).pipe(ops.hold),
  ]) builder.build().forEach(() => {}).catch(() => {})
  runPipelineInProcess(${JSON.stringify(href)}, { args: file + '-remote' }).start().catch(() => {})
  const remote = runPipelineInProcess(${JSON.stringify(href)}, { args: file + '-remote' })
  remote[Symbol.asyncIterator]().next().catch(() => {})
  const name = ${JSON.stringify(basename(file))}
  const timer = setInterval(() => {
    if (readdirSync(${JSON.stringify(folder)}).filter((one) => one.startsWith(name)).length < 5) return
    clearInterval(timer)
    console.log('all held')
    ${ending}
  }, 20)`

describe('a program that ends while ops, init functions and pipelines hold its processes', {
  concurrency: 2,
}, () => {
  for (const ending of ['SIGKILL', 'process.exit(7)']) {
    it(`leaves none of them: ${ending}`, async () => {
      const file = join(folder, ending.replace(/\W/g, ''))
      const isSignal = ending.startsWith('SIG')
      const child = spawn(
        process.execPath,
        [...NODE_FLAGS, '--input-type=module', '--eval', program(file, isSignal ? '' : ending)],
        { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] },
      )
      child.stdout.once('data', () => {
        if (isSignal) child.kill(ending as NodeJS.Signals)
      })
      await new Promise((resolve) => child.on('exit', resolve))
      const pids = readdirSync(folder)
        .filter((name) => name.startsWith(`${basename(file)}-`))
        .map((name) => Number(name.split('-').at(-1)))
      assert.ok(pids.length >= 5, `${pids.length} processes were held`)
      const until = performance.now() + 20_000
      while (pids.some(isThere) && performance.now() < until) await sleep(20)
      const left = pids.filter(isThere)
      for (const pid of left) process.kill(pid, 'SIGKILL')
      assert.deepEqual(left, [])
    })
  }
})

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

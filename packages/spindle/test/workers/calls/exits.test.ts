import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, it } from 'node:test'
import { runChild } from '../../support/child.ts'
import { NODE_FLAGS } from '../../support/typescript.ts'
import { linesOf } from './fixtures/generators.ts'

const fixture = JSON.stringify(import.meta.resolve('./fixtures/ops.js'))
const folder = mkdtempSync(join(tmpdir(), 'spindle-exits-'))
after(() => rmSync(folder, { recursive: true }))
let logs = 0
const newLog = (): string => join(folder, `log-${logs++}`)

const head = `
  import { PipelineBuilder, ProcessPool, ThreadPool, workerModule } from 'spindle'
  const signal = new AbortController().signal
  const call = (name) => ({ filename: ${fixture}, name, signal })
`

describe('the end of a process', { concurrency: 2 }, () => {
  for (const kind of ['ThreadPool', 'ProcessPool']) {
    it(`comes of itself with a forgotten ${kind}`, async () => {
      const result = await runChild(`${head}
        const pool = new ${kind}({ size: 2 })
        console.log(await pool.run(4, call('double')))
      `)
      assert.deepEqual([result.code, result.stdout.trim()], [0, '8'], result.stderr)
    })

    it(`does not come while a call to a ${kind} is waited for`, async () => {
      const result = await runChild(`${head}
        const pool = new ${kind}({ size: 1 })
        const ops = workerModule(${fixture})
        const items = [1, 2, 3].map((n) => ({ n, waitMs: 30 }))
        const pipeline = new PipelineBuilder().addSource(items).pipe(ops.later, { executor: pool }).build()
        let sum = 0
        pipeline.forEach((n) => { sum += n }).then(() => console.log(sum))
      `)
      assert.deepEqual([result.code, result.stdout.trim()], [0, '6'], result.stderr)
    })
  }

  it('waits for threads in the middle of a call, and they begin no other', async () => {
    const log = newLog()
    const result = await runChild(`${head}
      const pool = new ThreadPool({ size: 1, graceMs: 5000 })
      const item = { log: ${JSON.stringify(log)}, ms: 400 }
      await pool.run({ ...item, ms: 1 }, call('burnAndTell'))
      for (let i = 0; i < 5; i++) pool.run(item, call('burnAndTell')).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 100))
      process.exit(7)
    `)
    assert.equal(result.code, 7, result.stderr)
    assert.deepEqual(linesOf(log), ['begin', 'end', 'begin', 'end'])
  })

  it('waits for them no longer than graceMs', async () => {
    const result = await runChild(`${head}
      const pool = new ThreadPool({ size: 2, graceMs: 100 })
      for (let n = 0; n < 2; n++) pool.run({ n, poison: n }, call('hangOn')).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 500))
      process.exit(7)
    `)
    assert.deepEqual([result.code, result.signal], [7, null], result.stderr)
  })

  it('takes the processes of a ProcessPool along, busy or not, even if it comes by SIGKILL', async () => {
    const before = sharedFiles()
    for (const end of ['process.exit(0)', 'process.kill(process.pid, "SIGKILL")']) {
      const pids = await pidsOf(`${head}
        const pool = new ProcessPool({ size: 2 })
        const pids = await Promise.all([1, 2].map((n) => pool.run({ n, waitMs: 300 }, call('processLater'))))
        await pool.run(new Uint8Array(1 << 20), call('sizeBehind'))
        pool.run({ n: 1, poison: 1 }, call('hangOn')).catch(() => {})
        await new Promise((resolve) => setTimeout(resolve, 100))
        console.log(JSON.stringify(pids))
        ${end}
      `)
      assert.equal(pids.length, 2)
      for (const pid of pids)
        while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    // Those of other programs that are about for a moment go by themselves.
    const left = sharedFiles().filter((file) => !before.includes(file))
    while (sharedFiles().some((file) => left.includes(file)))
      await new Promise((resolve) => setTimeout(resolve, 20))
  })
})

/** Runs a program that prints a list of process ids as its last words. */
async function pidsOf(module: string): Promise<number[]> {
  const args = [...NODE_FLAGS, '--input-type=module', '--eval', module]
  // Its output goes to the processes that it starts, too, so the end of the stream says nothing.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.on('exit', resolve))
  const line = await new Promise<string>((resolve) =>
    createInterface(child.stdout).once('line', resolve),
  )
  await exited
  return JSON.parse(line)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  // Where nobody buries the dead they can still be found, as zombies.
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

function sharedFiles(): string[] {
  try {
    return readdirSync('/dev/shm').filter((name) => name.startsWith('spindle'))
  } catch {
    return []
  }
}

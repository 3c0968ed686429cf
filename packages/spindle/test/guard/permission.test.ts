import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ChildResult } from '../support/child.ts'
import { NODE_FLAGS } from '../support/typescript.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const permission = process.versions.node.startsWith('20.')
  ? '--experimental-permission'
  : '--permission'

/** Runs a module under the permission model. tsx itself needs child processes and its cache. */
async function run(module: string, ...flags: readonly string[]): Promise<ChildResult> {
  const tools = ['--allow-fs-read=*', '--allow-fs-write=*', '--allow-child-process']
  const child = spawn(
    process.execPath,
    [permission, ...tools, ...flags, ...NODE_FLAGS, '--input-type=module', '--eval', module],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000, killSignal: 'SIGKILL' },
  )
  const result = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text))
  const [code, signal] = await once(child, 'close')
  return { code, signal, ...result }
}

const program = `
  const { PipelineBuilder } = await import('spindle')
  const spin = (ms) => { for (let u = process.cpuUsage(), n = u; n.user + n.system - u.user - u.system < ms * 1000; n = process.cpuUsage()); }
  const warnings = []
  process.on('warning', ({ code, message }) => { if (code?.startsWith('SPINDLE')) warnings.push({ code, message }) })
  const limit = performance.now() + 10000
  const isOver = () => warnings.length > 0 || performance.now() > limit
  const numbers = async function* () { for (let i = 0; !isOver(); i++) { await new Promise((done) => setTimeout(done, 1)); yield i } }
  const pipeline = () => new PipelineBuilder().addSource(numbers).pipe((x) => { spin(30); return x }, { name: 'decode' }).build()
  await pipeline().forEach(() => {})
  await pipeline().forEach(() => {})
  console.log(JSON.stringify(warnings))
`

// tsx needs threads itself, so that only the guard's is refused, as Node does without
// --allow-worker.
const refused = `
  import { createRequire, syncBuiltinESMExports } from 'node:module'
  const threads = createRequire(import.meta.url)('node:worker_threads')
  threads.Worker = class extends threads.Worker {
    constructor(url, options) {
      if (JSON.stringify([String(url), options?.workerData ?? {}]).includes('watch-thread'))
        throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' })
      super(url, options)
    }
  }
  syncBuiltinESMExports()
`

describe('the loop guard under the permission model', { concurrency: 2 }, () => {
  it('names the stage without an inspector, and says why there is no line', async () => {
    const { code, signal, stdout, stderr } = await run(program, '--allow-worker')
    assert.equal(signal, null, stderr)
    assert.equal(code, 0, stderr)
    const [warning] = JSON.parse(stdout)
    assert.equal(warning?.code, 'SPINDLE_LOOP_BLOCKED', stdout)
    assert.match(warning.message, /stage "decode".*\(line unknown: .*--allow-inspector\)/)
  })

  it('says once that it is off where there are no worker threads', async () => {
    const { code, stdout, stderr } = await run(`${refused}${program}`, '--allow-worker')
    assert.equal(code, 0, stderr)
    const warnings: readonly { readonly code: string; readonly message: string }[] =
      JSON.parse(stdout)
    assert.deepEqual(
      warnings.map((warning) => warning.code),
      ['SPINDLE_LOOP_GUARD_OFF'],
    )
    assert.match(
      warnings[0]?.message ?? '',
      /its thread cannot be started \(.*restricted.*loopGuard: false/,
    )
  })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runChild } from '../support/child.ts'
import { NODE_FLAGS } from '../support/typescript.ts'

// Of work, for on a machine that is busy with others the clock says nothing.
const spin =
  'const spin = (ms) => { for (let u = process.cpuUsage(), n = u; n.user + n.system - u.user - u.system < ms * 1000; n = process.cpuUsage()); }'
const head = `
  import { PipelineBuilder } from 'spindle'
  import { setTimeout as delay } from 'node:timers/promises'
  ${spin}
  const endless = () => new PipelineBuilder().addSource(async function* () { for (let i = 0; ; i++) { await delay(1); yield i } })
  const limit = performance.now() + 10000
`

describe('the loop guard in a process of its own', { concurrency: 2 }, () => {
  it('warns by process.emitWarning where there is no logger', async () => {
    const { code, stderr } = await runChild(`${head}
      const pipeline = endless().pipe((x) => { spin(30); return x }, { name: 'decode' }).build()
      let warning
      process.on('warning', (w) => { warning = w })
      for await (const _ of pipeline) if (warning || performance.now() > limit) break
      await pipeline.stop()
      if (warning?.code !== 'SPINDLE_LOOP_BLOCKED') process.exitCode = 3
    `)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /SPINDLE_LOOP_BLOCKED\] Warning: stage "decode"/)
    assert.equal(stderr.match(/SPINDLE_LOOP_BLOCKED/g)?.length, 1)
  })

  it('starts when many short pipelines have run for long enough, all together', async () => {
    const { code, stderr } = await runChild(`${head}
      const hasStarted = () => Object.getOwnPropertySymbols(globalThis).some((symbol) => symbol.description?.startsWith('spindle.loop-sample'))
      if (hasStarted()) process.exitCode = 3
      while (!hasStarted() && performance.now() < limit)
        await new PipelineBuilder().addSource([1, 2, 3]).pipe((x) => delay(3, x)).build().forEach(() => {})
      if (!hasStarted()) process.exitCode = 4
    `)
    assert.equal(code, 0, stderr)
  })

  it('says nothing of a program that waits', async () => {
    const { code, stdout, stderr } = await runChild(`${head}
      const waiting = new PipelineBuilder().addSource([1, 2, 3]).pipe(async (x) => { await delay(700); return x }).build()
      await waiting.forEach(() => {})
      console.log(JSON.stringify(waiting.stats().blocks))
    `)
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim(), '[]')
    assert.equal(stderr, '')
  })

  for (const how of ['process.exit(0)', 'return', 'throw']) {
    it(`does not hold the process, ended in the middle of a block by ${how}`, async () => {
      const end =
        how === 'return'
          ? 'return'
          : how === 'throw'
            ? "throw new Error('on purpose')"
            : 'process.exit(0)'
      const { code, stderr, signal } = await runChild(`${head}
        const pipeline = endless().pipe(async (x) => { await delay(1); spin(25); return x }).build({ logger: { warn() {}, error() {} } })
        await (async () => {
          let n = 0
          for await (const _ of pipeline) if (++n === 15) { spin(14); ${end} }
        })()
        await pipeline.stop()
      `)
      assert.equal(signal, null, stderr)
      assert.equal(code, how === 'throw' ? 1 : 0, stderr)
      assert.doesNotMatch(stderr, /debugger/)
    })
  }

  it('asks nothing while a debugger may be attached: the stage is named, no stack', async () => {
    const result = await new Promise<{ code: number | null; stdout: string; stderr: string }>(
      (resolve) => {
        const module = `${head}
        const globals = Object.getOwnPropertySymbols(globalThis).length
        const pipeline = endless().pipe(function decode(x) { spin(30); return x }).build({ logger: { warn() {}, error() {} } })
        let found
        for await (const _ of pipeline) {
          found = pipeline.stats().blocks.find(({ stage }) => stage === 'decode')
          if (found || performance.now() > limit) break
        }
        await pipeline.stop()
        console.log(JSON.stringify({ ...found, globals: Object.getOwnPropertySymbols(globalThis).length - globals }))
      `
        const child = spawn(
          process.execPath,
          ['--inspect=0', ...NODE_FLAGS, '--input-type=module', '--eval', module],
          {
            cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        )
        let stdout = ''
        let stderr = ''
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          stdout += text
        })
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          stderr += text
        })
        child.on('close', (code) => resolve({ code, stdout, stderr }))
      },
    )
    assert.equal(result.code, 0, result.stderr)
    const block = JSON.parse(result.stdout) as {
      stage: string
      function: string
      stack: string[]
      globals: number
    }
    assert.equal(block.stage, 'decode')
    assert.equal(block.function, 'decode')
    assert.deepEqual(block.stack, [])
    assert.equal(block.globals, 0)
  })

  it('names the stage in a worker thread, where no stack can be had', async () => {
    const { code, stdout, stderr } = await runChild(`${head}
      import { Worker, isMainThread } from 'node:worker_threads'
      const href = ${JSON.stringify(new URL('./pipeline-in-worker.ts', import.meta.url).href)}
      const worker = new Worker(\`import('node:worker_threads').then(async () => {
        if ('\${href}'.endsWith('.ts')) (await import('tsx/esm/api')).register()
        await import('\${href}')
      })\`, { eval: true })
      worker.on('message', (block) => console.log(JSON.stringify(block)))
    `)
    assert.equal(code, 0, stderr)
    const block = JSON.parse(stdout) as { stage: string; place: string; longestMs: number }
    assert.equal(block.stage, 'inWorker')
    assert.equal(block.place, 'stage')
    assert.ok(block.longestMs >= 10)
  })

  it('finds function and line of the source through a source map beside the built file', async () => {
    const folder = mkdtempSync(
      join(fileURLToPath(new URL('../../../..', import.meta.url)), '.cache-guard-'),
    )
    try {
      // Line 3 of the built file is line 41 of ops.ts.
      writeFileSync(
        join(folder, 'ops.js'),
        `export async function decode(item) {\n  await null\n  for (let u = process.cpuUsage(), n = u; n.user + n.system - u.user - u.system < 25000; n = process.cpuUsage());\n  return item\n}\n//# sourceMappingURL=ops.js.map\n`,
      )
      const map = {
        version: 3,
        sources: ['../src/ops.ts'],
        names: [],
        mappings: 'AAsCA;AACA;AACA;AACA',
      }
      writeFileSync(join(folder, 'ops.js.map'), JSON.stringify(map))
      const { code, stdout, stderr } = await runChild(`${head}
        const { decode } = await import(${JSON.stringify(`file://${folder}/ops.js`)})
        const pipeline = endless().pipe(decode).build({ logger: { warn() {}, error() {} } })
        let found
        for await (const _ of pipeline) {
          found = pipeline.stats().blocks.find(({ stage, stack }) => stage === 'decode' && stack.length > 0)
          if (found || performance.now() > limit) break
        }
        await pipeline.stop()
        console.log(found?.function, found?.where)
      `)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^decode .*src\/ops\.ts:4[0-2]\n$/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

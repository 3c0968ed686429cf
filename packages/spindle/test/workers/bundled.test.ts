import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { rolldown } from 'rolldown'
import { ThreadPool, workerModule } from 'spindle'

const folder = mkdtempSync(join(tmpdir(), 'spindle-bundled-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const program = `
  import { PipelineBuilder, ProcessPool, workerModule, workers, runPipelineInWorker } from ${JSON.stringify(fileURLToPath(import.meta.resolve('spindle')))}
  const ops = workerModule('data:text/javascript,export const sqrt = Math.sqrt')
  const one = new PipelineBuilder().addSource([1])
  const outcome = (pipeline) => pipeline.build().forEach(() => {}).then(() => 'ended', (error) => error.message)
  async function main() {
    const executor = new ProcessPool({ size: 1 })
    console.log(JSON.stringify({
      plain: await outcome(one.pipe((n) => n)),
      thread: await outcome(one.pipe(ops.sqrt, { retry: 1 })),
      process: await outcome(one.pipe(ops.sqrt, { executor, maxFailures: 5 })),
      region: await outcome(one.to(workers({ count: 1 })).pipe(ops.sqrt)),
    }))
    await executor.close()
  }
  main()
`

describe('spindle, bundled into an application', () => {
  for (const format of ['esm', 'cjs'] as const)
    it(`runs what needs no worker, and says of the rest to keep it external, as ${format}`, async () => {
      const input = join(folder, `${format}.mjs`)
      const file = join(folder, `out.${format === 'esm' ? 'mjs' : 'cjs'}`)
      writeFileSync(input, program)
      const bundle = await rolldown({
        input,
        platform: 'node',
        logLevel: 'silent',
        resolve: { conditionNames: ['import', 'node', 'default'] },
      })
      await bundle.write({ file, format, codeSplitting: false } as Parameters<
        typeof bundle.write
      >[0])
      await bundle.close()
      const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
      const { plain, ...others } = JSON.parse(stdout || '{}')
      assert.equal(plain, 'ended', stderr)
      for (const [where, message] of Object.entries(others))
        assert.match(
          String(message),
          /was bundled into the application.*keep `spindle` and `@spindle\/io` external.*esbuild.*Vite.*Next\.js.*webpack/,
          where,
        )
    })
})

describe('modules of ops', () => {
  it('may be CommonJS that assigns to module.exports, and given by a URL of another realm', async () => {
    const file = join(folder, 'ops.cjs')
    writeFileSync(file, 'const make = () => ({ twice: (n) => n * 2 }); module.exports = make()')
    const context = createContext({ URL: class extends URL {} })
    const href = runInContext(`({ href: ${JSON.stringify(`file://${file}`)} })`, context) as URL
    const { href: filename } = workerModule<{ twice(n: number): number }>(href).twice
    const pool = new ThreadPool({ size: 1 })
    try {
      assert.equal(await pool.run(21, { filename, name: 'twice' }), 42)
    } finally {
      await pool.close()
    }
  })

  it('that cannot be found are named, with what to do', async () => {
    const pool = new ThreadPool({ size: 1 })
    const filename = new URL('./missing.js', `file://${folder}/`).href
    try {
      await assert.rejects(pool.run(1, { filename, name: 'f' }), {
        code: 'ERR_WORKER_MODULE',
        message: /^cannot load file:.*there is no such file: build it, and write \.js.*external/,
      })
    } finally {
      await pool.close()
    }
  })

  it('are what run() of a pool wants, which says so', async () => {
    const pool = new ThreadPool({ size: 1 })
    for (const [call, message] of [
      [undefined, /`call` must be an object with `filename` and `name`/],
      [workerModule<{ f(): void }>('file:///f.js').f, /filename: op\.href, name: op\.exportName/],
      [{ name: 'f' }, /`call\.filename` must be the URL of a module/],
      [{ filename: 'file:///f.js' }, /`call\.name` must be the name of an exported function/],
    ] as const)
      await assert.rejects(pool.run(1, call as never), { code: 'ERR_BAD_OPTION', message })
    await pool.close()
  })
})

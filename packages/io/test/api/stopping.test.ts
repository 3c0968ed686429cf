import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Ended, runProgram, sourceUrl } from '../child-program.ts'
import { PHOTOS } from '../support.ts'

// A thread that is ended within a call of FFmpeg takes the whole process with it (exit code 134).
// benchmarks/media/stop.mjs does this 200 times.

const io = sourceUrl('index')
const ops = new URL('../fixtures/image-ops.js', import.meta.url).href
const preamble = `
  import { readFileSync } from 'node:fs'
  import { loadImage, loadImageBatch } from ${JSON.stringify(io)}
  import { PipelineBuilder, ThreadPool, workerModule } from 'spindle'
  const photo = (name) => ${JSON.stringify(PHOTOS)} + name
  const paths = Array.from({ length: 200 }, (_, i) => photo(['mountains-large', 'stream-1', 'cat-small'][i % 3] + '.jpg'))
  const size = { width: 99, height: 99 }
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
`

const run = (source: string): Ended => runProgram(preamble + source)

describe('stopping while threads decode', () => {
  it('pipelines: stopped in every way, fifteen times in one process, which then ends by itself', () => {
    const { status, stderr } = run(`
      for (let i = 0; i < 15; i++) {
        const pipeline = new PipelineBuilder().addSource(paths).pipe((path) => loadImage(path, size), { concurrency: 6 }).build()
        for await (const _ of pipeline) break
        await sleep(i % 5)
        await pipeline.stop({ mode: ['abort', 'discard', 'drain'][i % 3], timeoutMs: 20 }).catch(() => {})
      }`)
    assert.equal(status, 0, stderr)
  })

  it('batches: given up by their signal, fifteen times; none is written to afterwards', () => {
    const { status, stderr } = run(`
      import assert from 'node:assert/strict'
      const data = new Uint8Array(new SharedArrayBuffer(200 * 99 * 99 * 3))
      const into = { data, dtype: 'uint8', shape: [200, 99, 99, 3] }
      for (let i = 0; i < 15; i++) {
        const signal = AbortSignal.timeout(5 + i % 7)
        await assert.rejects(loadImageBatch(paths, { ...size, into, signal }), { name: 'TimeoutError' })
        const then = Buffer.from(data)
        await sleep(3)
        assert.ok(then.equals(data))
      }`)
    assert.equal(status, 0, stderr)
  })

  it('pools of ops that decode synchronously: closed, five times', () => {
    const { status, stderr } = run(`
      const { decode } = workerModule(${JSON.stringify(ops)})
      const files = paths.map((path) => readFileSync(path))
      for (let i = 0; i < 5; i++) {
        const pool = new ThreadPool({ size: 2 })
        const pipeline = new PipelineBuilder().addSource(files).pipe(decode, { executor: pool, concurrency: 4 }).build()
        for await (const _ of pipeline) break
        const rest = pipeline.forEach(() => {}).catch(() => {})
        await pool.close()
        await rest
      }`)
    assert.equal(status, 0, stderr)
  })

  for (const [way, code, expected] of [
    ['process.exit', 'process.exit(3)', 3],
    ['an exception', "throw new Error('on purpose')", 1],
  ] as const) {
    it(`${way} while batches are being decoded`, () => {
      const { status, stderr } = run(`
        await loadImage(paths[2])
        for (const half of [paths.slice(100), paths.slice(0, 100)]) loadImageBatch(half, size).catch(() => {})
        await sleep(15)
        ${code}`)
      assert.equal(status, expected, stderr)
    })
  }

  it('the end of the process does not wait for the end of a large batch', () => {
    const { status, stderr } = run(`
      await loadImage(paths[2])
      const many = Array.from({ length: 5000 }, () => paths[0])
      loadImageBatch(many, size).catch(() => {})
      await sleep(30)
      const endsAt = performance.now()
      process.on('exit', () => {
        // 5000 of these take a minute.
        if (performance.now() - endsAt > 10000) process.exitCode = 7
      })
      process.exit(3)`)
    assert.equal(status, 3, stderr)
  })
})

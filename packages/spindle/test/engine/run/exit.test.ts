import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runChild } from '../../support/child.ts'

const head = `
  import { PipelineBuilder } from 'spindle'
  const never = () => new Promise(() => {})
  const endless = () => new PipelineBuilder().addSource(function* () { for (let i = 0; ; i++) yield i })
`
const times = (text: string, pattern: RegExp) => (text.match(pattern) ?? []).length

/** Runs the module and checks that the process ended by itself, with 0. */
async function run(module: string) {
  const result = await runChild(head + module)
  assert.equal(
    result.signal,
    null,
    `the process had to be killed; it said ${result.stdout}${result.stderr}`,
  )
  assert.equal(result.code, 0, result.stderr)
  return result
}

describe('a process', { concurrency: 2 }, () => {
  it('is not kept alive by a pipeline that was only built, and hears of it once at its end', async () => {
    const { stdout, stderr } = await run(`
      const before = process.getActiveResourcesInfo().join()
      globalThis.kept = endless().pipe(async (x) => x).build()
      console.log(process.getActiveResourcesInfo().join() === before)
    `)
    assert.equal(stdout.trim(), 'true')
    assert.match(stderr, /SPINDLE_UNFINISHED.*was built but never consumed/)
  })

  it('ends though pipelines were started, held and forgotten, and warns of it once', async () => {
    const { stdout, stderr } = await run(`
      const continuous = new PipelineBuilder().addSource([1, 2, 3], { continuous: true }).build()
      for await (const item of continuous) console.log(item)
      const paused = endless().pipe(async (x) => x, { concurrency: 4 }).build()
      for await (const item of paused) if (item > 5) break
      const started = endless().build()
      started.start()
      globalThis.kept = [continuous, paused, started]
    `)
    assert.equal(stdout, '1\n2\n3\n')
    assert.equal(times(stderr, /SPINDLE_UNFINISHED/g), 1, stderr)
  })

  it('is not warned of pipelines that ended, failed, or were stopped', async () => {
    const { stderr } = await run(`
      const ended = new PipelineBuilder().addSource([1, 2]).build()
      for await (const _ of ended);
      const stopped = endless().build()
      for await (const _ of stopped) break
      await stopped.stop()
      {
        const aborted = endless().build({ signal: AbortSignal.abort() })
        await aborted.done.catch(() => {})
      }
      const failed = new PipelineBuilder().addSource([1, 2]).pipe(() => { throw new Error('no') }).build()
      await failed.forEach(() => {}).catch(() => {})
      globalThis.kept = [ended, stopped, failed]
    `)
    assert.equal(stderr, '')
  })

  it('is warned of a pipeline that was collected as garbage, once', async () => {
    const { stderr } = await run(`
      for (let i = 0; i < 5; i++) await (async () => {
        const pipeline = endless().build()
        for await (const _ of pipeline) break
      })()
      for (let i = 0; i < 20; i++) {
        await new Promise(setImmediate)
        gc()
      }
    `)
    assert.equal(times(stderr, /SPINDLE_UNFINISHED/g), 1, stderr)
  })

  it('ends though an op, a source or a background task never does', async () => {
    await run(`
      const op = endless().pipe(never).build()
      op.getItem()
      const source = new PipelineBuilder().addSource(async function* () { await never() }).build()
      source.getItem()
      const background = new PipelineBuilder().addSource([1]).build({ backgroundTasks: [never] })
      background.getItem()
      globalThis.kept = [op, source, background]
    `)
  })

  it('ends though calls that ignore the end of their pipeline had a time limit, or were to be made again', async () => {
    const begun = performance.now()
    const { stdout } = await run(`
      const limited = () => new PipelineBuilder().addSource([1]).pipe(never, { timeoutMs: 60_000 })
      const controller = new AbortController()
      const aborted = limited().build({ signal: controller.signal })
      aborted.start()
      const stopped = limited().build()
      stopped.start()
      const retried = new PipelineBuilder().addSource([1])
        .pipe(() => { throw new Error('again') }, { retry: { retries: 3, minDelayMs: 60_000, maxDelayMs: 60_000 } })
        .build()
      retried.start()
      await new Promise((done) => setTimeout(done, 10))
      controller.abort()
      await aborted.done.catch(() => {})
      await stopped.stop({ timeoutMs: 10 })
      await retried.stop({ timeoutMs: 10 })
      console.log('over')
    `)
    assert.equal(stdout, 'over\n')
    assert.ok(performance.now() - begun < 15_000)
  })

  it('ends at once when told to, in the middle of the work', async () => {
    const { stdout } = await run(`
      const pipeline = endless().pipe((x) => new Promise((done) => setTimeout(done, 5, x)), { concurrency: 4 }).build()
      for await (const item of pipeline) if (item === 10) { console.log('leaving'); process.exit(0) }
    `)
    assert.equal(stdout, 'leaving\n')
  })

  it('does not end before a pipeline that works: timers of retries and time-outs count as work', async () => {
    const { stdout } = await run(`
      const retried = new PipelineBuilder().addSource([1])
        .pipe((x, context) => { if (context.attempt === 1) throw new Error('again'); return x }, { retry: { retries: 1, minDelayMs: 30 } })
        .build()
      for await (const item of retried) console.log('retried', item)
      const timed = new PipelineBuilder().addSource([1, 2])
        .pipe((x) => (x === 1 ? never() : x), { timeoutMs: 30, maxFailures: 1 })
        .build()
      for await (const item of timed) console.log('timed', item)
    `)
    assert.equal(stdout, 'retried 1\ntimed 2\n')
  })

  it('does not end before a time-out that somebody waits for', async () => {
    const { stdout } = await run(`
      const pipeline = endless().pipe(never).build()
      await pipeline.getItem({ timeoutMs: 30 }).catch((error) => console.log(error.code))
      await pipeline.iterate({ timeoutMs: 30 }).next().catch((error) => console.log(error.code))
      await pipeline.stop({ mode: 'discard', timeoutMs: 30 }).catch((error) => console.log(error.code))
      const other = endless().pipe(never).build()
      other.start()
      await other.stop({ timeoutMs: 30 })
      console.log('let go')
    `)
    assert.equal(stdout, 'ERR_TIMEOUT\nERR_TIMEOUT\nERR_TIMEOUT\nlet go\n')
  })

  it('is not ended by a failure that nobody looks at', async () => {
    const { stdout } = await run(`
      const pipeline = new PipelineBuilder().addSource([1]).pipe(() => { throw new Error('no') }).build()
      pipeline.start()
      await new Promise((done) => setTimeout(done, 50))
      console.log('alive')
    `)
    assert.equal(stdout, 'alive\n')
  })
})

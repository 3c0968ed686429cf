import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it, mock } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { DataLoader } from 'spindle/loader'
import { clearTimeout as clearLong, setInterval, setTimeout as startTimer } from '../src/timers.ts'
import { collect } from './support/consume.ts'
import { turns } from './support/gates.ts'
import { range } from './support/sources.ts'

const BIG = Number.MAX_SAFE_INTEGER
const numbers = (count = 3) => new PipelineBuilder().addSource(range(count))
const slow = async (n: number): Promise<number> => {
  await turns(5)
  return n
}

describe('time limits of more than 2^31 - 1 ms', () => {
  it('last that long: of calls, of waits for items, of loaders, of stops', async () => {
    assert.deepEqual(await collect(numbers().pipe(slow, { timeoutMs: BIG }).build()), [0, 1, 2])
    assert.deepEqual(
      await collect(numbers().pipe(slow).build().iterate({ timeoutMs: BIG })),
      [0, 1, 2],
    )
    assert.equal((await numbers().pipe(slow).build().getItem({ timeoutMs: BIG })).value, 0)
    assert.deepEqual(
      await collect(new DataLoader(range(3), { preprocess: slow, timeoutMs: BIG })),
      [0, 1, 2],
    )
    const pipeline = numbers(6).pipe(slow).build()
    const items = pipeline[Symbol.asyncIterator]()
    await items.next()
    const stopped = pipeline.stop({ mode: 'drain', timeoutMs: BIG })
    const rest: number[] = []
    for (let step = await items.next(); step.done !== true; step = await items.next())
      rest.push(step.value)
    await stopped
    assert.ok(rest.length > 0, 'what was pulled before the stop is given')
  })

  it('do not fire early: retries, intervals of statistics, timers of the package', async () => {
    let attempts = 0
    let told = 0
    const pipeline = numbers(1)
      .pipe(
        async () => {
          attempts++
          throw new Error('down')
        },
        {
          retry: {
            retries: 3,
            minDelayMs: 2 ** 31,
            maxDelayMs: Number.POSITIVE_INFINITY,
            jitter: false,
          },
        },
      )
      .build({ reportIntervalMs: BIG, onStats: () => told++ })
    pipeline.start()
    const fired: string[] = []
    const timers = [
      startTimer(() => fired.push('timer'), 2 ** 31),
      startTimer(() => fired.push('endless'), Number.POSITIVE_INFINITY),
      setInterval(() => fired.push('interval'), BIG),
    ]
    while (attempts === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (const timer of timers) clearLong(timer.unref().refresh())
    assert.deepEqual([attempts, told, fired], [1, 0, []])
    await pipeline.stop()
  })
})

describe('mocked timers', () => {
  it('change no pipeline, neither while they are mocked nor when they are back', async () => {
    const work = (n: number): number => {
      for (const end = process.hrtime.bigint() + 1_000_000n; process.hrtime.bigint() < end; );
      return n
    }
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] as never })
    const { now } = performance
    performance.now = () => 0
    try {
      const pipeline = numbers(20)
        .pipe(work)
        .pipe(async (n, { attempt }) => (attempt === 1 ? Promise.reject(new Error('again')) : n), {
          retry: { retries: 1, minDelayMs: 1 },
          timeoutMs: 10_000,
          concurrency: 4,
        })
        .build({ loopGuard: false })
      assert.equal((await collect(pipeline)).length, 20)
    } finally {
      performance.now = now
      mock.timers.reset()
    }
    assert.equal((await collect(numbers(20).pipe(work).build())).length, 20)
  })
})

describe('a hardened host', () => {
  const program = `
    import { PipelineBuilder, ThreadPool, workerModule } from 'spindle'
    const b = () => new PipelineBuilder().addSource([1, 2, 3])
    const got = []
    await b().pipe(async (n) => n).aggregate(2).build().forEach((batch) => { got.push(batch) })
    const failed = await b().pipe(() => { throw new TypeError('no') }).build().forEach(() => {}).catch((error) => error)
    console.log(JSON.stringify([got, failed.name, failed.code, failed.errors[0].name]))`
  const freeze = `for (const C of [Error, TypeError, AggregateError, Object, Function, Array, Promise, Map, Set]) {
    Object.freeze(C); Object.freeze(C.prototype) };`

  it('with frozen intrinsics or a frozen Error runs pipelines; places may be missing', () => {
    for (const [name, flags, before] of [
      ['--frozen-intrinsics', ['--frozen-intrinsics'], ''],
      ['Object.freeze', [], freeze],
    ] as const) {
      const source = `${before}await import('data:text/javascript,' + encodeURIComponent(${JSON.stringify(program)}.replaceAll("'spindle'", JSON.stringify(import.meta.resolve('spindle')))))`
      const { stdout, stderr } = spawnSync(
        process.execPath,
        [...flags, '--no-warnings', '--input-type=module', '--eval', source],
        { encoding: 'utf8', cwd: new URL('..', import.meta.url) },
      )
      const [got, ...failure] = JSON.parse(stdout || `["${name}"]`)
      assert.deepEqual(got, [[1, 2], [3]], `${name}: ${stderr}`)
      assert.deepEqual(failure, ['PipelineFailure', 'ERR_PIPELINE_FAILED', 'StageFailure'], name)
    }
  })
})

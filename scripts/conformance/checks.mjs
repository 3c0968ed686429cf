// What every runtime must do. Runs under Node, Bun and Deno:
//   node scripts/conformance/checks.mjs [part of a name …]
// Each check has a time limit, because a runtime that lacks something usually waits for ever.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { encodeWav, loadAudio, loadNpy, saveNpy } from '@spindle/io'
import {
  MAIN,
  PipelineBuilder,
  PipelineFailure,
  ProcessPool,
  runPipelineInProcess,
  runPipelineInWorker,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { FileCheckpoint } from 'spindle/checkpoint'
import { collate, DataLoader } from 'spindle/loader'
import { shuffled } from 'spindle/source'

const LIMIT_MS = 20_000
const ops = workerModule(new URL('./ops.mjs', import.meta.url))
const module = new URL('./ops.mjs', import.meta.url)
const range = (count) => Array.from({ length: count }, (_, i) => i)
const doubled = (count) => range(count).map((n) => n * 2)
const numbers = (count = 20) => new PipelineBuilder().addSource(range(count))
const ordered = { concurrency: 2, outputOrder: 'input' }
const folder = mkdtempSync(join(tmpdir(), 'spindle-conformance-'))

async function collect(items) {
  const all = []
  for await (const item of items) all.push(item)
  return all
}

const checks = {
  async 'a pipeline on the event loop'() {
    const pipeline = numbers()
      .pipe(async (n) => n * 2, ordered)
      .aggregate(5)
      .build()
    assert.deepEqual((await collect(pipeline)).flat(), doubled(20))
    assert.equal(pipeline.stats().items, 4)
    assert.match(String(pipeline.report()), /source/)
  },

  async 'Error stacks of the program stay as they were'() {
    const before = Error.prepareStackTrace
    for (let run = 0; run < 3; run++)
      await collect(
        numbers()
          .pipe(async (n) => n)
          .build(),
      )
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(typeof new Error('later').stack, 'string')
    assert.equal(Error.prepareStackTrace, before)
    const own = (error) => `own ${error.message}`
    Error.prepareStackTrace = own
    try {
      await collect(
        numbers()
          .pipe(async (n) => n)
          .build(),
      )
      assert.equal(Error.prepareStackTrace, own)
    } finally {
      Error.prepareStackTrace = before
    }
  },

  async 'a failure with its place'() {
    const pipeline = numbers()
      .pipe((n) => {
        if (n === 3) throw new TypeError('three')
        return n
      })
      .build()
    await assert.rejects(collect(pipeline), (error) => {
      assert.ok(error instanceof PipelineFailure)
      assert.match(error.message, /checks\.mjs:\d+.*three/)
      assert.ok(error.cause instanceof TypeError)
      return true
    })
  },

  async 'ops in threads'() {
    const many = { concurrency: 64, outputOrder: 'input' }
    assert.deepEqual(await collect(numbers(3000).pipe(ops.double, many).build()), doubled(3000))
    await using_(new ThreadPool({ size: 2 }), async (executor) => {
      const pipeline = numbers(4)
        .pipe(ops.fill, { ...ordered, executor })
        .build()
      assert.deepEqual(
        (await collect(pipeline)).map((array) => array[1023]),
        range(4),
      )
      const failing = numbers(2).pipe(ops.refuse, { executor }).build()
      await assert.rejects(collect(failing), ({ cause }) => cause.code === 'E_NO')
    })
  },

  async 'ops in processes'() {
    await using_(new ProcessPool({ size: 1 }), async (executor) => {
      const pipeline = numbers()
        .pipe(ops.double, { ...ordered, executor })
        .build()
      assert.deepEqual(await collect(pipeline), doubled(20))
      const arrays = numbers(4)
        .pipe(ops.fill, { ...ordered, executor })
        .build()
      assert.equal((await collect(arrays))[3][0], 3)
    })
  },

  async 'a region of threads'() {
    const pipeline = numbers()
      .to(workers({ count: 2, outputOrder: 'input' }))
      .pipe(ops.double)
      .to(MAIN)
      .pipe((n) => n)
      .build()
    assert.deepEqual(await collect(pipeline), doubled(20))
  },

  async 'a region of processes'() {
    const region = workers({ count: 1, kind: 'process', outputOrder: 'input' })
    assert.deepEqual(await collect(numbers().to(region).pipe(ops.double).build()), doubled(20))
  },

  async 'a whole pipeline in a thread'() {
    await using_(runPipelineInWorker(module), async (remote) => {
      assert.deepEqual(await collect(remote), doubled(20))
    })
  },

  async 'a plain for'() {
    await using_(runPipelineInWorker(module), async (remote) => {
      const all = []
      for (const item of remote) all.push(item)
      assert.deepEqual(all, doubled(20))
    })
  },

  async 'a whole pipeline in a process'() {
    if ('bun' in process.versions) {
      assert.throws(() => runPipelineInProcess(module), /cannot run in a process on Bun/)
      return
    }
    await using_(runPipelineInProcess(module), async (remote) => {
      assert.deepEqual(await collect(remote), doubled(20))
    })
    const arrays = runPipelineInProcess(module, { export: 'arrays' })
    await using_(arrays, async (remote) => {
      assert.deepEqual(
        (await collect(remote)).map((array) => array[1023]),
        range(4),
      )
    })
  },

  async 'a stop that aborts calls, here and in threads'() {
    const own = numbers().pipe(
      (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    )
    for (const builder of [own, numbers().pipe(ops.untilAborted)]) {
      const pipeline = builder.build()
      pipeline.start()
      await new Promise((resolve) => setTimeout(resolve, 50))
      await pipeline.stop()
      await pipeline.done
    }
  },

  async 'a loader, batches, and the way back to a state'() {
    const source = shuffled(range(20), { seed: 1 })
    const options = { preprocess: ops.double, batchSize: 4, collate, outputOrder: 'input' }
    const sums = (await collect(new DataLoader(source, options))).map(({ data }) => data.length)
    assert.deepEqual(sums, [4, 4, 4, 4, 4])
    const build = (state) =>
      new PipelineBuilder().addSource(source).build({ resumable: true, ...(state && { state }) })
    const first = build()
    const begin = [(await first.getItem()).value, (await first.getItem()).value]
    const state = first.state()
    await first.stop()
    const rest = await collect(build(state))
    assert.deepEqual([begin[0], ...rest].toSorted(byNumber), range(20))
  },

  async 'a checkpoint in files'() {
    const checkpoint = await FileCheckpoint.open(join(folder, 'checkpoint'))
    await checkpoint.close()
  },

  async 'arrays and sound in files'() {
    const file = join(folder, 'a.npy')
    await saveNpy(file, { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] })
    assert.deepEqual([...(await loadNpy(file)).data], [1, 2])
    const sound = { data: Float32Array.of(0, 0.5), dtype: 'float32', shape: [1, 2] }
    const wav = encodeWav(sound, { sampleRate: 8000, layout: 'CT' })
    assert.equal((await loadAudio(wav)).sampleRate, 8000)
  },
}

function byNumber(a, b) {
  return a - b
}

async function using_(resource, use) {
  try {
    await use(resource)
  } finally {
    await resource[Symbol.asyncDispose]()
  }
}

const wanted = process.argv.slice(2)
let passed = 0
let failed = 0
for (const [name, check] of Object.entries(checks)) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ended after ${LIMIT_MS} ms`)), LIMIT_MS)
  })
  try {
    await Promise.race([check(), late])
    passed++
    console.log(`✔ ${name}`)
  } catch (error) {
    failed++
    console.log(`✖ ${name}\n${String(error?.stack ?? error).replace(/^/gm, '    ')}`)
  } finally {
    clearTimeout(timer)
  }
}
rmSync(folder, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

// A user's first program, run with the packed packages: the promises of the README must hold there
// too.
import assert from 'node:assert/strict'
import {
  MAIN,
  PipelineBuilder,
  runPipelineInProcess,
  runPipelineInWorker,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'

const pipeline = new PipelineBuilder()
  .addSource([1, 2, 3, 4, 5, 6, 7])
  .pipe(async (n) => n * 2, { concurrency: 2, outputOrder: 'input' })
  .pipe((n) => (n === 6 ? undefined : n))
  .aggregate(4)
  .build()

const batches = []
for await (const batch of pipeline) batches.push(batch)
assert.deepEqual(batches, [
  [2, 4, 8, 10],
  [12, 14],
])
await pipeline.done

// Threads start from the built files, and those left idle keep no process alive.
const ops = workerModule(import.meta.resolve('./ops.mjs'))
const numbers = new PipelineBuilder().addSource([1, 2, 3])
const doubled = []
await numbers
  .pipe(ops.double, { outputOrder: 'input', concurrency: 2 })
  .build({ threads: 2 })
  .forEach((n) => doubled.push(n))
assert.deepEqual(doubled, [2, 4, 6])
const failing = numbers.pipe(ops.fail, { executor: new ThreadPool({ size: 1 }) }).build()
await assert.rejects(
  failing.forEach(() => {}),
  (failure) => failure.cause instanceof RangeError && failure.cause.code === 'E_NO',
)

// So does a whole remote pipeline, by a plain `for` and by `for await`.
for (const run of [runPipelineInWorker, runPipelineInProcess]) {
  const loader = run(import.meta.resolve('./loader.mjs'), { args: { count: 3 } })
  const given = [...loader]
  for await (const item of loader) given.push(item)
  assert.deepEqual(given, [0, 1, 4, 0, 1, 4])
}

// So do the workers of regions, threads and processes.
for (const kind of ['thread', 'process']) {
  const region = numbers
    .to(workers({ count: 2, kind, outputOrder: 'input' }))
    .pipe(ops.double)
    .pipe(ops.double)
  const quadrupled = []
  await region
    .to(MAIN)
    .build()
    .forEach((n) => quadrupled.push(n))
  assert.deepEqual(quadrupled, [4, 8, 12])
}

// Nothing may be opened on import: with a handle left, this process would not end.
await import('@spindle/io')
await import('@spindle/models')

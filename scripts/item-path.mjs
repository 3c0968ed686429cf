// Counts the files whose code runs for one item, in each placement. docs/architecture.md has the
// table.
//   npm run item-path            the table: files on the main side and in the worker; in brackets
//                                with what measures, watches and marks, which a reader can skip
//   npm run item-path -- --files the names of the files, too
import { parseArgs } from 'node:util'
import { filesOf } from './item-path/coverage.mjs'

const { values } = parseArgs({ options: { files: { type: 'boolean', default: false } } })
const {
  MAIN,
  PipelineBuilder,
  ProcessPool,
  runPipelineInWorker,
  ThreadPool,
  workerModule,
  workers,
} = await import('../packages/spindle/src/index.ts')
const at = import.meta.resolve('./item-path/ops.mjs')
const ops = workerModule(at)

/** Files that measure, watch or mark what others do. */
const ASIDE =
  /\/stats\/|\/guard\/|\/(clock|integral|time-slice|current-call|async-scope|timers|user-code|consumer-time|op-profile|pool-stats|region-gauges|counts|\w+-watch|loop-end|hang-detector|pulse)\.ts$/

/** Items before the first measured one, so that everything is loaded and begun. */
const WARM = 200
/** Items that are measured: enough that every kind of message was sent. */
const SPAN = 20
const ITEMS = 260

const source = async function* numbers() {
  for (let n = 0; n < ITEMS; n++) yield n
}
const plain = new PipelineBuilder().addSource(source)

await row('inline', () =>
  plain
    .pipe(async (n) => n)
    .addSink(2)
    .build(),
)
await withPool(new ThreadPool({ size: 1 }), 'an op in a thread')
await withPool(new ProcessPool({ size: 1 }), 'an op in a process')
for (const kind of ['threads', 'processes'])
  await row(`a region in ${kind}`, () =>
    plain
      .to(workers({ count: 1, kind: kind === 'threads' ? 'thread' : 'process' }))
      .pipe(ops.measured)
      .to(MAIN)
      .addSink(2)
      .build(),
  )
await row('a pipeline in a thread', () => runPipelineInWorker(at, { export: 'pipeline' }))

async function withPool(executor, title) {
  await row(title, () => plain.pipe(ops.measured, { executor }).addSink(2).build())
  await executor.close()
}

/** Runs a pipeline, and prints which files one item needs here and in the worker. */
async function row(title, build) {
  const pipeline = build()
  let there = []
  let seen = 0
  const here = await filesOf()
  let names = []
  for await (const item of pipeline) {
    seen++
    if (seen === WARM) await here.reset()
    if (seen === WARM + SPAN) names = await here.take()
    if (Array.isArray(item)) there = item
  }
  await pipeline.stop?.()
  here.end()
  console.log(`| ${title} | ${count(names)} | ${there.length > 0 ? count(there) : ''} |`)
  if (values.files) for (const name of [...names, '', ...there]) console.log(`    ${name}`)
}

function count(names) {
  return `${names.filter((name) => !ASIDE.test(name)).length} (${names.length})`
}

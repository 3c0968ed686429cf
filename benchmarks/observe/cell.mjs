// One measurement, in a process of its own:
//   node --expose-gc cell.mjs <entry point of the package> <shape> <items> [guard] [trace=file]
// Prints a line of JSON. Linux only: the processor time of each thread is read in /proc.
import { readdirSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { shapes } from './shapes.mjs'

const [entry, shapeName, itemsText, ...modes] = process.argv.slice(2)
const { PipelineBuilder, trace } = await import(pathToFileURL(entry).href)
const { op, concurrency, callsPerItem } = shapes[shapeName]
const items = Number(itemsText)
const hasGuard = modes.includes('guard')
const traceFile = modes.find((mode) => mode.startsWith('trace='))?.slice('trace='.length)

const first = threads()
// Two warm-ups with a collection between them, as in benchmarks/engine/cell.mjs.
await run(Math.ceil(items / 4))
globalThis.gc?.()
await run(Math.ceil(items / 2))
const before = threads()
const startedAt = performance.now()
await run(items)
const elapsedMs = performance.now() - startedAt
const after = threads()

const used = (thread) => after[thread] - (before[thread] ?? 0)
// V8's own threads were there before the first pipeline; what came since is the watching thread.
const added = Object.keys(after).filter((thread) => !(thread in first))
console.log(
  JSON.stringify({
    mainNsPerCall: (used(String(process.pid)) * 1e6) / (items * callsPerItem),
    watchShare: added.reduce((sum, thread) => sum + used(thread), 0) / elapsedMs,
  }),
)

async function run(n) {
  let builder = new PipelineBuilder().addSource(function* () {
    for (let i = 0; i < n; i++) yield i
  })
  for (let i = 0; i < 3; i++) builder = builder.pipe(op(), { concurrency, buffer: 16 })
  const logger = { warn: () => {}, error: console.error }
  const pipeline = builder.build({ logger, ...(hasGuard ? {} : { loopGuard: false }) })
  const tracing = traceFile === undefined ? undefined : trace(pipeline, { to: traceFile })
  let count = 0
  await pipeline.forEach(() => {
    count++
  })
  await tracing?.stop()
  if (count !== n) throw new Error(`${count} of ${n} items came out`)
}

/** Milliseconds of processor time that each thread of this process has used. */
function threads() {
  const folder = '/proc/self/task'
  const ms = (thread) =>
    Number(readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  return Object.fromEntries(readdirSync(folder).map((thread) => [thread, ms(thread)]))
}

// Which source files an item passes: those of which a function, or a block of one, runs once for
// each item, by V8's coverage. What runs now and then (a sampled timer, a message that carries many
// items) does not count. Prints the table of docs/architecture.md; in brackets with the files that
// only measure, watch or mark.
//   node scripts/files-of-an-item.mjs [part of a case] [--names] [--write]
//     --names prints the files too; --write writes the table into docs/architecture.md
// It starts itself again with tsx, so that the sources run, not the bundle.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const threads = new URL('coverage-of-threads.mjs', import.meta.url).href
/** Items until everything is started and measured, and items that are counted. */
const [WARM_UP, ITEMS] = [300, 300]
/** Files that measure, watch, mark or inspect what others do: a reader can skip them. */
const ASIDE =
  /\/stats\/|\/guard\/|\/(clock|integral|time-slice|current-call|async-scope|timers|user-code|consumer-time|op-profile|pool-stats|region-gauges|counts|\w+-watch|loop-end|lost-methods|hang-detector|pulse)\.ts$/
/** Longest wait for the answers of threads, in milliseconds. */
const ANSWERS_MS = 5000
const PAGE = 'docs/architecture.md'
/** Calls of a function that count as one for each item. */
const LEAST = ITEMS * 0.9

const CASES = {
  'inline, an async op': (spindle) =>
    flow(spindle, (builder) => builder.pipe(async (n) => n), undefined, true),
  'an op in a thread': (spindle, { double }) => {
    const executor = new spindle.ThreadPool({ size: 1 })
    return flow(spindle, (builder) => builder.pipe(double, { executor }), executor)
  },
  'a region of one worker': (spindle, { double }) =>
    flow(spindle, (builder) => builder.to(spindle.workers({ count: 1 })).pipe(double)),
  '`loadImage`': async (_, { hold }) => {
    const { loadImage } = await import('@spindle/io')
    const { POOL_SIZE, runInPool } = await import('../packages/io/src/api/pool.ts')
    const load = () => loadImage('examples/photos/cat-1.png', { width: 64, height: 64 })
    await Promise.all(Array.from({ length: POOL_SIZE }, load))
    await Promise.all(Array.from({ length: POOL_SIZE }, () => runInPool(hold, 200)))
    return { next: load, end: async () => {}, threads: POOL_SIZE }
  },
}

if (process.env.SPINDLE_COUNTS_FILES === undefined) startCounted()
else await main()

function startCounted() {
  const flags = ['--conditions=@spindle/source', '--import=tsx']
  const args = [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const env = { ...process.env, SPINDLE_COUNTS_FILES: '1' }
  process.exitCode = spawnSync(process.execPath, args, { env, stdio: 'inherit', cwd: root }).status
}

async function main() {
  const [spindle, counter] = [await import('spindle'), await import(threads)]
  const ops = spindle.workerModule(threads)
  const args = process.argv.slice(2)
  const parts = args.filter((arg) => !arg.startsWith('--'))
  const names = Object.keys(CASES).filter((name) => parts.every((part) => name.includes(part)))
  const rows = []
  for (const name of names)
    rows.push({ name, ...(await count(await CASES[name](spindle, ops), counter)) })
  const table = [
    '| one item | main side | worker |',
    '|---|---|---|',
    ...rows.map(({ name, here, there }) => `| ${name} | ${counts(here)} | ${counts(there)} |`),
  ].join('\n')
  console.log(table)
  if (args.includes('--write')) write(table)
  if (!args.includes('--names')) return
  for (const { name, here, there } of rows)
    console.log([`\n${name}`, ...here, '  in the worker:', ...there].join('\n  '))
}

function write(table) {
  const text = readFileSync(PAGE, 'utf8')
  writeFileSync(
    PAGE,
    text.replace(/^\| one item .*(?:\n\|.*)*/m, () => table),
  )
}

async function count({ next, end, threads = 1, isInline = false }, { takeFiles }) {
  const asked = isInline ? 0 : threads
  for (let n = 0; n < WARM_UP; n++) await next()
  await filesOfThreads(LEAST, asked)
  takeFiles(LEAST)
  for (let n = 0; n < ITEMS; n++) await next()
  const here = takeFiles(LEAST)
  const there = await filesOfThreads(LEAST / threads, asked)
  await end()
  return { here, there }
}

function counts(files) {
  if (files.length === 0) return ''
  const [io, spindle] = ['packages/io/', 'packages/spindle/'].map((folder) => {
    const inside = files.filter((file) => file.startsWith(folder))
    return `${inside.filter((file) => !ASIDE.test(file)).length} (${inside.length})`
  })
  return io.startsWith('0 ') ? spindle : `${io} of io, ${spindle} of spindle`
}

/** A pipeline of numbers. */
async function flow({ PipelineBuilder }, stages, resource, isInline = false) {
  const source = Array.from({ length: 2 * (WARM_UP + ITEMS) }, (_, n) => n)
  const pipeline = stages(new PipelineBuilder().addSource(source)).build()
  const items = pipeline[Symbol.asyncIterator]()
  const end = async () => {
    await pipeline.stop()
    await resource?.close()
  }
  return { next: () => items.next(), end, isInline }
}

/** What ran so often since the last call, in all of so many threads together. */
async function filesOfThreads(least, threads) {
  const channel = new BroadcastChannel('coverage-of-threads')
  const files = new Set()
  let answers = 0
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, ANSWERS_MS)
    channel.onmessage = ({ data }) => {
      for (const file of data) files.add(file)
      if (++answers < threads) return
      clearTimeout(timer)
      resolve()
    }
    if (threads === 0) {
      clearTimeout(timer)
      resolve()
    } else channel.postMessage(least)
  })
  channel.close()
  return [...files].sort()
}

// Two builds of the package side by side: the least time an item took, in nanoseconds, in any
// window of 500 items.
//   node benchmarks/engine/compare.mjs BASE [OTHER] [--rounds 5] [shape …]
// BASE and OTHER are checkouts that are built; OTHER is this one unless it is given. On a machine
// that others use, a short window is sometimes undisturbed where a whole run never is. Each
// measurement has a process of its own, and the builds take turns.
import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const ITEMS = 400_000
const WINDOW = 500

/** Keeps the least time of a window. */
class Windows {
  least = Number.POSITIVE_INFINITY
  #count = 0
  #at = performance.now()

  item(count = 1) {
    this.#count += count
    if (this.#count < WINDOW) return
    const now = performance.now()
    this.least = Math.min(this.least, ((now - this.#at) * 1e6) / this.#count)
    this.#at = now
    this.#count = 0
  }
}

/** The measured shapes: how a pipeline of three stages is built and consumed. */
const SHAPES = {
  'sync forEach': (from) => each(three(from, (n) => n + 1)),
  'sync objects': (from) => each(three(from, ({ n }) => ({ n: n + 1 }), objects())),
  'async forEach': (from) => each(three(from, async (n) => n + 1, numbers(), 16)),
  'async for await': (from) => pull(three(from, async (n) => n + 1, numbers(), 16)),
  'async chunks': (from) => chunks(three(from, async (n) => n + 1, numbers(), 16)),
  'async input order': (from) =>
    each(three(from, async (n) => n + 1, numbers(), 16, { outputOrder: 'input' })),
  generators: (from) =>
    each(
      three(from, async function* (n) {
        yield n
      }),
    ),
}

if (process.argv[2] === '--measure') {
  const { PipelineBuilder } = await import(process.argv[3])
  process.stdout.write(String(await SHAPES[process.argv[4]](PipelineBuilder)))
} else compare()

function compare() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '5' } },
  })
  const here = fileURLToPath(new URL('../..', import.meta.url))
  const [base, ...rest] = positionals
  if (base === undefined) throw new Error('give the checkout to compare with')
  const other = rest[0]?.includes('/') ? rest.shift() : here
  const shapes = Object.keys(SHAPES).filter((name) => rest.length === 0 || rest.includes(name))
  console.log(`Node ${process.version}; least ns an item, base and other, and their ratio`)
  for (const shape of shapes) {
    const least = [Infinity, Infinity]
    for (let round = 0; round < Number(values.rounds); round++)
      for (const [index, tree] of [base, other].entries()) {
        const entry = pathToFileURL(`${tree}/packages/spindle/dist/index.js`).href
        const { stdout, stderr, status } = spawnSync(
          process.execPath,
          [fileURLToPath(import.meta.url), '--measure', entry, shape],
          { encoding: 'utf8' },
        )
        if (status !== 0) throw new Error(stderr)
        least[index] = Math.min(least[index], Number(stdout))
      }
    const [a, b] = least
    console.log(
      `${shape.padEnd(18)} ${a.toFixed(0).padStart(6)} ${b.toFixed(0).padStart(6)}  ${(b / a).toFixed(2)}`,
    )
  }
}

function* numbers() {
  for (let n = 0; n < ITEMS; n++) yield n
}

function* objects() {
  for (let n = 0; n < ITEMS; n++) yield { n }
}

function three(Builder, op, source = numbers(), concurrency = 1, options = {}) {
  let chain = new Builder().addSource(source)
  for (let stage = 0; stage < 3; stage++) chain = chain.pipe(op, { concurrency, ...options })
  return chain.addSink(64).build()
}

async function each(pipeline) {
  const windows = new Windows()
  await pipeline.forEach(() => windows.item())
  return windows.least
}

async function pull(pipeline) {
  const windows = new Windows()
  for await (const _ of pipeline) windows.item()
  return windows.least
}

async function chunks(pipeline) {
  const windows = new Windows()
  for await (const items of pipeline.chunks()) windows.item(items.length)
  return windows.least
}

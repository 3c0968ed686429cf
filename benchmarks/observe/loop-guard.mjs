// What the loop guard costs: pipelines with it and without, in fresh processes, interleaved.
//   node benchmarks/observe/loop-guard.mjs [--rounds 7] [--node path]
// Prints, for each shape, CPU of the main thread per op call, and of the watching thread as a share of one core. Build first (npm run build).
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    node: { type: 'string', default: process.execPath },
    cell: { type: 'string' },
    guard: { type: 'boolean', default: false },
  },
})

const shapes = {
  // Three ops that cost nothing; four calls an item with the source's. The marker (2 to 5 ns a call) is written in either case.
  async: { items: 400_000, op: () => async (x) => x, concurrency: 16, callsPerItem: 4 },
  sync: { items: 1_500_000, op: () => (x) => x, concurrency: 1, callsPerItem: 4 },
  // A loop that mostly waits: what the watching thread costs an idle program.
  timers: {
    items: 2000,
    op: () => (x) => new Promise((resolve) => setTimeout(resolve, 20, x)),
    concurrency: 16,
    callsPerItem: 4,
  },
}

if (values.cell === undefined) compare()
else console.log(JSON.stringify(await measure(shapes[values.cell], values.guard)))

function compare() {
  const rounds = Number(values.rounds)
  console.log(`${cpus()[0].model}, ${cpus().length} cores; Node ${process.versions.node}; ${rounds} rounds`)
  console.log(
    '| shape | main thread, guard off | on | watching thread, share of a core |\n| --- | --: | --: | --: |',
  )
  for (const name of Object.keys(shapes)) {
    const runs = { off: [], on: [] }
    for (let round = 0; round < rounds; round++) {
      for (const mode of round % 2 === 0 ? ['off', 'on'] : ['on', 'off']) runs[mode].push(runCell(name, mode))
    }
    const of = (mode, key) => median(runs[mode].map((run) => run[key]))
    const ns = (mode) => `${of(mode, 'mainNsPerCall').toFixed(1)} ns a call`
    console.log(`| ${name} | ${ns('off')} | ${ns('on')} | ${(of('on', 'watchShare') * 100).toFixed(2)} % |`)
  }
}

function runCell(name, mode) {
  const args = [fileURLToPath(import.meta.url), '--cell', name, ...(mode === 'on' ? ['--guard'] : [])]
  return JSON.parse(execFileSync(values.node, args, { encoding: 'utf8' }))
}

async function measure({ items, op, concurrency, callsPerItem }, hasGuard) {
  const { PipelineBuilder } = await import('spindle')
  const logger = { warn: () => {}, error: console.error }
  const run = async (n) => {
    let builder = new PipelineBuilder().addSource(function* () {
      for (let i = 0; i < n; i++) yield i
    })
    for (let i = 0; i < 3; i++) builder = builder.pipe(op(), { concurrency, buffer: 16 })
    await builder.build({ logger, ...(hasGuard ? {} : { loopGuard: false }) }).forEach(() => {})
  }
  const first = threads()
  await run(Math.ceil(items / 4))
  const before = threads()
  const startedAt = performance.now()
  await run(items)
  const elapsedMs = performance.now() - startedAt
  const after = threads()
  const used = (thread) => after[thread] - (before[thread] ?? 0)
  const added = Object.keys(after).filter((thread) => !(thread in first))
  return {
    mainNsPerCall: (used(String(process.pid)) * 1e6) / (items * callsPerItem),
    watchShare: added.reduce((sum, thread) => sum + used(thread), 0) / elapsedMs,
  }
}

/** Milliseconds of processor time that each thread of this process has used (Linux). */
function threads() {
  const folder = '/proc/self/task'
  const used = (thread) => Number(readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  return Object.fromEntries(readdirSync(folder).map((thread) => [thread, used(thread)]))
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}

// Three CPU-bound stages back to back, with 150 KB between them: on the loop, each in worker
// threads, and as a region.
//   npm run build && node benchmarks/placement/regions.mjs [--rounds 5] [--items 4000] [--json
//   out.json]
//
// Each cell runs in a fresh process, the rounds are interleaved (A B C … A B C …), and medians are
// printed, with ratios against the loop. `cpu` is that of all threads of the process, without
// worker processes. Each measurement begins with the hundredth result, when all workers are
// running.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const WARM_UP = 100

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    items: { type: 'string', default: '4000' },
    json: { type: 'string' },
    cell: { type: 'string' }, // what the cells' processes are started with
  },
})
const items = Number(options.items)

const cells = {
  loop: 'on the loop',
  executors: 'each stage in 2 threads',
  region1: 'a region of 1 thread',
  region2: 'a region of 2 threads',
  processes: 'a region of 2 processes',
}

if (options.cell === undefined) compare()
else console.log(JSON.stringify(await measureCell(options.cell)))

function compare() {
  const { model } = cpus()[0]
  console.log(
    `${model}, ${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}; Node ${process.version}; ${items} items, ${options.rounds} rounds`,
  )
  const results = Object.fromEntries(Object.keys(cells).map((cell) => [cell, []]))
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const cell of Object.keys(cells)) {
      const args = [fileURLToPath(import.meta.url), '--cell', cell, '--items', String(items)]
      results[cell].push(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })))
    }
  }
  const base = medianOf(results.loop, 'perSecond')
  for (const [cell, title] of Object.entries(cells)) {
    const perSecond = medianOf(results[cell], 'perSecond')
    console.log(
      `${title.padEnd(26)} ${Math.round(perSecond).toString().padStart(7)} items/s  x ${(perSecond / base).toFixed(2)}   cpu ${medianOf(results[cell], 'cpuUs').toFixed(0).padStart(5)} us/item   loop held ${(100 * medianOf(results[cell], 'loopShare')).toFixed(0).padStart(3)} %`,
    )
  }
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify({ items, results }, null, 2))
}

function medianOf(rounds, figure) {
  const sorted = rounds.map((round) => round[figure]).sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

async function measureCell(cell) {
  const { MAIN, PipelineBuilder, ThreadPool, workerModule, workers } = await import('spindle')
  const href = new URL('./regions-ops.mjs', import.meta.url).href
  const ops = workerModule(href)
  const source = new PipelineBuilder().addSource(
    Array.from({ length: items + WARM_UP }, (_, i) => i),
  )
  const pipeAll = (builder, { decode, brighten, measure }, pipeOptions = {}) =>
    builder.pipe(decode, pipeOptions).pipe(brighten, pipeOptions).pipe(measure, pipeOptions)
  let builder
  let pool
  if (cell === 'loop') builder = pipeAll(source, await import(href))
  else if (cell === 'executors') {
    pool = new ThreadPool({ size: 2 })
    builder = pipeAll(source, ops, { executor: pool, concurrency: 4 })
  } else {
    const kind = cell === 'processes' ? 'process' : 'thread'
    builder = pipeAll(source.to(workers({ count: cell === 'region1' ? 1 : 2, kind })), ops).to(MAIN)
  }
  const pipeline = builder.addSink(64).build()
  let seen = 0
  let startedAt
  let cpuAtStart
  let loopAtStart
  await pipeline.forEach(() => {
    if (++seen !== WARM_UP) return
    startedAt = performance.now()
    cpuAtStart = process.cpuUsage()
    loopAtStart = performance.eventLoopUtilization()
  })
  const ms = performance.now() - startedAt
  const { utilization } = performance.eventLoopUtilization(loopAtStart)
  const cpu = process.cpuUsage(cpuAtStart)
  await pool?.close()
  return {
    perSecond: (items * 1000) / ms,
    cpuUs: (cpu.user + cpu.system) / items,
    loopShare: utilization,
  }
}

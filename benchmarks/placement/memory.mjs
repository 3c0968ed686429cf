// Large results from a worker thread, and from a child process, to the main thread: by cloning, by
// transfer, through shared memory.
//   npm run build && node benchmarks/placement/memory.mjs [--rounds 5] [--scale 1] [--only name,…]
//   [--json file]
// Each cell is a process of its own; the ways take turns, round by round; medians are printed.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad, waitForQuiet } from '../engine/machine.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
})
const cell = fileURLToPath(new URL('./memory-cell.mjs', import.meta.url))
const sizes = [
  { bytes: 150_528, count: 12_000, what: '150 KB (224x224x3), 4 in flight' },
  { bytes: 4_816_896, count: 500, what: '4.8 MB (32 of these), 3 in flight' },
]
const ways = [
  'clone',
  'transfer',
  'segments copied',
  'segments in place',
  'context.alloc in place',
  'ring copied',
  'ring in place',
  'ring in place async',
  'process IPC advanced',
  'process file slots',
  'process file slots reused',
].filter((way) => !options.only || options.only.split(',').includes(way))

const results = []
for (const { bytes, count, what } of sizes) {
  const cells = new Map(ways.map((way) => [way, []]))
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const way of ways) {
      await waitForQuiet(1000)
      cells.get(way).push(measure(way, bytes, Math.ceil(count * Number(options.scale))))
    }
  }
  for (const [way, all] of cells) results.push({ what, bytes, way, ...medians(all), cells: all })
}
const report = {
  machine: describeMachine(process.execPath),
  rounds: Number(options.rounds),
  results,
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
print(report)

function measure(way, bytes, count) {
  const run = spawnSync(process.execPath, [cell, way, bytes, count], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`${way} failed: ${run.stderr}`)
  return { ...JSON.parse(run.stdout), load: readLoad() }
}

function medians(cells) {
  const median = (key) => cells.map((one) => one[key]).sort((a, b) => a - b)[cells.length >> 1]
  return { us: median('us'), cpuUs: median('cpuUs'), rssMb: median('rssMb') }
}

function print({ machine: m, rounds, results: rows }) {
  console.log(
    `${m.cpu}, ${m.cores} cores, Node ${m.node}, ${m.commit}, ${m.date}; ${rounds} rounds`,
  )
  for (const what of new Set(rows.map((row) => row.what))) {
    const own = rows.filter((row) => row.what === what)
    const of = (way) => own.find((row) => row.way === way)
    console.log(`\n${what.padEnd(36)} us    GB/s   CPU us   RSS MB   times faster than`)
    for (const { way, bytes, us, cpuUs, rssMb } of own) {
      const base = of(way.startsWith('process') ? 'process IPC advanced' : 'transfer')
      const than = base === undefined ? '' : `${(base.us / us).toFixed(1)} x ${base.way}`
      console.log(
        [
          way.padEnd(28),
          us.toFixed(1).padStart(10),
          (bytes / us / 1000).toFixed(1).padStart(7),
          cpuUs.toFixed(1).padStart(8),
          rssMb.toFixed(0).padStart(8),
          `  ${than}`,
        ].join(' '),
      )
    }
  }
}

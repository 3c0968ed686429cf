// The cost of observation per op call: statistics and marks, the loop guard, and a trace.
//   npm run build && node benchmarks/observe/run.mjs [--rounds 7] [--only sync] [--node path]
//   [--json file]
// Each cell is a process of its own; the modes take turns, round by round. Processor time of the
// main thread; minimum and median of the rounds.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad } from '../engine/machine.mjs'
import { makeBareBuild } from './bare-build.mjs'
import { shapes } from './shapes.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    only: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    json: { type: 'string' },
  },
})
const CELL = fileURLToPath(new URL('cell.mjs', import.meta.url))
const { built, bare } = await makeBareBuild()
const folder = mkdtempSync(join(tmpdir(), 'spindle-observe-'))
/** A trace costs some microseconds a task, so it runs this many times fewer items. */
const TRACED = 20

const modes = {
  nothing: (shape) => [bare, shape, shapes[shape].items],
  statistics: (shape) => [built, shape, shapes[shape].items],
  'with the loop guard': (shape) => [built, shape, shapes[shape].items, 'guard'],
  traced: (shape) => [
    built,
    shape,
    Math.ceil(shapes[shape].items / TRACED),
    'guard',
    `trace=${join(folder, 'trace.json')}`,
  ],
}

const results = {}
try {
  for (const shape of Object.keys(shapes)) {
    if (options.only !== undefined && !shape.includes(options.only)) continue
    const cells = Object.fromEntries(Object.keys(modes).map((mode) => [mode, []]))
    for (let round = 0; round < Number(options.rounds); round++) {
      const order = Object.keys(modes)
      for (const mode of round % 2 === 0 ? order : order.reverse())
        cells[mode].push(runCell(modes[mode](shape)))
    }
    results[shape] = cells
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const machine = describeMachine(options.node)
print()
if (options.json)
  writeFileSync(
    options.json,
    `${JSON.stringify({ machine, rounds: options.rounds, results }, null, 2)}\n`,
  )

function runCell(args) {
  return JSON.parse(
    execFileSync(options.node, ['--expose-gc', CELL, ...args.map(String)], { encoding: 'utf8' }),
  )
}

function print() {
  const { cpu, cores, node, commit, date } = machine
  console.log(
    `${cpu}, ${cores} cores; Node ${node}; ${commit}; ${date}; ${options.rounds} rounds; load ${readLoad()}\n`,
  )
  console.log('ns of the main thread a call, minimum (median):\n')
  console.log(
    '| shape | nothing | statistics | with the loop guard | all but the trace adds | traced | watching thread |',
  )
  console.log(
    '| ----- | ------: | ---------: | ------------------: | ---------------------: | -----: | --------------: |',
  )
  for (const [shape, cells] of Object.entries(results)) {
    const sorted = (mode, key) => cells[mode].map((cell) => cell[key]).sort((a, b) => a - b)
    const least = (mode) => sorted(mode, 'mainNsPerCall')[0]
    const middle = (mode) => median(sorted(mode, 'mainNsPerCall'))
    const both = (mode) => `${least(mode).toFixed(1)} (${middle(mode).toFixed(1)})`
    const all = 'with the loop guard'
    const adds = `${(least(all) - least('nothing')).toFixed(1)} (${(middle(all) - middle('nothing')).toFixed(1)})`
    const watching = `${(median(sorted(all, 'watchShare')) * 100).toFixed(2)} % of a core`
    console.log(
      `| ${[shape, both('nothing'), both('statistics'), both(all), adds, both('traced'), watching].join(' | ')} |`,
    )
  }
}

function median(sorted) {
  return sorted[sorted.length >> 1]
}

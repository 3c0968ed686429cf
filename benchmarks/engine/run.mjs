// Measures Spindle's engine beside its rivals:
//   node benchmarks/engine/run.mjs [--setup] [--quick] [--only name,…] [--rounds n] [--json
//   out.json] [--node path] [--quiet seconds]
//
// Every cell runs in a fresh process, the rounds are interleaved over the implementations (A B C …
// A B C …), and the medians of the rounds are printed, with ratios against Spindle. README.md says
// what is compared.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { listCells } from './cells.mjs'
import { describeMachine, readBusyMs, readLoad, waitForQuiet } from './machine.mjs'
import { PYTHON } from './rivals.mjs'
import { setUp } from './setup.mjs'
import { printTables } from './tables.mjs'
import { checkTargets } from './targets.mjs'

const CELL_LIMIT_MS = 180_000

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false }, // a tenth of the items, one round: whether it runs, not how fast
    only: { type: 'string', default: '' }, // implementations and shapes, by name
    rounds: { type: 'string' },
    json: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    quiet: { type: 'string', default: '0' }, // wait as many seconds before a cell for the machine to be idle
  },
})

if (options.setup) setUp()

const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
const only = options.only.split(',').filter((name) => name !== '')
const { cells, skipped } = await listCells({ only, isQuick: options.quick })
const machine = describeMachine(options.node)
console.log(
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}; Node ${machine.node}; ` +
    `commit ${machine.commit}; ${machine.date}; ${rounds} rounds, ${cells.length} cells`,
)
for (const { id, why } of skipped) console.log(`skipped: ${id} (${why})`)

const startedAt = performance.now()
for (const cell of cells) cell.rounds = []
for (let round = 1; round <= rounds; round++) {
  for (const cell of cells) {
    if (cell.error) continue
    await waitForQuiet(Number(options.quiet) * 1000)
    try {
      cell.rounds.push(await runCell(cell))
    } catch (error) {
      cell.error = String(error.stderr || error.message).trim()
      const lastLine = cell.error.split('\n').find((line) => /Error|error/.test(line)) ?? cell.error
      console.error(
        `failed: ${cell.id} ${cell.shape} ${cell.order} c=${cell.concurrency}: ${lastLine}`,
      )
    }
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.error(`round ${round} of ${rounds} done after ${seconds} s, load ${readLoad()}`)
}

const results = cells.filter((cell) => cell.rounds.length > 0)
for (const cell of results) {
  for (const key of ['nsPerItem', 'cpuNsPerItem', 'maxRssMb', 'foreignCores']) {
    cell[key] = median(cell.rounds.map((round) => round[key]))
  }
}
printTables(results)
const targets = checkTargets(results)
const disturbed = results
  .flatMap((cell) => cell.rounds)
  .filter((round) => round.foreignCores > 0.3).length
const total = results.reduce((sum, cell) => sum + cell.rounds.length, 0)
console.log(`\n${disturbed} of ${total} runs had more than 0.3 of a core used by others.`)
if (options.json) {
  writeFileSync(
    options.json,
    `${JSON.stringify({ machine, rounds, skipped, cells, targets }, null, 2)}\n`,
  )
}

async function runCell({ isPython, id, configuration, shape, order, concurrency, items }) {
  const name = isPython ? configuration : id
  const args = [name, shape === 'long' ? 'async' : shape, order, String(concurrency), String(items)]
  const file = fileURLToPath(new URL(isPython ? 'spdl_cell.py' : 'cell.mjs', import.meta.url))
  const loadBefore = readLoad()
  const busyBefore = readBusyMs()
  const childStartedAt = performance.now()
  const output = await new Promise((resolve, reject) => {
    const command = isPython ? PYTHON : options.node
    const commandArgs = isPython ? [file, ...args] : ['--expose-gc', file, ...args]
    execFile(command, commandArgs, { timeout: CELL_LIMIT_MS }, (error, stdout, stderr) => {
      if (error) reject(Object.assign(error, { stderr }))
      else resolve(stdout)
    })
  })
  const wallMs = performance.now() - childStartedAt
  const { cpuMs, ...measured } = JSON.parse(output.trim().split('\n').at(-1))
  const foreignMs = busyBefore === undefined ? 0 : readBusyMs() - busyBefore - cpuMs
  return { ...measured, loadBefore, foreignCores: Math.max(0, foreignMs / wallMs) }
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

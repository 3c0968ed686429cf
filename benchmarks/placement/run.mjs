// Measures the pools beside their rivals:
//   node benchmarks/placement/run.mjs [--setup] [--quick] [--only group,…] [--rounds n] [--json
//   out.json] [--node path] [--quiet seconds]
//
// Each file of cells/ is a group: contestants that do the same work. Every contestant's run is a
// process of its own, the rounds are interleaved (A B C … A B C …), and medians are printed, with
// ratios. README.md says what is compared.
import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readBusyMs, readLoad, waitForQuiet } from '../engine/machine.mjs'
import { loadPiscina, setUp } from './rivals.mjs'

const CELL_LIMIT_MS = 120_000

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false }, // a tenth of the work, one round: whether it runs, not how fast
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    json: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    quiet: { type: 'string', default: '0' }, // wait as many seconds before a run for the machine to be idle
  },
})

if (options.setup) setUp()
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
const only = options.only.split(',').filter((name) => name !== '')
const groups = await loadGroups()
const machine = describeMachine(options.node)
console.log(
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}; Node ${machine.node}; ` +
    `commit ${machine.commit}; ${machine.date}; ${rounds} rounds`,
)

for (let round = 1; round <= rounds; round++) {
  for (const group of groups) {
    for (const contestant of group.contestants) {
      if (contestant.error !== undefined) continue
      await waitForQuiet(Number(options.quiet) * 1000)
      try {
        contestant.runs.push(await runCell(group.file, contestant.name))
      } catch (error) {
        contestant.error = String(error.stderr || error.message).trim()
        console.error(
          `failed: ${group.file} ${contestant.name}: ${contestant.error.split('\n').at(-1)}`,
        )
      }
    }
  }
  console.error(`round ${round} of ${rounds} done, load ${readLoad()}`)
}

const results = groups.map(summarize)
for (const result of results) print(result)
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ machine, rounds, results }, null, 2)}\n`)

async function loadGroups() {
  const hasPiscina = loadPiscina() !== undefined
  if (!hasPiscina)
    console.log('Piscina is not installed, its cells are skipped: run with --setup once')
  const files = readdirSync(new URL('cells/', import.meta.url)).sort()
  const wanted = files.filter(
    (file) => only.length === 0 || only.includes(file.replace('.mjs', '')),
  )
  return Promise.all(
    wanted.map(async (file) => {
      const { title, unit, contestants, targets = [] } = await import(`./cells/${file}`)
      const names = Object.keys(contestants).filter(
        (name) => hasPiscina || !name.startsWith('piscina'),
      )
      return { file, title, unit, targets, contestants: names.map((name) => ({ name, runs: [] })) }
    }),
  )
}

async function runCell(file, name) {
  const cell = fileURLToPath(new URL('cell.mjs', import.meta.url))
  const busyBefore = readBusyMs()
  const startedAt = performance.now()
  const args = [cell, file, name, options.quick ? '0.1' : '1']
  const output = await new Promise((resolve, reject) => {
    execFile(options.node, args, { timeout: CELL_LIMIT_MS }, (error, stdout, stderr) => {
      if (error) reject(Object.assign(error, { stderr }))
      else resolve(stdout)
    })
  })
  const measured = JSON.parse(output.trim().split('\n').at(-1))
  const foreignMs = busyBefore === undefined ? 0 : readBusyMs() - busyBefore - measured.totalCpuMs
  return { ...measured, foreignCores: Math.max(0, foreignMs / (performance.now() - startedAt)) }
}

function summarize({ file, title, unit, targets, contestants }) {
  const cells = contestants
    .filter(({ runs }) => runs.length > 0)
    .map(({ name, runs }) => ({
      name,
      value: median(runs.map((run) => run.value)),
      cpuUs: median(runs.map((run) => run.cpuUs)),
      maxRssMb: median(runs.map((run) => run.maxRssMb)),
      runs,
    }))
  const figureOf = (name) => cells.find((cell) => cell.name === name)?.value
  const checked = targets.map(({ of, against, atLeast, atMost, value: limit }) => {
    const own = figureOf(of)
    const other = figureOf(against)
    if (limit !== undefined)
      return { target: `${of} <= ${limit} ${unit}`, value: own, isMet: own <= limit }
    if (atMost !== undefined)
      return {
        target: `${of} takes <= ${atMost} of ${against}`,
        value: own / other,
        isMet: own / other <= atMost,
      }
    return {
      target: `${of} >= ${atLeast} x ${against}`,
      value: other / own,
      isMet: other / own >= atLeast,
    }
  })
  return { group: file.replace('.mjs', ''), title, unit, cells, targets: checked }
}

function print({ group, title, unit, cells, targets }) {
  console.log(`\n### ${title} (${group})\n`)
  const width = Math.max(...cells.map(({ name }) => name.length), 10)
  console.log(
    `| ${'contestant'.padEnd(width)} | ${unit.padStart(14)} | CPU us a call | max RSS, MB | others' cores |`,
  )
  console.log(
    `| ${'-'.repeat(width)} | -------------: | ------------: | ----------: | ------------: |`,
  )
  for (const { name, value, cpuUs, maxRssMb, runs } of cells) {
    const columns = [
      name.padEnd(width),
      value.toPrecision(3).padStart(14),
      cpuUs.toPrecision(3).padStart(13),
      maxRssMb.toFixed(0).padStart(11),
      median(runs.map((run) => run.foreignCores))
        .toFixed(1)
        .padStart(13),
    ]
    console.log(`| ${columns.join(' | ')} |`)
  }
  console.log()
  for (const { target, value, isMet } of targets) {
    if (Number.isFinite(value))
      console.log(`${isMet ? 'PASS' : 'FAIL'}  ${target}: ${value.toPrecision(3)}`)
  }
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

// Runs cells in turns, each in a process of its own, and prints medians and ratios.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad } from '../engine/machine.mjs'
import { hasNpmRivals, hasPython, PYTHON, setUp } from './array-rivals.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

/**
 * @param cells { node: 'x-cell.mjs', python: 'x_cell.py' }: programs called with <contestant>
 *   <case> <folder> <milliseconds>
 * @param cases case -> contestants; the first is what the others are compared to. `py:` marks those
 *   of the Python program
 * @param makeInputs puts the files of all cases into a folder
 */
export async function runRounds({ cells, cases, makeInputs }) {
  const { values: options } = parseArgs({
    options: {
      setup: { type: 'boolean' },
      rounds: { type: 'string', default: '5' },
      ms: { type: 'string', default: '300' },
      only: { type: 'string' },
      json: { type: 'string' },
    },
  })
  if (options.setup) setUp()
  if (!hasNpmRivals()) console.warn('the npm packages are not installed: run with --setup')
  if (!hasPython()) console.warn('SPDL is not installed: run with --setup')
  const folder = mkdtempSync(join(tmpdir(), 'spindle-media-'))
  const results = []
  try {
    await makeInputs(folder)
    for (const [name, contestants] of Object.entries(cases)) {
      if (options.only && !name.includes(options.only)) continue
      results.push(...measureCase(name, contestants, folder))
      print(results.filter((row) => row.case === name))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const machine = describeMachine(process.execPath)
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${machine.commit}; load ${readLoad()}`,
  )
  const { rounds, ms } = options
  if (options.json)
    writeFileSync(options.json, `${JSON.stringify({ machine, rounds, ms, results }, null, 2)}\n`)

  function measureCase(name, contestants, inputs) {
    const taken = new Map(contestants.map((contestant) => [contestant, []]))
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const contestant of contestants) {
        const isPython = contestant.startsWith('py:')
        const [program, cell] = isPython ? [PYTHON, cells.python] : [process.execPath, cells.node]
        const args = [join(here, cell), contestant.replace('py:', ''), name, inputs, options.ms]
        const run = spawnSync(program, args, { encoding: 'utf8' })
        if (run.status === 0)
          taken.get(contestant).push(JSON.parse(run.stdout.trim().split('\n').at(-1)))
        else if (round === 0)
          console.warn(`${contestant} failed: ${run.stderr.trim().split('\n').at(-1)}`)
      }
    }
    return [...taken]
      .filter(([, all]) => all.length > 0)
      .map(([contestant, all]) => ({
        case: name,
        contestant: contestant.replace('py:', ''),
        us: median(all.map((one) => one.us)),
        cpuUs: median(all.map((one) => one.cpuUs)),
      }))
  }
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1]
}

function print(rows) {
  const [base] = rows
  if (!base) return
  console.log(`\n${base.case.padEnd(34)} us each      x   CPU us each      x`)
  for (const { contestant, us, cpuUs } of rows) {
    const cells = [us.toFixed(2).padStart(9), (us / base.us).toFixed(1).padStart(6)]
    const cpu = [cpuUs.toFixed(2).padStart(12), (cpuUs / base.cpuUs).toFixed(1).padStart(6)]
    console.log([`  ${contestant}`.padEnd(34), ...cells, ...cpu].join(' '))
  }
}

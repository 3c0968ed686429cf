// Measures what starts cost, each in fresh processes:
//   node benchmarks/start/run.mjs [--setup] [--only imports,worker,…] [--rounds n] [--base folder]
//
// CPU time of the whole process counts (user and system, all threads), the least of interleaved
// rounds. `--base` measures another checkout, built, in the same rounds. README.md says more.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad } from '../engine/machine.mjs'
import { installJavaScriptRivals } from '../engine/setup.mjs'
import { setUp as installPiscina } from '../placement/rivals.mjs'
import { cellsOf, groups } from './groups.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '7' },
    base: { type: 'string' },
  },
})
if (options.setup) {
  installJavaScriptRivals()
  installPiscina()
}

const here = fileURLToPath(new URL('.', import.meta.url))
const checkouts = { now: join(here, '../..'), ...(options.base && { base: options.base }) }
const only = options.only.split(',').filter((name) => name !== '')
const chosen = Object.entries(groups).filter(([name]) => only.length === 0 || only.includes(name))
if (chosen.length === 0) throw new Error(`--only takes ${Object.keys(groups).join(', ')}`)
const { cpu, cores, node, commit, date } = describeMachine(process.execPath)
console.log(`${cpu}, ${cores} cores; Node ${node}; commit ${commit}; ${date}; load ${readLoad()}`)

const runs = chosen.flatMap(([, group]) =>
  cellsOf(group).flatMap((cell) =>
    Object.entries(checkouts)
      .filter(([checkout]) => checkout === 'now' || cell.isOurs)
      .map(([checkout, folder]) => ({ ...cell, group, checkout, folder, least: {} })),
  ),
)
for (let round = 0; round < Number(options.rounds); round++)
  for (const run of runs) if (run.error === undefined) measure(run)

for (const [name, group] of chosen) {
  console.log(`\n### ${group.title} (${name})\n`)
  for (const checkout of Object.keys(checkouts)) {
    const figureOf = (id) =>
      runs.find((run) => run.group === group && run.id === id && run.checkout === checkout)
        ?.least ?? runs.find((run) => run.group === group && run.id === id)?.least
    for (const { text, value, goal } of group.rows(figureOf)) {
      if (Number.isNaN(value)) continue
      const verdict = goal === undefined ? '    ' : value <= goal ? 'PASS' : 'FAIL'
      const label = Object.keys(checkouts).length > 1 ? `${checkout.padEnd(5)}` : ''
      console.log(
        `${verdict}  ${label}${text}: ${value.toFixed(2)}${goal === undefined ? '' : ` (goal ${goal})`}`,
      )
    }
  }
}
for (const { id, error } of runs) if (error !== undefined) console.log(`\n${id}: ${error}`)

/** Runs a cell in a process of its own, and keeps the least of each figure. */
function measure(run) {
  const cell = join(here, 'cells', `${run.file}.mjs`)
  const args = ['--require', join(here, 'report.cjs'), cell, run.folder, ...run.args]
  const { stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 60_000,
  })
  const report = /@start (.*)/.exec(stderr)
  if (status !== 0 || report === null) {
    run.error = stderr.trim().split('\n').slice(-12).join('\n')
    return
  }
  for (const [key, value] of Object.entries(JSON.parse(report[1])))
    run.least[key] = Math.min(run.least[key] ?? Number.POSITIVE_INFINITY, value)
}

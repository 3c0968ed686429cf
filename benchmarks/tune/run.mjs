// How near to the optimum the tuner comes:
//   node benchmarks/tune/run.mjs [--sim] [--engine [--at n]] [--jobs] [--only case,…] [--seeds n]
//   [--vary set,…] [--json]
import { parseArgs } from 'node:util'
import { runEngine } from './engine.mjs'
import { runJobs } from './jobs.mjs'
import { simulateAll } from './simulation.mjs'

const { values } = parseArgs({
  options: {
    sim: { type: 'boolean', default: false },
    engine: { type: 'boolean', default: false },
    jobs: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    // Cases in the engine at once, of those that only wait.
    at: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '3' },
    // Sets of other numbers, each within 30 % of those of the cases.
    vary: { type: 'string', default: '0' },
  },
})
const only = values.only === '' ? [] : values.only.split(',')
const isAll = !values.sim && !values.engine && !values.jobs
if (values.sim || isAll) {
  for (const set of values.vary.split(',').map(Number)) {
    const cases = simulateAll({ only, seeds: Number(values.seeds), set })
    if (values.json) console.log(JSON.stringify(cases.map(({ model, ...rest }) => rest)))
    else print(cases)
  }
}

if (values.engine) {
  const cases = await runEngine({ only, atOnce: Number(values.at) })
  const rows = [
    ['case', 'start', 'optimum', 'at', 'reached', 'worst 5 s', 'slots', 'moves', 'ends at'],
  ]
  for (const { name, optimum, runs } of cases)
    for (const { start, reached, worst, slots, ends, moves } of runs) {
      const most = `${optimum.perSec.toFixed(0)}/s`
      const share = [percent(reached), percent(worst), `${slots.toFixed(2)} x`]
      rows.push([
        name,
        String(start),
        most,
        optimum.bounds.join('+'),
        ...share,
        String(moves.length),
        ends.join('+'),
      ])
    }
  table(rows)
}

if (values.jobs) {
  const rows = [
    ['job', 'fixed', 'best', "'auto' after 30 s", 'of the best', 'first 4 s', 'options'],
  ]
  for (const { name, fixed, best, auto, first, options } of await runJobs({ only })) {
    const grid = fixed
      .map(({ concurrency, perSec }) => `${concurrency}: ${perSec.toFixed(0)}`)
      .join(' ')
    const most = `${best.perSec.toFixed(0)}/s at ${best.concurrency}`
    const shares = [percent(auto / best.perSec), percent(first / best.perSec)]
    rows.push([name, grid, most, `${auto.toFixed(0)}/s`, ...shares, JSON.stringify(options)])
  }
  table(rows)
}

function print(cases) {
  const rows = [
    [
      'case',
      'start',
      'optimum',
      'at',
      'reached',
      '(least)',
      'worst 5 s',
      '(least)',
      'slots',
      '(most)',
      'moves',
      'ends at',
    ],
  ]
  for (const { name, optimum, runs } of cases)
    for (const run of runs)
      rows.push([
        name,
        String(run.start),
        `${optimum.perSec.toFixed(0)}/s`,
        optimum.bounds.join('+'),
        percent(run.reached),
        percent(run.leastReached),
        percent(run.worst),
        percent(run.leastWorst),
        `${run.slots.toFixed(2)} x`,
        `${run.mostSlots.toFixed(2)} x`,
        String(run.moves),
        run.bounds.join('+'),
      ])
  table(rows)
}

function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  '),
    )
}

function percent(share) {
  return `${(share * 100).toFixed(0)} %`
}

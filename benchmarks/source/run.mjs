// Samplers, transforms and sources: how soon they start, and how many indices or items a second
// they give, beside SPDL's samplers.
//   npm run build
//   node benchmarks/source/run.mjs --setup                 once: SPDL and NumPy by pip, into benchmarks/.cache/source
//   node benchmarks/source/run.mjs --rounds 5 --only sampler --json out.json
// Each contestant is a process of its own. They take turns, round by round; medians are printed.
// Tar reading beside SPDL's iter_tarfile and tar-stream is measured by benchmarks/media/tar.mjs.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad } from '../engine/machine.mjs'
import { makeInputs } from './inputs.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    node: { type: 'string', default: process.execPath },
    json: { type: 'string' },
  },
})

const CACHE = fileURLToPath(new URL('../.cache/source', import.meta.url))
const PYTHON = `${CACHE}/bin/python`
// case -> what is measured by cell.mjs, or by cell.py where it begins with `py:`. The first is what
// the others are compared to.
const CASES = {
  'sampler start, to the first index': [
    'start sequential 1e9',
    'start shuffled 1e9',
    'start shuffled 1e7',
    'py:start SPDL deterministic 1e9',
    'py:start SPDL random 1e7',
    'py:start NumPy permutation 1e7',
  ],
  'sampler rate, indices a second of CPU time, start included': [
    'rate sequential 1e7',
    'rate shuffled 1e7',
    'rate replacement 1e7',
    'rate weighted 1e7',
    'py:rate SPDL deterministic 1e7',
    'py:rate SPDL random 1e7',
    'py:rate SPDL weighted 1e7',
  ],
  'sampler rate at 1e9, the first 5e6': ['rate shuffled 1e9', 'rate sequential 1e9'],
  'transforms of an array, items a second of CPU time': [
    'array alone',
    'array shuffled',
    'array buffer',
    'array split',
    'mix of 4 weighted',
    'mix of 4 in turn',
    'stream buffer',
  ],
  'records of a JSON Lines file, a second of CPU time': [
    'readline and JSON.parse',
    'jsonlines in order',
    'manifest in order',
    'manifest buffer',
    'manifest shuffled',
  ],
  'samples of tar shards, a second of CPU time': [
    'webdataset in order',
    'webdataset buffer',
    'webdataset shuffled',
    'iterateTar and groupByKey',
  ],
}

if (options.setup) setUp()
if (!existsSync(PYTHON)) console.warn('SPDL is not installed: run with --setup')
const folder = mkdtempSync(join(tmpdir(), 'spindle-source-'))
const results = {
  machine: describeMachine(options.node),
  loads: [readLoad()],
  rounds: Number(options.rounds),
  cases: {},
}
try {
  await makeInputs(folder)
  for (const [name, contestants] of Object.entries(CASES)) {
    if (!name.includes(options.only)) continue
    results.cases[name] = race(contestants)
    print(name, results.cases[name])
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
results.loads.push(readLoad())
const { cpu, cores, node, commit } = results.machine
console.log(`\n${cpu}, ${cores} cores, Node ${node}, ${commit}; load ${results.loads.join(' to ')}`)
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)

function race(contestants) {
  const taken = new Map()
  for (let round = 0; round < results.rounds; round++) {
    for (const contestant of contestants) {
      const isPython = contestant.startsWith('py:')
      if (isPython && !existsSync(PYTHON)) continue
      const cell = fileURLToPath(new URL(isPython ? 'cell.py' : 'cell.mjs', import.meta.url))
      const args = [cell, contestant.replace('py:', ''), folder]
      const run = spawnSync(isPython ? PYTHON : options.node, args, { encoding: 'utf8' })
      if (run.status === 0)
        taken.set(contestant, [...(taken.get(contestant) ?? []), Number(run.stdout)])
      else if (round === 0)
        console.warn(`${contestant} failed: ${run.stderr.trim().split('\n').at(-1)}`)
    }
  }
  return [...taken].map(([contestant, values]) => ({
    contestant,
    median: medianOf(values),
    values,
  }))
}

/** Cells of starts print milliseconds, all others a rate. */
function print(name, rows) {
  console.log(`\n${name}`)
  for (const { contestant, median } of rows) {
    const figure = name.includes('start, to')
      ? `${median.toFixed(2)} ms`
      : `${(median / 1e6).toFixed(3)} M/s`
    console.log(
      `  ${contestant.padEnd(36)} ${figure.padStart(12)}  ${(median / rows[0].median).toFixed(2)} x`,
    )
  }
}

function medianOf(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return (
    (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2
  )
}

function setUp() {
  mkdirSync(CACHE, { recursive: true })
  const run = (...args) => spawnSync(args[0], args.slice(1), { stdio: 'inherit' }).status === 0
  const packages = ['spdl-core==0.8.0', 'numpy==2.4.6']
  if (
    !run('python3', '-m', 'venv', CACHE) ||
    !run(PYTHON, '-m', 'pip', 'install', '--quiet', ...packages)
  )
    console.warn('Python, pip or a package is missing; SPDL will be skipped')
}

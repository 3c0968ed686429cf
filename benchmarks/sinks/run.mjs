// Sinks: how fast shards are written, beside one sequential `write` of the same bytes, webdataset's
// ShardWriter and litdata's optimize.
//   npm run build
//   node benchmarks/sinks/run.mjs --setup                webdataset and litdata by pip, into benchmarks/.cache/sinks
//   node benchmarks/sinks/run.mjs --rounds 5 --json out.json      about 3 minutes
// Each contestant is a process of its own, and they take turns; medians are printed. 2000 samples
// of 128 KiB (tar), 500 batches of 256 rows with 256 float32 (npy), all in a folder beside this
// file.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad } from '../engine/machine.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
})
const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const CACHE = here('../.cache/sinks')
const PYTHON = `${CACHE}/bin/python`
// case -> contestants; the first is what the others are compared to.
const CASES = {
  tar: [
    'write tar',
    'tarShards digest',
    'tarShards plain',
    'py:webdataset ShardWriter',
    'py:litdata optimize',
  ],
  npy: ['write npy', 'npyShards digest', 'npyShards plain', 'npyFile plain'],
  jsonl: ['write jsonl', 'jsonlShards digest', 'jsonlShards plain'],
}

if (options.setup) setUp()
if (!existsSync(PYTHON)) console.warn('webdataset and litdata are not installed: run with --setup')
mkdirSync(here('../.cache'), { recursive: true })
const results = { machine: describeMachine(process.execPath), loads: [readLoad()], cases: {} }
for (const [name, contestants] of Object.entries(CASES)) {
  if (!name.includes(options.only)) continue
  results.cases[name] = race(contestants)
  print(name, results.cases[name])
}
results.loads.push(readLoad())
const { cpu, cores, node, commit } = results.machine
console.log(`\n${cpu}, ${cores} cores, Node ${node}, ${commit}; load ${results.loads.join(' to ')}`)
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)

function race(contestants) {
  const taken = new Map()
  for (let round = 0; round < Number(options.rounds); round++)
    for (const contestant of contestants) {
      const isPython = contestant.startsWith('py:')
      if (isPython && !existsSync(PYTHON)) continue
      const folder = mkdtempSync(here('../.cache/sink-'))
      const args = [
        here(isPython ? 'cell.py' : 'cell.mjs'),
        contestant.replace('py:', ''),
        join(folder, 'out'),
      ]
      const run = spawnSync(isPython ? PYTHON : process.execPath, args, { encoding: 'utf8' })
      rmSync(folder, { recursive: true, force: true })
      const last = run.stdout.trim().split('\n').at(-1)
      if (run.status === 0)
        taken.set(contestant, [...(taken.get(contestant) ?? []), JSON.parse(last)])
      else if (round === 0) console.warn(`${contestant} failed: ${run.stderr.trim().slice(-400)}`)
    }
  return [...taken].map(([contestant, values]) => ({
    contestant,
    mbPerSec: medianOf(values.map(({ mb, seconds }) => mb / seconds)),
    cpuSec: medianOf(values.map(({ cpuSeconds }) => cpuSeconds)),
  }))
}

function print(name, rows) {
  console.log(`\n${name}`)
  for (const { contestant, mbPerSec, cpuSec } of rows)
    console.log(
      `  ${contestant.padEnd(28)} ${mbPerSec.toFixed(0).padStart(6)} MB/s  ${cpuSec.toFixed(2)} CPU s  ${(mbPerSec / rows[0].mbPerSec).toFixed(2)}`,
    )
}

function medianOf(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function setUp() {
  mkdirSync(CACHE, { recursive: true })
  for (const [program, args] of [
    ['python3', ['-m', 'venv', CACHE]],
    [`${CACHE}/bin/pip`, ['install', '-q', 'webdataset==1.0.2', 'numpy']],
    // Brings PyTorch: some hundreds of megabytes. Without it, the others are measured.
    [`${CACHE}/bin/pip`, ['install', '-q', 'litdata==0.2.76']],
  ]) {
    const { status } = spawnSync(program, args, { stdio: 'inherit' })
    if (status !== 0) console.warn(`${program} ${args.join(' ')} failed`)
  }
}

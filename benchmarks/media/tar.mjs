// Reads a tar archive of many small members beside its rivals.
//   npm run build
//   node benchmarks/media/tar.mjs --setup            once: tar-stream by npm, SPDL by pip, into benchmarks/.cache
//   node benchmarks/media/tar.mjs --rounds 15 --members 10000 --json out.json
//   node benchmarks/media/tar.mjs --only 'SPDL file|reuse'                      some of them
//   node benchmarks/media/tar.mjs --node "$(node scripts/node-versions.mjs 24)"    on another Node
// Each contestant is a process of its own. They take turns, round by round, in a changing order.
// The minimum CPU time of the rounds is compared, because other processes only add to it.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad, waitForQuiet } from '../engine/machine.mjs'
import { CACHE, setUp } from './rivals.mjs'
import { PYTHON } from './setup.mjs'
import { makeTar } from './tar-input.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    members: { type: 'string', default: '10000' },
    only: { type: 'string', default: '' },
    node: { type: 'string', default: process.execPath },
    json: { type: 'string' },
  },
})
if (options.setup) setUp()

const WARM_UP = 3
const GROUPS = {
  memory: ['SPDL memory', 'iterateTarSync memory', 'iterateTar memory', 'tar-stream memory'],
  file: [
    'SPDL file',
    'Python tarfile file',
    'iterateTarSync file',
    'iterateTarSync file views',
    'iterateTarSync file reuse',
    'iterateTar file',
    'iterateTar file reuse',
    'iterateTar file views',
    'TarIndexSync file',
    'tar-stream file',
  ],
}

const members = Number(options.members)
const path = join(CACHE, `members-${members}.tar`)
mkdirSync(CACHE, { recursive: true })
if (!existsSync(path)) makeTar(path, members)
const results = {
  machine: describeMachine(options.node),
  members,
  bytes: statSync(path).size,
  loads: [readLoad()],
  groups: {},
}
for (const [group, tasks] of Object.entries(GROUPS)) {
  const rows = await race(tasks)
  if (rows.length > 0) results.groups[group] = rows
}
results.loads.push(readLoad())
console.log(
  `${results.machine.cpu}, ${results.machine.cores} cores, Node ${results.machine.node}; load ${results.loads.join(' to ')}`,
)
console.log(
  `${members} members, ${(results.bytes / 2 ** 20).toFixed(0)} MiB, ${options.rounds} rounds`,
)
for (const [group, rows] of Object.entries(results.groups)) print(group, rows)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)

async function race(tasks) {
  const cells = tasks
    .filter((task) => new RegExp(options.only).test(task))
    .map((task) => ({ task, cell: startCell(task), times: [], cpu: [] }))
    .filter(({ cell }) => cell !== undefined)
  await waitForQuiet(5000)
  for (let round = -WARM_UP; round < Number(options.rounds); round++) {
    for (let i = 0; i < cells.length; i++) {
      const { cell, times, cpu } = cells[(i + round + WARM_UP) % cells.length]
      const { ms, cpuMs } = await cell.run()
      if (round < 0) continue
      times.push(ms)
      cpu.push(cpuMs)
    }
  }
  for (const { cell } of cells) cell.stop()
  return cells.map(({ task, times, cpu }) => ({
    task,
    ms: median(times),
    best: Math.min(...times),
    cpuMs: Math.min(...cpu),
  }))
}

function startCell(task) {
  const isPython = /^(SPDL|Python)/.test(task)
  if (isPython && !existsSync(PYTHON)) {
    console.warn(`${task} is left out: run with --setup first`)
    return undefined
  }
  const file = fileURLToPath(new URL(isPython ? 'tar_cell.py' : 'tar-cell.mjs', import.meta.url))
  const child = spawn(isPython ? PYTHON : options.node, [file, task, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async run() {
      child.stdin.write('go\n')
      const { value, done } = await lines.next()
      if (done) throw new Error(`${task} ended`)
      return JSON.parse(value)
    },
    stop: () => child.stdin.end(),
  }
}

function print(group, rows) {
  const spdl = rows.find(({ task }) => task.startsWith('SPDL'))
  const tarStream = rows.find(({ task }) => task.startsWith('tar-stream'))
  console.log(
    `\nfrom ${group}: CPU ms for all, least; its ratio to SPDL's and tar-stream's; elapsed ms, median (least)`,
  )
  for (const { task, ms, best, cpuMs } of rows) {
    const ratio = (rival) =>
      (rival === undefined ? '' : (cpuMs / rival.cpuMs).toFixed(2)).padStart(6)
    console.log(
      `${task.padEnd(27)} ${cpuMs.toFixed(1).padStart(8)} ${ratio(spdl)} ${ratio(tarStream)} ` +
        `${ms.toFixed(1).padStart(10)} (${best.toFixed(1)})`,
    )
  }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

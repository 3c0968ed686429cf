// The table of media figures in the README: CPU per image as a multiple of Spindle's, files on disk
// to batches of 32 RGB images of 224x224.
//   npm run build && node benchmarks/media/readme.mjs [--setup] [--images 400] [--rounds 3] [--json
//   file]
// Contestants take turns, round by round, each in a process of its own. The script prints medians
// over the rounds, with minimum and maximum. Ratios are taken within a round, so that a disturbance
// of both cancels out. It also prints how much of the cores other programs used.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readBusyMs } from '../engine/machine.mjs'
import { contestants } from './images/contestants.mjs'
import { makeInputs } from './images/inputs.mjs'
import { setUp } from './setup.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean' },
    images: { type: 'string', default: '400' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
})
if (options.setup) setUp()

const SETS = ['jpeg 500x375', 'jpeg 1920x1080']
const OWN = 'spindle CHW'
/** Their names in the README; each set without those that do not take part in it. */
const NAMES = {
  'C, libjpeg-turbo CHW': 'C program on libjpeg-turbo',
  'PIL with draft()': 'Pillow, `draft()`',
  PIL: 'Pillow',
  SPDL: 'SPDL',
  'ffmpeg command': 'the ffmpeg command',
  'sharp alone': 'sharp',
}

const here = fileURLToPath(new URL('images/', import.meta.url))
const machine = describeMachine(process.execPath)
const rounds = Number(options.rounds)
const inputs = await makeInputs(Number(options.images), SETS)
const wanted = contestants.filter(({ name }) => name === OWN || name in NAMES)
const startedAt = performance.now()
const before = { busy: readBusyMs(), own: childMs() }
const cells = []
try {
  for (let round = 0; round < rounds; round++)
    for (const set of inputs.sets) for (const contestant of wanted) measure(contestant, set, round)
} finally {
  inputs.remove()
}
const seconds = (performance.now() - startedAt) / 1000
print()

function measure({ name, command, sets, missing }, set, round) {
  if ((sets && !sets.includes(set.name)) || missing()) return
  const [program, ...args] = command(set.folder, availableParallelism())
  const run = spawnSync(program, args, {
    cwd: here,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (run.status !== 0) {
    console.warn(`${name} failed on ${set.name}: ${(run.stderr ?? '').trim().split('\n').at(-1)}`)
    return
  }
  const { images, cpuSeconds } = JSON.parse(run.stdout.trim().split('\n').at(-1))
  cells.push({ set: set.name, name, round, cpuMs: (cpuSeconds * 1000) / images })
}

function print() {
  const others = (readBusyMs() - before.busy - (childMs() - before.own)) / 1000 / seconds
  const { cpu, cores, node, commit, date } = machine
  const disturbed = Number.isFinite(others)
    ? `others used ${Math.max(0, others).toFixed(2)} cores meanwhile`
    : 'others unknown'
  console.log(
    `${cpu}, ${cores} cores, Node ${node}, ${commit}, ${date.slice(0, 10)}; ${rounds} rounds; ${disturbed}\n`,
  )
  console.log(
    `| CPU per image, Spindle's = 1 | ${SETS.map((set) => set.replace('jpeg', 'JPEG')).join(' | ')} |`,
  )
  console.log('|---|---|---|')
  for (const [name, title] of Object.entries(NAMES))
    console.log(`| ${[title, ...SETS.map((set) => ratio(set, name))].join(' | ')} |`)
  const own = SETS.map((set) => `${median(timesOf(set, OWN)).toFixed(2)} ms`)
  console.log(`| Spindle, in ms | ${own.join(' | ')} |`)
  if (options.json)
    writeFileSync(options.json, `${JSON.stringify({ machine, rounds, others, cells }, null, 2)}\n`)
}

function ratio(set, name) {
  const ratios = cells
    .filter((cell) => cell.set === set && cell.name === name)
    .flatMap(({ round, cpuMs }) => {
      const own = cells.find(
        (cell) => cell.set === set && cell.name === OWN && cell.round === round,
      )
      return own === undefined ? [] : [cpuMs / own.cpuMs]
    })
  if (ratios.length === 0) return '–'
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
  return `${median(ratios).toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
}

function timesOf(set, name) {
  return cells.filter((cell) => cell.set === set && cell.name === name).map(({ cpuMs }) => cpuMs)
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

/**
 * CPU time of this process and of the children that it has waited for; fields 14 to 17 of
 * /proc/self/stat.
 */
function childMs() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0)
  } catch {
    return Number.NaN
  }
}

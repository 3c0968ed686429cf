// Whole jobs beside their rivals: images to batches, video and audio, each as a whole process.
//   npm ci && npm run build
//   node benchmarks/end-to-end/run.mjs --setup            once: rivals into benchmarks/.cache; then all
//   node benchmarks/end-to-end/run.mjs [--rounds 3] [--jobs uint8-0,audio] [--only SPDL,loadImage]
//   [--images 1680] [--json out.json]
//   node benchmarks/end-to-end/run.mjs --table out.json   the tables of docs/benchmarks.md
// The contestants take turns, round by round. Each figure is the least of its rounds; wall time
// has the cores that others used in that round beside it.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, waitForQuiet } from '../engine/machine.mjs'
import { findJobs } from './contestants.mjs'
import { inputFolder, makeClips, makePhotos, makeSounds, makeTars } from './inputs.mjs'
import { runCell } from './process.mjs'
import { setUp, versions } from './rivals.mjs'
import { tableOf } from './table.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean' },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string' },
    only: { type: 'string' },
    images: { type: 'string', default: '1680' },
    json: { type: 'string' },
    table: { type: 'string' },
  },
})
if (options.table) {
  console.log(tableOf(JSON.parse(readFileSync(options.table, 'utf8'))))
  process.exit()
}
if (options.setup) setUp()

const cells = fileURLToPath(new URL('cells/', import.meta.url))
const wantedJobs = options.jobs?.split(',')
const wanted = options.only?.split(',')
const jobs = Object.entries(findJobs()).filter(([name]) => wantedJobs?.includes(name) ?? true)
const { root, remove } = inputFolder()
const report = {
  machine: describeMachine(process.execPath),
  versions: versions(),
  rounds: Number(options.rounds),
  images: Number(options.images),
  results: [],
}
try {
  const inputs = await makeInputs()
  const noted = new Set()
  for (const [job, { title, args, contestants }] of jobs) {
    const running = contestants.filter(({ name, missing }) => {
      if (missing && !noted.has(name)) console.warn(`skipped: ${name} (${missing})`)
      if (missing) noted.add(name)
      return !missing && (wanted?.some((part) => name.includes(part)) ?? true)
    })
    const rows = await measure(running, args(inputs), inputs)
    report.results.push({ job, title, rows })
    console.log(`\n${tableOf({ ...report, results: report.results.slice(-1) })}`)
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  }
} finally {
  remove()
}

async function makeInputs() {
  const photos = makePhotos(root, Number(options.images))
  const needs = (...parts) => jobs.some(([name]) => parts.some((part) => name.startsWith(part)))
  return {
    photos,
    tars: needs('uint8', 'float32') ? await makeTars(root, photos) : undefined,
    clips: needs('video') ? await makeClips(root) : undefined,
    sounds: needs('audio') ? makeSounds(root) : undefined,
  }
}

/** Runs the contestants in turns, and gives a row for each: the least of its rounds. */
async function measure(running, args, inputs) {
  const rounds = new Map(running.map(({ name }) => [name, []]))
  for (let round = 0; round < report.rounds; round++) {
    for (const { name, command, env } of running) {
      await waitForQuiet(2000)
      try {
        const cell = await runCell(command(inputs, ...args), { cwd: cells, env })
        rounds.get(name).push(cell)
      } catch (error) {
        console.warn(`${name} failed: ${error.message}`)
      }
    }
  }
  return [...rounds]
    .filter(([, all]) => all.length > 0)
    .map(([name, all]) => {
      const least = (key) => Math.min(...all.map((cell) => cell[key]))
      const fastest = all.find((cell) => cell.seconds === least('seconds'))
      return {
        name,
        cpuSeconds: least('cpuSeconds'),
        seconds: fastest.seconds,
        others: fastest.others,
        firstMs: least('firstMs'),
        rssMb: least('rssMb'),
        items: fastest.items,
        mean: fastest.mean,
        rounds: all,
      }
    })
}

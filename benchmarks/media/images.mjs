// Images per second, and CPU per image, beside others: files on disk to batches of 32 RGB images of
// 224x224.
//   npm run build && node benchmarks/media/images.mjs [--setup] [--images 1000] [--rounds 5]
//   [--sets name,…] [--photos folder] [--only 'name;…'] [--json file]
// Each cell is a process of its own; the contestants take turns, round by round; medians are
// printed.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, readLoad, waitForQuiet } from '../engine/machine.mjs'
import { contestants } from './images/contestants.mjs'
import { makeInputs } from './images/inputs.mjs'
import { setUp } from './setup.mjs'

const { values: options } = parseArgs({
  options: {
    setup: { type: 'boolean' },
    images: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    sets: { type: 'string' },
    photos: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
})
if (options.setup) setUp()

const here = fileURLToPath(new URL('images/', import.meta.url))
const machine = describeMachine(process.execPath)
const inputs = await makeInputs(Number(options.images), options.sets?.split(','), options.photos)
const wanted = contestants.filter(
  ({ name }) => !options.only || options.only.split(';').includes(name),
)
const results = []
try {
  for (const set of inputs.sets) results.push(...(await measureSet(set)))
} finally {
  inputs.remove()
}
const report = { machine, images: Number(options.images), rounds: Number(options.rounds), results }
if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
print(report)

async function measureSet(set) {
  const running = wanted.filter(
    ({ sets, missing }) => (!sets || sets.includes(set.name)) && !missing(),
  )
  for (const { name, missing } of wanted)
    if (missing()) console.warn(`skipped: ${name} (${missing()})`)
  const cells = new Map(running.map(({ name }) => [name, []]))
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const contestant of running) {
      await waitForQuiet(3000)
      const cell = measure(contestant, set)
      if (cell) cells.get(contestant.name).push(cell)
    }
  }
  return [...cells].map(([name, all]) => ({ set: set.name, name, ...summarise(all), cells: all }))
}

function measure({ name, command }, set) {
  const [program, ...args] = command(set.folder, availableParallelism())
  const load = readLoad()
  const run = spawnSync(program, args, {
    cwd: here,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (run.status !== 0) {
    console.warn(
      `${name} failed on ${set.name}: ${(run.stderr ?? String(run.error)).trim().split('\n').at(-1)}`,
    )
    return undefined
  }
  const { images, seconds, cpuSeconds, rssMb } = JSON.parse(run.stdout.trim().split('\n').at(-1))
  return { images, perSecond: images / seconds, cpuMs: (cpuSeconds * 1000) / images, rssMb, load }
}

function summarise(cells) {
  const of = (key) => cells.map((cell) => cell[key]).sort((a, b) => a - b)
  const median = (key) => of(key)[cells.length >> 1]
  return {
    images: median('images'),
    perSecond: median('perSecond'),
    most: of('perSecond').at(-1),
    cpuMs: median('cpuMs'),
    rssMb: median('rssMb'),
  }
}

function print({ machine: m, images, rounds, results: rows }) {
  console.log(
    `${m.cpu}, ${m.cores} cores, ${m.memoryGb} GB, ${m.platform}, Node ${m.node}, ${m.commit}, ${m.date}`,
  )
  console.log(`${images} images a set, ${rounds} rounds; load average ${readLoad()} at the end`)
  for (const set of new Set(rows.map((row) => row.set))) {
    const own = rows.filter((row) => row.set === set)
    const base = own.find((row) => row.name === 'spindle CHW') ?? own[0]
    console.log(
      `\n${set.padEnd(22)} images/s (most)     x      CPU ms/image    x     RSS MB   images`,
    )
    for (const row of own) {
      if (row.perSecond === undefined) continue
      console.log(
        [
          row.name.padEnd(22),
          `${row.perSecond.toFixed(0).padStart(6)} (${row.most.toFixed(0)})`.padEnd(16),
          (row.perSecond / base.perSecond).toFixed(2).padStart(6),
          row.cpuMs.toFixed(2).padStart(13),
          (row.cpuMs / base.cpuMs).toFixed(2).padStart(9),
          row.rssMb.toFixed(0).padStart(9),
          String(row.images).padStart(8),
        ].join(' '),
      )
    }
  }
}

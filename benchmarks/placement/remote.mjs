// Whole pipelines in workers and processes, beside the same pipelines on the caller's loop, fork()
// and SPDL.
//   node remote.mjs [small] [blocked] [steps] [buffers] [--rounds 5] [--scale 1]
// Each round measures every cell once, in turn. The script prints medians, as a table and as JSON.
// SPDL needs `node ../engine/run.mjs --setup`.
import { execFile, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { runPipelineInProcess, runPipelineInWorker } from 'spindle'
import { describeMachine, readLoad } from '../engine/machine.mjs'
import { PYTHON } from '../engine/rivals.mjs'
import * as loaders from './remote-loaders.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, scale: { type: 'string', default: '1' } },
})
const rounds = Number(values.rounds)
const scale = Number(values.scale)
const href = import.meta.resolve('./remote-loaders.mjs')
const places = { worker: runPipelineInWorker, process: runPipelineInProcess }

const groups = { small, blocked, steps, buffers }
const chosen = positionals.length > 0 ? positionals : Object.keys(groups)
const results = {}
for (const name of chosen) {
  const { unit, cells } = groups[name]()
  const figures = new Map(Object.keys(cells).map((cell) => [cell, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [cell, measure] of Object.entries(cells)) figures.get(cell).push(await measure())
  }
  const medians = Object.fromEntries([...figures].map(([cell, all]) => [cell, median(all)]))
  results[name] = { unit, ...medians }
  console.log(`\n${name}, ${unit}`)
  for (const [cell, figure] of Object.entries(medians))
    console.log(`  ${cell.padEnd(44)} ${print(figure)}`)
}
console.log(
  `\n${JSON.stringify({ machine: describeMachine(process.execPath), load: readLoad(), rounds, results })}`,
)

/** Small objects and numbers. Each cell keeps its pipeline: the first round warms it up. */
function small() {
  const count = Math.round(200_000 * scale)
  const cells = {}
  for (const isObject of [true, false]) {
    const what = isObject ? 'objects' : 'numbers'
    const args = { count, isObject }
    cells[`${what}, caller's loop, for await`] = () =>
      perItem(count, loaders.small(args).build(), false)
    for (const [place, run] of Object.entries(places)) {
      const loader = run(href, { export: 'small', args })
      cells[`${what}, ${place}, for await`] = () => perItem(count, loader, false)
      cells[`${what}, ${place}, for`] = () => perItem(count, loader, true)
    }
  }
  if (existsSync(PYTHON)) {
    cells['objects, SPDL subprocess, one by one'] = () => spdl(0, 64)
    cells['objects, SPDL subprocess, 64 a message'] = () => spdl(64, 8)
  }
  return { unit: 'us an item', cells }
}

async function spdl(batch, bufferSize) {
  const script = fileURLToPath(new URL('./remote_spdl.py', import.meta.url))
  const { stdout } = await promisify(execFile)(PYTHON, [
    script,
    String(5000),
    String(batch),
    String(bufferSize),
  ])
  return JSON.parse(stdout).usPerItem
}

/** The remaining throughput when the consumer blocks its loop for 50 of every 60 ms. */
function blocked() {
  const ms = 2000 * scale
  const buffer = 2048
  const kept = async (open, isSync) => {
    const free = await rate(await open(), isSync, ms, false)
    const held = await rate(await open(), isSync, ms, true)
    return (100 * held) / free
  }
  const worker = async () => {
    const loader = runPipelineInWorker(href, {
      export: 'waiting',
      args: { buffer },
      bufferSize: buffer,
    })
    await loader.start()
    return loader
  }
  return {
    unit: '% of the throughput kept',
    cells: {
      "caller's loop, for await": () => kept(() => loaders.waiting({ buffer }).build(), false),
      'worker, for await': () => kept(worker, false),
      'worker, for': () => kept(worker, true),
    },
  }
}

async function rate(loader, isSync, ms, holds) {
  let items = 0
  let startedAt = 0
  let freeSince = 0
  /** Whether to go on. */
  const took = () => {
    const now = performance.now()
    // Does not count results that were ready at the start.
    if (startedAt === 0) startedAt = freeSince = now
    items++
    if (holds && now - freeSince >= 10) {
      hold(50)
      freeSince = performance.now()
    }
    return now - startedAt < ms
  }
  if (isSync) {
    for (const _ of loader) if (!took()) break
  } else {
    for await (const _ of loader) if (!took()) break
  }
  const perSecond = (items * 1000) / (performance.now() - startedAt)
  await loader.stop()
  return perSecond
}

/** How long a training step, 50 ms of synchronous work, waits for its batch. */
function steps() {
  const count = Math.round(40 * scale)
  const wait = async (loader, isSync) => {
    const waits = []
    let at = 0
    const step = () => {
      if (at > 0) waits.push(performance.now() - at)
      hold(50)
      at = performance.now()
      return waits.length < count
    }
    if (isSync) {
      for (const _ of loader) if (!step()) break
    } else {
      for await (const _ of loader) if (!step()) break
    }
    await loader.stop()
    // During the first steps the pipeline is still filling.
    const settled = waits.slice(5)
    return settled.reduce((sum, one) => sum + one, 0) / settled.length
  }
  const cells = { "caller's loop, for await": () => wait(loaders.steps().build(), false) }
  for (const [place, run] of Object.entries(places)) {
    cells[`${place}, for await`] = () => wait(run(href, { export: 'steps' }), false)
    cells[`${place}, for`] = () => wait(run(href, { export: 'steps' }), true)
  }
  return { unit: 'ms that a step waits, mean', cells }
}

/** Buffers from a process. */
function buffers() {
  const cells = {}
  for (const [what, bytes, items, ahead] of [
    ['150 KB', 150_528, 4000, 54],
    ['4.8 MB', 4_816_896, 150, 3],
  ]) {
    const count = Math.round(items * scale)
    cells[`${what}, fork, advanced serialisation`] = () => forked(bytes, count, ahead)
    for (const [place, run] of Object.entries(places)) {
      // In a thread, the same buffers can be sent again only as copies.
      const options = { export: 'buffers', args: { bytes, count }, transfer: false }
      const loader = run(href, options)
      cells[`${what}, ${place}, for await`] = () => perItem(count, loader, false)
      cells[`${what}, ${place}, for`] = () => perItem(count, loader, true)
    }
  }
  return { unit: 'us an item', cells }
}

async function forked(bytes, count, ahead) {
  const script = fileURLToPath(new URL('./remote-fork.mjs', import.meta.url))
  const child = fork(script, [bytes, count, ahead], { serialization: 'advanced' })
  let items = 0
  let startedAt = 0
  await new Promise((resolve) => {
    child.on('message', () => {
      if (items++ === 0) startedAt = performance.now()
      if (items % Math.ceil(ahead / 2) === 0) child.send(items)
      if (items === count) resolve()
    })
    child.send(0)
  })
  const elapsedMs = performance.now() - startedAt
  child.kill()
  return (elapsedMs * 1000) / count
}

async function perItem(count, loader, isSync) {
  let items = 0
  let startedAt = 0
  const took = () => {
    if (items++ === 0) startedAt = performance.now()
  }
  if (isSync) for (const _ of loader) took()
  else for await (const _ of loader) took()
  if (items !== count) throw new Error(`${items} items instead of ${count}`)
  return ((performance.now() - startedAt) * 1000) / count
}

function hold(ms) {
  const until = performance.now() + ms
  while (performance.now() < until);
}

function median(all) {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
}

function print(figure) {
  return figure >= 100 ? figure.toFixed(0) : figure.toFixed(2)
}

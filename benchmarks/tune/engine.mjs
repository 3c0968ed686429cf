// The cases in the real engine and in real time: under the bounds that the simulator found best,
// then with the tuner from each start.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CASES } from './cases.mjs'
import { ENGINE_CASES } from './engine-cases.mjs'
import { search } from './simulation.mjs'

const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('engine-run.mjs', import.meta.url))
const STARTS = [1, 8, 64]
const PER_SEC = 4

/**
 * @param {{ only: string[], atOnce: number }} options `atOnce`: cases that only wait may share a
 * machine; those that use its cores run alone.
 */
export async function runEngine({ only, atOnce }) {
  const names = Object.keys(ENGINE_CASES).filter((name) => only.length === 0 || only.includes(name))
  const results = []
  const waiting = names.filter((name) => ENGINE_CASES[name].usesCores !== true)
  for (let at = 0; at < waiting.length; at += atOnce)
    results.push(...(await Promise.all(waiting.slice(at, at + atOnce).map(runCase))))
  for (const name of names)
    if (ENGINE_CASES[name].usesCores === true) results.push(await runCase(name))
  return results
}

async function runCase(name) {
  const testCase = CASES.find((one) => one.name === name)
  const optimum = search(testCase)
  const fromSec = ENGINE_CASES[name].drift === undefined ? 30 : 60
  // What a neighbour leaves depends on the time: the same seconds are compared.
  const isInStep = ENGINE_CASES[name].hasNeighbour === true
  const fixedSec = isInStep ? fromSec + 15 : fromSec - 30 + 15
  const fixed = await measure(name, optimum.bounds.join('+'), fixedSec, 'off')
  const perSec = rate(fixed.counts, isInStep ? fromSec : fixedSec - 10, fixedSec)
  const runs = []
  const bounds = (start) => optimum.bounds.map(() => start).join('+')
  const runFrom = async (start) => {
    const own = await measure(name, bounds(start), isInStep ? fromSec + 15 : 15, 'off')
    const tuned = await measure(name, bounds(start), fromSec + 15, 'on')
    const reached = rate(tuned.counts, fromSec, fromSec + 15) / perSec
    const startPerSec = rate(own.counts, 5, 15)
    const end = ENGINE_CASES[name].drift === undefined ? fromSec + 15 : 30
    const shares = Array.from({ length: Math.floor((end - 5) / 5) }, (_, i) => {
      const [from, to] = [5 + i * 5, 10 + i * 5]
      const before = isInStep ? rate(own.counts, from, to) : startPerSec
      return rate(tuned.counts, from, to) / before
    })
    const slots = tuned.slots.reduce((all, one) => all + one, 0) / optimum.slots
    runs.push({
      start,
      reached,
      worst: Math.min(...shares),
      slots,
      ends: tuned.slots,
      moves: tuned.moves,
    })
  }
  if (ENGINE_CASES[name].usesCores === true) for (const start of STARTS) await runFrom(start)
  else await Promise.all(STARTS.map(runFrom))
  runs.sort((a, b) => a.start - b.start)
  return { name, optimum: { ...optimum, perSec }, runs }
}

async function measure(name, bounds, seconds, tune) {
  const { stdout } = await run(process.execPath, [SCRIPT, name, bounds, String(seconds), tune], {
    maxBuffer: 1e8,
  })
  return JSON.parse(stdout)
}

function rate(counts, fromSec, toSec) {
  const last = counts.length - 1
  return (
    (counts[Math.min(last, toSec * PER_SEC)] - counts[Math.min(last, fromSec * PER_SEC)]) /
    (toSec - fromSec)
  )
}

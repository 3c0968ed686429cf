// Real jobs: the throughput under each fixed concurrency, then with 'auto'. Each runs for some
// seconds in a process of its own (jobs-run.mjs).
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { JOBS } from './jobs-cases.mjs'

const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('jobs-run.mjs', import.meta.url))
const GRID = [1, 2, 4, 8, 16, 32, 64, 128]
const FIXED_SEC = 6
/** From here on 'auto' is measured. */
const SETTLED_SEC = 30
const TUNED_SEC = 40

/** @param {{ only: string[] }} options */
export async function runJobs({ only }) {
  const names = Object.keys(JOBS).filter((name) => only.length === 0 || only.includes(name))
  const results = []
  for (const name of names) {
    const fixed = []
    for (const concurrency of GRID) {
      const { counts } = await measure(name, concurrency, FIXED_SEC)
      fixed.push({ concurrency, perSec: rate(counts, 2, FIXED_SEC) })
    }
    const { counts, options } = await measure(name, 'auto', TUNED_SEC)
    const best = fixed.reduce((most, one) => (one.perSec > most.perSec ? one : most))
    results.push({
      name,
      fixed,
      best,
      auto: rate(counts, SETTLED_SEC, TUNED_SEC),
      first: rate(counts, 2, 6),
      options,
    })
  }
  return results
}

async function measure(name, concurrency, seconds) {
  const { stdout } = await run(
    process.execPath,
    [SCRIPT, name, String(concurrency), String(seconds)],
    {
      maxBuffer: 1e8,
    },
  )
  return JSON.parse(stdout)
}

function rate(counts, fromSec, toSec) {
  const last = counts.length - 1
  return (
    (counts[Math.min(last, toSec * 4)] - counts[Math.min(last, fromSec * 4)]) / (toSec - fromSec)
  )
}

// What workers and the ledger cost: a job that only uses the CPU, with 1 worker and with more, and
// without any ledger.
//   node benchmarks/cluster/throughput.mjs --workers 1,2 --shards 8 --shard-ms 2000
// Expects `npm run build`. Prints seconds, shards per second, the ratio to one worker, and the
// overhead of one worker over the same work in a loop, as JSON.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { defineJob } from '@spindle/cluster'

const { values } = parseArgs({
  allowPositionals: true,
  // `spindle run` loads this file with options of its own.
  strict: false,
  options: {
    workers: { type: 'string', default: '1,2' },
    shards: { type: 'string', default: process.env.SHARDS ?? '8' },
    'shard-ms': { type: 'string', default: process.env.SHARD_MS ?? '2000' },
  },
})
const self = fileURLToPath(import.meta.url)
const main = fileURLToPath(new URL('../../packages/spindle/dist/cli/main.js', import.meta.url))
const shards = Number(values.shards)
/** Steps of work in a millisecond of an undisturbed core, about. */
const STEPS_PER_MS = 100_000

function burn(ms) {
  let value = 1
  for (let step = ms * STEPS_PER_MS; step > 0; step--) value = (value * 48271) % 2147483647
  return value
}

/** What `spindle run` loads from this file. */
export const job = defineJob({
  shards: Array.from({ length: shards }, (_, at) => `s${at}`),
  run: async () => {
    const value = burn(Number(values['shard-ms']))
    return { cursor: 1, outputs: [{ name: String(value), count: 1, bytes: 1 }] }
  },
})

if (process.argv[1] === self) {
  const env = { ...process.env, SHARDS: String(shards), SHARD_MS: values['shard-ms'] }
  const beganMs = performance.now()
  for (let shard = 0; shard < shards; shard++) burn(Number(values['shard-ms']))
  const loopSec = (performance.now() - beganMs) / 1000
  const rows = values.workers.split(',').map((workers) => {
    const folder = mkdtempSync(join(tmpdir(), 'throughput-'))
    const startMs = performance.now()
    const { status, stderr } = spawnSync(
      process.execPath,
      [main, 'run', self, '--ledger', join(folder, 'run'), '--workers', workers, '--json'],
      { encoding: 'utf8', env },
    )
    const seconds = (performance.now() - startMs) / 1000
    rmSync(folder, { recursive: true })
    if (status !== 0) throw new Error(stderr)
    return { workers: Number(workers), seconds, shardsPerSec: shards / seconds }
  })
  const round = (value) => Number(value.toFixed(3))
  console.log(
    JSON.stringify({
      node: process.version,
      shards,
      loopSec: round(loopSec),
      overheadOfOneWorker: round(rows[0].seconds / loopSec - 1),
      rows: rows.map(({ workers, seconds, shardsPerSec }) => ({
        workers,
        seconds: round(seconds),
        timesOne: round(shardsPerSec / rows[0].shardsPerSec),
      })),
    }),
  )
}

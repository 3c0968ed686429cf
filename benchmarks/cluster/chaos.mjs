// Rounds of chaos: workers of a job are killed (SIGKILL), stopped for longer than their leases and
// woken up (SIGSTOP), and told to stop (SIGTERM); servers lose requests and answers, are killed and
// started again, and frozen; the network to them is cut. Each round compares what is in the place
// with what must be there, row by row.
//   node --import=tsx --conditions=@spindle/source benchmarks/cluster/chaos.mjs
//     --rounds 10  --backend folder|s3|redis|postgres|nats|<URL of a server>  --workers 3
//     --shards 12  --rows 40  --lease-ms 400
//     --attacks 14  --limit-s 60
// With `--backend redis://127.0.0.1:6379`, `postgres://…` or `nats://…`, the ledger is on that
// server, a new one for each round, and results are in a folder. Prints one line for each round,
// and a sum as JSON. Exit status 1 if anything is wrong.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chaosRound } from '../../packages/cluster/test/chaos.ts'
import { S3Server } from '../../packages/spindle/test/support/s3-server.ts'
import { startServers } from '../../scripts/ledger-servers.mjs'
import { BrokenNetwork } from './broken-network.mjs'

const text = { type: 'string' }
const { values } = parseArgs({
  options: {
    rounds: { ...text, default: '10' },
    backend: { ...text, default: 'folder' },
    workers: { ...text, default: '3' },
    shards: { ...text, default: '12' },
    rows: { ...text, default: '40' },
    'lease-ms': { ...text, default: '400' },
    attacks: { ...text, default: '14' },
    'limit-s': { ...text, default: '60' },
  },
})
const BACKENDS = {
  folder: inFolder,
  s3: inBucket,
  redis: onServer('redis'),
  postgres: onServer('postgres'),
  nats: onServer('nats'),
}
const inBackend = values.backend.includes('://') ? onRunningServer : BACKENDS[values.backend]
if (inBackend === undefined)
  throw new Error(`--backend must be a URL or one of ${Object.keys(BACKENDS).join(', ')}`)

const shape = {
  shards: Number(values.shards),
  rows: Number(values.rows),
  rowMs: 15,
  failureRate: 0.002,
  leaseMs: Number(values['lease-ms']),
}
const options = {
  workers: Number(values.workers),
  attackMs: 250,
  attacks: Number(values.attacks),
  limitMs: 1000 * Number(values['limit-s']),
}
const sum = { rounds: 0, kills: 0, zombies: 0, stops: 0, lost: 0, doubled: 0, orphans: 0, hung: 0 }
let errors = 0
let server
let serverAttacks = 0
const beganMs = performance.now()
for (let round = 1; round <= Number(values.rounds); round++) {
  const result = await inBackend((places) => chaosRound({ ...shape, ...places }, options))
  sum.rounds++
  for (const name of ['kills', 'zombies', 'stops', 'lost', 'doubled', 'orphans'])
    sum[name] += result[name]
  sum.hung += Number(result.isHung)
  errors += result.errors.length
  const { errors: texts, ...counts } = result
  console.log(`round ${round}: ${JSON.stringify(counts)}`)
  for (const error of texts) console.log(`  ${error.split('\n').slice(0, 6).join('\n  ')}`)
}
const seconds = Math.round((performance.now() - beganMs) / 1000)
console.log(
  JSON.stringify({
    backend: values.backend,
    node: process.version,
    seconds,
    ...sum,
    serverAttacks,
    errors,
  }),
)
await server?.remove()
process.exitCode = sum.lost + sum.doubled + sum.hung + errors > 0 ? 1 : 0

async function inFolder(run) {
  const folder = mkdtempSync(join(tmpdir(), 'chaos-'))
  try {
    return await run({ ledger: join(folder, 'run'), out: join(folder, 'out') })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

let servers = 0
async function onRunningServer(run) {
  const url = new URL(values.backend)
  url.searchParams.set('ledger', `chaos-${process.pid}-${++servers}`)
  return await inFolder((places) => run({ ...places, ledger: url.href }))
}

/** A server in this process, which loses every 37th request or its answer. */
async function inBucket(run) {
  const server = new S3Server()
  const endpoint = await server.listen()
  let requests = 0
  server.fault = () => (++requests % 37 > 0 ? undefined : requests % 2 === 0 ? 'lose' : 'drop')
  const credentials = { accessKeyId: 'me', secretAccessKey: 'secret' }
  const store = { endpoint, credentials, minDelayMs: 1, maxDelayMs: 20 }
  try {
    return await run({ store, ledger: 's3://bucket/run', out: 's3://bucket/out' })
  } finally {
    await server[Symbol.asyncDispose]()
  }
}

/** A real server behind a network that breaks. The server stays for all rounds. */
function onServer(engine) {
  return (run) =>
    inFolder(async ({ out }) => {
      server ??= await startServer(engine)
      const network = new BrokenNetwork()
      const url = new URL(server.url)
      url.port = String(await network.listen(server.port))
      url.searchParams.set('ledger', `chaos-${process.pid}-${sum.rounds}`)
      const over = new AbortController()
      const attacks = attackServer(network, over.signal)
      try {
        return await run({ ledger: url.href, out })
      } finally {
        over.abort()
        await attacks
        network.close()
      }
    })
}

async function startServer(engine) {
  const [started] = await startServers([engine])
  if (started === undefined) throw new Error(`${engine} is not installed here`)
  return started
}

/** Now and then the server is killed or frozen, or the network is cut. */
async function attackServer(network, signal) {
  while (!signal.aborted) {
    await sleep(800 + 2000 * Math.random(), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    serverAttacks++
    const choice = Math.random()
    const pauseMs = 200 + 1300 * Math.random()
    if (choice < 0.3) {
      await server.kill()
      await sleep(pauseMs)
      await server.start()
    } else if (choice < 0.55) {
      server.signal('SIGSTOP')
      await sleep(pauseMs)
      server.signal('SIGCONT')
    } else if (choice < 0.8) {
      network.cut()
      await sleep(pauseMs)
      network.mend()
    } else network.reset()
  }
}

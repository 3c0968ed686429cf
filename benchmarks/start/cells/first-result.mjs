// Makes a pool of two threads, and waits for the result of one call.
import { loadPiscina } from '../../placement/rivals.mjs'
import { args, load } from '../checkout.mjs'

const OPS = new URL('./ops.mjs', import.meta.url).href
const run = { pool, piscina }[args[0]]
const start = await run()
const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
await start()
const firstMs = performance.now() - startedAt
const { user, system } = process.cpuUsage(cpuBefore)
globalThis.figures = { firstMs, firstCpuMs: (user + system) / 1e3 }
process.exit()

async function pool() {
  const { ThreadPool } = await load('spindle')
  const { signal } = new AbortController()
  return () => new ThreadPool({ size: 2 }).run({ id: 1 }, { filename: OPS, name: 'small', signal })
}

function piscina() {
  const { Piscina } = loadPiscina()
  return () =>
    new Piscina({ filename: OPS, minThreads: 2, maxThreads: 2 }).run({ id: 1 }, { name: 'small' })
}

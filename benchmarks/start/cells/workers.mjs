// Starts a number of workers, and waits for a result of each.
import { Worker } from 'node:worker_threads'
import { loadPiscina } from '../../placement/rivals.mjs'
import { args, load } from '../checkout.mjs'

const OPS = new URL('./ops.mjs', import.meta.url).href
const [kind, number] = args
const count = Number(number)
const items = Array.from({ length: count }, (_, id) => ({ id, path: 'a', label: 1 }))
await { pool, region, empty, piscina }[kind]()
globalThis.figures = { rssMb: process.memoryUsage.rss() / 2 ** 20 }
process.exit()

async function pool() {
  const { ThreadPool } = await load('spindle')
  const threads = new ThreadPool({ size: count })
  threads.warmUp(count)
  const { signal } = new AbortController()
  await Promise.all(items.map((item) => threads.run(item, { filename: OPS, name: 'late', signal })))
}

async function region() {
  const { PipelineBuilder, workerModule, workers } = await load('spindle')
  const pipeline = new PipelineBuilder()
    .addSource(items)
    .to(workers({ count }))
    .pipe(workerModule(OPS).late)
    .build({ loopGuard: false })
  await pipeline.forEach(() => {})
}

async function empty() {
  await Promise.all(
    items.map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(new URL('./empty-worker.mjs', import.meta.url))
          worker.once('message', resolve).once('error', reject)
        }),
    ),
  )
}

async function piscina() {
  const { Piscina } = loadPiscina()
  const threads = new Piscina({ filename: OPS, minThreads: count, maxThreads: count })
  await Promise.all(items.map((item) => threads.run(item, { name: 'late' })))
}

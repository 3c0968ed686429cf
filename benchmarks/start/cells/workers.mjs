// Starts a number of workers, and waits for a result of each.
import { Worker } from 'node:worker_threads'
import { loadPiscina } from '../../placement/rivals.mjs'
import { args, load } from '../checkout.mjs'

const OPS = new URL('./ops.mjs', import.meta.url).href
const [kind, number] = args
const count = Number(number)
const items = Array.from({ length: count }, (_, id) => ({ id, path: 'a', label: 1 }))
const starts = { pool, process: processes, region, empty, piscina }
const end = await starts[kind]()
globalThis.figures = { rssMb: process.memoryUsage.rss() / 2 ** 20 }
end()
process.exit()

async function pool() {
  const { ThreadPool } = await load('spindle')
  const threads = new ThreadPool({ size: count })
  threads.warmUp(count)
  const { signal } = new AbortController()
  await Promise.all(items.map((item) => threads.run(item, { filename: OPS, name: 'late', signal })))
  return () => {}
}

async function processes() {
  const { ProcessPool } = await load('spindle')
  const workers = new ProcessPool({ size: count })
  workers.warmUp(count)
  const { signal } = new AbortController()
  await Promise.all(items.map((item) => workers.run(item, { filename: OPS, name: 'late', signal })))
  await workers.close() // a child's CPU time counts when it has ended
  return () => {}
}

async function region() {
  const { PipelineBuilder, workerModule, workers } = await load('spindle')
  const pipeline = new PipelineBuilder()
    .addSource(items)
    .to(workers({ count }))
    .pipe(workerModule(OPS).late)
    .build({ loopGuard: false })
  await pipeline.forEach(() => {})
  return () => {}
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
  return () => {}
}

async function piscina() {
  const { Piscina } = loadPiscina()
  const threads = new Piscina({ filename: OPS, minThreads: count, maxThreads: count })
  await Promise.all(items.map((item) => threads.run(item, { name: 'late' })))
  return () => {}
}

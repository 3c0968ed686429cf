// How much faster two worker threads are than one, and whether memory stays flat: batches of 32 by
// loadImageBatchSync.
//   npm run build && node benchmarks/media/workers.mjs [--images 20000] [--rounds 3]
import { parseArgs } from 'node:util'
import { ThreadPool, workerModule } from 'spindle'
import { describeMachine, readLoad } from '../engine/machine.mjs'
import { listImages } from './images/cell.mjs'
import { makeInputs } from './images/inputs.mjs'

const { values: options } = parseArgs({
  options: {
    images: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
  },
})
const ops = workerModule(new URL('./ops.mjs', import.meta.url).href)
const inputs = await makeInputs(2560, ['jpeg 500x375'])
const paths = listImages(inputs.sets[0].folder)
const batches = Array.from({ length: paths.length / 32 }, (_, i) =>
  paths.slice(i * 32, i * 32 + 32),
)
const { cpu, cores, node } = describeMachine(process.execPath)
console.log(`${cpu}, ${cores} cores, Node ${node}`)

try {
  const rates = { 1: [], 2: [] }
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const size of [1, 2]) {
      const pool = new ThreadPool({ size })
      await through(pool, batches.slice(0, 20)) // so that all threads run
      const [startedAt, before] = [performance.now(), process.cpuUsage()]
      await through(pool, batches)
      const { user, system } = process.cpuUsage(before)
      const seconds = (performance.now() - startedAt) / 1000
      await pool.close()
      rates[size].push(paths.length / seconds)
      console.log(
        `${size} thread(s): ${(paths.length / seconds).toFixed(0)} images/s, ${((user + system) / 1000 / paths.length).toFixed(3)} CPU ms/image, load ${readLoad()}`,
      )
    }
  }
  const best = (size) => Math.max(...rates[size])
  console.log(`two threads: ${(best(2) / best(1)).toFixed(2)} x one (best of ${options.rounds})`)

  const pool = new ThreadPool({ size: 2 })
  const tenth = Math.ceil(Number(options.images) / paths.length / 10)
  const rss = []
  for (let i = 0; i < 10; i++) {
    for (let k = 0; k < tenth; k++) await through(pool, batches)
    rss.push(Math.round(process.memoryUsage().rss / 2 ** 20))
  }
  await pool.close()
  console.log(`RSS in MB, every ${tenth * paths.length} images: ${rss.join(' ')}`)
} finally {
  inputs.remove()
}

/** Runs all batches, four under way at a time. */
async function through(pool, all) {
  const { href, exportName } = ops.loadBatch
  const signal = new AbortController().signal
  let next = 0
  const lane = async () => {
    while (next < all.length)
      await pool.run(all[next++], { filename: href, name: exportName, signal })
  }
  await Promise.all([1, 2, 3, 4].map(lane))
}

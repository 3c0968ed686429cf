// Memory of a process that loads 20,000 images, read at intervals, for each way to load them.
//   npm run build && nice -n 10 node benchmarks/media/memory.mjs [--images 20000] [--ways
//   batches,single,pool,processes,region]
// Each way is a process of its own. Its RSS, with that of its children, is read at twenty points;
// "a thousand more" is the slope through the points of the second half.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '20000' },
    ways: { type: 'string', default: 'batches,single,pool,processes,region' },
    way: { type: 'string' },
  },
})
const images = Number(values.images)
const BATCH = 32
const POINTS = 20

function main() {
  console.log(`${images} images a way; Node ${process.version}; RSS in MB`)
  for (const way of values.ways.split(',')) {
    const args = [fileURLToPath(import.meta.url), '--way', way, '--images', String(images)]
    const child = spawnSync(process.execPath, args, { encoding: 'utf8' })
    if (child.status !== 0) throw new Error(`${way}: ${child.stderr}`)
    const { points, seconds } = JSON.parse(child.stdout)
    const half = points.slice(points.length >> 1)
    const perThousand = slope(half.map(({ rssMb }) => rssMb)) / (images / POINTS / 1000)
    console.log(
      `${way.padEnd(10)} ${points.map(({ rssMb }) => Math.round(rssMb)).join(' ')}; a thousand more: ${perThousand.toFixed(2)} MB; ${seconds.toFixed(0)} s`,
    )
  }
}

async function run(way) {
  const startedAt = performance.now()
  const points = []
  let done = 0
  const pipeline = (await WAYS[way]()).build()
  await pipeline.forEach((count) => {
    done += count
    if (done >= ((points.length + 1) * images) / POINTS) points.push({ done, rssMb: rssOfAll() })
  })
  if (done !== images) throw new Error(`${done} images`)
  console.log(JSON.stringify({ points, seconds: (performance.now() - startedAt) / 1000 }))
}

const size = { width: 224, height: 224, mode: 'stretch' }

/** Pipelines whose items are numbers of images that have been loaded. */
const WAYS = {
  batches: async () => {
    const { loadImageBatch } = await import('@spindle/io')
    return (await source(true)).pipe(
      async (paths) => (await loadImageBatch(paths, { ...size, layout: 'CHW' })).shape[0],
      { name: 'load', concurrency: 3 },
    )
  },
  single: async () => {
    const { loadImage } = await import('@spindle/io')
    return (await source(false)).pipe((path) => loadImage(path, size).then(() => 1), {
      concurrency: 8,
    })
  },
  pool: async () => {
    const { ThreadPool } = await import('spindle')
    const { loadBatch } = await ops()
    return count(
      (await source(true)).pipe(loadBatch, {
        executor: new ThreadPool({ size: 2 }),
        concurrency: 3,
      }),
    )
  },
  processes: async () => {
    const { ProcessPool } = await import('spindle')
    const { loadBatch } = await ops()
    return count(
      (await source(true)).pipe(loadBatch, {
        executor: new ProcessPool({ size: 2 }),
        concurrency: 3,
      }),
    )
  },
  region: async () => {
    const { MAIN, workers } = await import('spindle')
    const { loadBatch } = await ops()
    return count(
      (await source(true))
        .to(workers({ count: 2 }))
        .pipe(loadBatch)
        .to(MAIN),
    )
  },
}

async function source(inBatches) {
  const { PipelineBuilder } = await import('spindle')
  const folder = fileURLToPath(new URL('../../examples/photos/', import.meta.url))
  const photos = readdirSync(folder).filter(
    (name) => /\.(jpg|png|webp)$/.test(name) && !name.includes('large'),
  )
  const builder = new PipelineBuilder().addSource(function* () {
    for (let i = 0; i < images; i++) yield folder + photos[i % photos.length]
  })
  return inBatches ? builder.aggregate(BATCH) : builder
}

async function ops() {
  const { workerModule } = await import('spindle')
  return workerModule(new URL('./ops.mjs', import.meta.url).href)
}

function count(builder) {
  return builder.pipe((batch) => batch.shape[0])
}

/** RSS of this process and its children (Linux). */
function rssOfAll() {
  const kb = (pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
  return ['self', ...children].reduce((sum, pid) => sum + kb(pid), 0) / 1024
}

/** Slope of the straight line through equally spaced values, for one step. */
function slope(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const middle = (values.length - 1) / 2
  const above = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0)
  return above / values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0)
}

if (values.way === undefined) main()
else await run(values.way)

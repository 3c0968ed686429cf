// Ends programs in every possible way while their worker threads decode, and counts those that do
// not end properly.
//   npm run build && node benchmarks/media/stop.mjs [rounds, default 200] [rounds at a time,
//   default 2]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const WAYS = { exit: 3, throw: 1, reject: 1, end: 0, stop: 0, 'close-pool': 0, 'exit-op': 3 }

if (process.argv[2] === '--child') await child(process.argv[3], Number(process.argv[4]))
else await main(Number(process.argv[2] ?? 200), Number(process.argv[3] ?? 2))

async function main(rounds, jobs) {
  const bad = []
  const counts = {}
  let next = 0
  const lane = async () => {
    while (next < rounds) {
      const round = next++
      const way = Object.keys(WAYS)[round % Object.keys(WAYS).length]
      const delayMs = (round * 37) % 61
      const run = spawn(
        process.execPath,
        [fileURLToPath(import.meta.url), '--child', way, String(delayMs)],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      )
      let stderr = ''
      run.stderr.on('data', (text) => (stderr += text))
      const timer = setTimeout(() => run.kill('SIGKILL'), 30_000)
      const [code, signal] = await once(run, 'close')
      clearTimeout(timer)
      counts[way] = (counts[way] ?? 0) + 1
      if (code !== WAYS[way])
        bad.push({
          way,
          delayMs,
          code,
          signal,
          said: stderr.split('\n').find((line) => /FATAL|Error/.test(line)),
        })
    }
  }
  await Promise.all(Array.from({ length: jobs }, lane))
  for (const one of bad) console.log(JSON.stringify(one))
  console.log(
    `${rounds} rounds (${JSON.stringify(counts)}), ${bad.length} did not end as they should; Node ${process.version}`,
  )
  process.exitCode = bad.length > 0 ? 1 : 0
}

async function child(way, delayMs) {
  const { loadImage, loadImageBatch } = await import('@spindle/io')
  const { PipelineBuilder, ThreadPool, workerModule } = await import('spindle')
  const photos = fileURLToPath(new URL('../../examples/photos/', import.meta.url))
  const paths = Array.from(
    { length: 400 },
    (_, i) =>
      `${photos}${['mountains-large', 'stream-1', 'cat-small', 'dandelions-large'][i % 4]}.jpg`,
  )
  const size = { width: 99, height: 99 }
  await loadImage(paths[1], size) // the threads run
  const ends = {
    exit: () => process.exit(3),
    throw: () => {
      throw new Error('on purpose')
    },
    reject: () => void Promise.reject(new Error('on purpose')),
    end: () => {},
  }
  if (way === 'stop') {
    // Several pipelines, one after another, each stopped in the middle.
    for (let i = 0; i < 3; i++) {
      const pipeline = new PipelineBuilder()
        .addSource(paths)
        .pipe((path) => loadImage(path, size), { concurrency: 8 })
        .build()
      for await (const _ of pipeline) break
      await sleep(delayMs)
      await pipeline.stop({ mode: ['abort', 'discard', 'drain'][i], timeoutMs: 50 }).catch(() => {})
    }
    return
  }
  const ops = workerModule(new URL('./ops.mjs', import.meta.url).href)
  if (way === 'close-pool' || way === 'exit-op') {
    const pool = new ThreadPool({ size: 2 })
    const pipeline = new PipelineBuilder()
      .addSource(paths)
      .pipe(ops.load, { executor: pool, concurrency: 4 })
      .build()
    for await (const _ of pipeline) break
    void pipeline.forEach(() => {}).catch(() => {})
    await sleep(delayMs)
    if (way === 'exit-op') process.exit(3)
    await pool.close()
    return
  }
  const batches = [
    loadImageBatch(paths.slice(0, 200), size),
    loadImageBatch(paths.slice(200), size),
  ]
  if (way !== 'end') for (const batch of batches) batch.catch(() => {})
  else batches.splice(0, 2)
  await sleep(delayMs)
  ends[way]()
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

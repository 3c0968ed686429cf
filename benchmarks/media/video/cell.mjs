// Spindle's side: a line of JSON in, a line of JSON out. See run.mjs.
import { createInterface } from 'node:readline'
import { giveBack, loadVideo } from '@spindle/io'
import { loadVideoSync, sampleVideoSync } from '@spindle/io/sync'

const size = { width: 224, height: 224, mode: 'stretch', layout: 'NCHW' }

const jobs = {
  decode: ({ path }) => loadVideoSync(path, size).shape[0],
  sample: ({ path, count }) => sampleVideoSync(path, { ...size, count }).shape[0],
  /** All that is done for a clip before its first frame, and after its last; of that frame itself there is hardly anything. */
  open({ path }) {
    const times = 50
    for (let i = 0; i < times; i++)
      loadVideoSync(path, { width: 16, height: 16, mode: 'stretch', window: [0, 0] })
    return times
  },
  async workers({ path }) {
    const both = await Promise.all([loadVideo(path, size), loadVideo(path, size)])
    for (const one of both) giveBack(one)
    return both.reduce((frames, { shape }) => frames + shape[0], 0)
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line)
  if (given.job === 'leak') {
    process.stdout.write(`${JSON.stringify(leak(given))}\n`)
    continue
  }
  const before = process.cpuUsage()
  const started = performance.now()
  const units = await jobs[given.job](given)
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  process.stdout.write(`${JSON.stringify({ units, ms, cpuMs: (user + system) / 1000 })}\n`)
}

/** Memory in ten steps while clips are loaded. */
function leak({ path, clips }) {
  const rssMb = []
  for (let i = 0; i < clips; i++) {
    loadVideoSync(path, { ...size, width: 64, height: 64, window: [1, 1.2] })
    if ((i + 1) % Math.ceil(clips / 10) === 0) rssMb.push(process.memoryUsage().rss / 2 ** 20)
  }
  return { rssMb }
}

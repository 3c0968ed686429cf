// Spindle's side: a line of JSON in, a line of JSON out. See run.mjs.
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import { loadVideo } from '@spindle/io'
import { loadVideoSync, sampleVideoSync } from '@spindle/io/sync'

const size = { width: 224, height: 224, mode: 'stretch', layout: 'NCHW' }

/** The same of two threads, which fill shared memory themselves. */
let both

/** An array that is filled repeatedly, as in a loader of batches. */
let into

const jobs = {
  decode({ path, frames }) {
    const shape = [frames, 3, size.height, size.width]
    into ??= {
      data: new Uint8Array(shape.reduce((product, side) => product * side)),
      dtype: 'uint8',
      shape,
    }
    return loadVideoSync(path, { ...size, numFrames: frames, into }).shape[0]
  },
  fresh: ({ path }) => loadVideoSync(path, size).shape[0],
  sample: ({ path, count }) => sampleVideoSync(path, { ...size, count }).shape[0],
  /**
   * Everything for a clip before its first frame and after its last; the frame itself costs almost
   * nothing.
   */
  open({ path }) {
    const times = 50
    for (let i = 0; i < times; i++)
      loadVideoSync(path, { width: 16, height: 16, mode: 'stretch', window: [0, 0] })
    return times
  },
  async workers({ path, frames }) {
    both ??= [shared(frames), shared(frames)]
    const loaded = await Promise.all(
      both.map((array) => loadVideo(path, { ...size, numFrames: frames, into: array })),
    )
    return loaded.reduce((sum, { shape }) => sum + shape[0], 0)
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line)
  if (given.job === 'leak') {
    process.stdout.write(`${JSON.stringify(await leak(given))}\n`)
    continue
  }
  const before = process.cpuUsage()
  const started = performance.now()
  const units = await jobs[given.job](given)
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  process.stdout.write(`${JSON.stringify({ units, ms, cpuMs: (user + system) / 1000 })}\n`)
}

function shared(frames) {
  const shape = [frames, 3, size.height, size.width]
  const memory = new SharedArrayBuffer(shape.reduce((product, side) => product * side))
  return { data: new Uint8Array(memory), dtype: 'uint8', shape }
}

/** Memory in ten steps while clips are loaded. */
async function leak({ path, clips }) {
  const rssMb = []
  for (let i = 0; i < clips; i++) {
    loadVideoSync(path, { ...size, width: 64, height: 64, window: [1, 1.2] })
    await turn() // as between tasks of a worker: only then is released memory freed
    if ((i + 1) % Math.ceil(clips / 10) === 0) rssMb.push(process.memoryUsage().rss / 2 ** 20)
  }
  return { rssMb }
}

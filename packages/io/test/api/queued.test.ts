import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it } from 'node:test'
import { PipelineBuilder, type StageStats } from 'spindle'
import {
  decode,
  demux,
  encodeAudio,
  encodeImage,
  loadAudio,
  loadImage,
  loadImageBatch,
  loadVideo,
  type NdArray,
  probe,
  sampleVideo,
} from '../../src/index.ts'
import { photo } from '../support.ts'

// Where more calls are under way than the package has threads, the others wait: the figures say so.

const CALLS = 4 * availableParallelism() + 4
const image = photo('fig-1.jpg')
const clip = new URL('../../../../docs/pictures/video/clip.mp4', import.meta.url)
const grey: NdArray<'uint8'> = {
  data: new Uint8Array(512 * 512 * 3),
  dtype: 'uint8',
  shape: [512, 512, 3],
}
const tone: NdArray<'float32'> = {
  data: Float32Array.from({ length: 200_000 }, (_, i) => Math.sin(i / 20) / 2),
  dtype: 'float32',
  shape: [1, 200_000],
}
const flac = await encodeAudio(tone, { sampleRate: 44_100, format: 'flac' })

const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  loadImage: () => loadImage(image, { width: 64, height: 64 }),
  'loadImage of sharp': () => loadImage(image, { width: 64, height: 64, backend: 'sharp' }),
  loadImageBatch: () => loadImageBatch([image, image, image, image], { width: 64, height: 64 }),
  encodeImage: () => encodeImage(grey, { format: 'png' }),
  loadAudio: () => loadAudio(flac, { sampleRate: 16_000 }),
  encodeAudio: () => encodeAudio(tone, { sampleRate: 44_100, format: 'flac' }),
  probe: () => probe(flac),
  loadVideo: () => loadVideo(clip, { window: [0, 0.3], width: 64, height: 64 }),
  sampleVideo: () => sampleVideo(clip, { count: 2, width: 64, height: 64 }),
  demux: () => demux(clip),
  decode: () => decode(clip, { window: [0, 0.3] }),
}

async function run(op: (n: number) => Promise<unknown>, rounds = 2): Promise<StageStats> {
  const pipeline = new PipelineBuilder()
    .addSource(Array.from({ length: rounds * CALLS }, (_, i) => i))
    .pipe(async (n: number) => ((await op(n)) === undefined ? n : n), {
      concurrency: CALLS,
      name: 'loads',
    })
    .build()
  await pipeline.forEach(() => {})
  return pipeline.stats().stages[1] as StageStats
}

describe('calls that wait for a thread are queued, not running', () => {
  for (const [name, call] of Object.entries(calls)) {
    it(name, async () => {
      await call() // starts the threads
      const { shares, sums } = await run(call)
      assert.ok(sums.queuedTasks > 0 && sums.queuedMs > 0, JSON.stringify(sums))
      // Four times as many calls as threads: most of their time is waiting, unless this loop hears
      // late of their ends. Of sharp's threads there are four on any machine.
      if (name !== 'loadImage of sharp') assert.ok(shares.queued > 0.2, JSON.stringify(shares))
    })
  }

  it('after an await in the op, too', async () => {
    const { shares } = await run(async () => {
      await Promise.resolve()
      return loadImage(image, { width: 64, height: 64 })
    }, 12)
    assert.ok(shares.queued > 0.2, JSON.stringify(shares))
  })
})

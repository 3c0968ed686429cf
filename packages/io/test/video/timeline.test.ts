import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import {
  loadVideo,
  type MediaError,
  probe,
  sampleVideo,
  streamVideo,
  type VideoArray,
} from '../../src/index.ts'
import { loadVideoSync, probeSync, sampleVideoSync, streamVideoSync } from '../../src/sync.ts'
import { decoded } from '../chain/media-support.ts'
import { VIDEOS } from './made-videos.ts'

/** Time and pixels of each frame. */
function framesOf({ data, shape, timestampsSec }: VideoArray): string[] {
  const size = data.length / shape[0]!
  return Array.from(timestampsSec, (timeSec, i) => {
    const pixels = data.subarray(i * size, (i + 1) * size)
    return `${timeSec} ${createHash('md5').update(pixels).digest('base64').slice(0, 8)}`
  })
}

/** What a call gives; nothing where it refuses a window behind the end. */
function orNothing(load: () => VideoArray | readonly VideoArray[]): string[] {
  try {
    return [load()].flat().flatMap(framesOf)
  } catch (error) {
    if ((error as MediaError).code !== 'ERR_BAD_OPTION') throw error
    return []
  }
}

const SIZE = { height: 24 }

// One timeline: which frames are shown, and when. Decoding all of a file tells it; everything else
// agrees with that.
describe('loadVideo, sampleVideo, streamVideo and probe have one timeline', () => {
  for (const [name, make] of Object.entries(VIDEOS)) {
    it(name, () => {
      const source = make()
      const whole = loadVideoSync(source, SIZE)
      const all = framesOf(whole)
      const times = [...whole.timestampsSec]
      const last = times.at(-1)!
      assert.equal(Math.min(...times), 0)
      assert.deepEqual(
        [...streamVideoSync(source, { ...SIZE, framesPerChunk: 7 })].flatMap(framesOf),
        all,
      )
      assert.deepEqual(framesOf(sampleVideoSync(source, { ...SIZE, every: 1 }) as VideoArray), all)
      const indices = [all.length - 1, 0, all.length >> 1]
      assert.deepEqual(
        framesOf(sampleVideoSync(source, { ...SIZE, indices }) as VideoArray),
        indices.map((i) => all[i]),
      )
      const info = probeSync(source)
      if (info.kind === 'video' && info.numFrames !== undefined)
        assert.equal(info.numFrames, all.length)
      const middle = times[all.length >> 1]!
      for (const window of [
        [0.3, 0.4],
        [middle, middle + 0.45],
        [last, 999],
        [last + 50, 999],
      ] as const) {
        const within = all.filter((_, i) => times[i]! >= window[0] && times[i]! < window[1])
        const options = { ...SIZE, window }
        assert.deepEqual(
          orNothing(() => loadVideoSync(source, options)),
          within,
          `loadVideo [${window}]`,
        )
        assert.deepEqual(
          orNothing(() => sampleVideoSync(source, { ...options, every: 1 }) as VideoArray),
          within,
          `sampleVideo [${window}]`,
        )
        assert.deepEqual(
          orNothing(() => [...streamVideoSync(source, options)]),
          within,
          `streamVideo [${window}]`,
        )
      }
      // At another rate, too.
      if (!/edits|variable|hidden|gaps/.test(name)) return
      const rated = framesOf(loadVideoSync(source, { ...SIZE, frameRate: 7 }))
      const window = [middle, middle + 0.5] as const
      assert.deepEqual(
        orNothing(() => loadVideoSync(source, { ...SIZE, frameRate: 7, window })),
        rated.filter(
          (frame) => Number.parseFloat(frame) >= window[0] && Number.parseFloat(frame) < window[1],
        ),
        'at 7 a second',
      )
    })
  }

  it('the forms that wait, and streams of bytes, too', async () => {
    for (const name of [
      'edits: both hidden',
      'VP8 with hidden frames',
      'matroska, refreshed bit by bit',
    ]) {
      const source = VIDEOS[name]!()
      const whole = loadVideoSync(source, SIZE)
      const all = framesOf(whole)
      const window = [0.35, 0.75] as const
      const within = all.filter(
        (_, i) => whole.timestampsSec[i]! >= 0.35 && whole.timestampsSec[i]! < 0.75,
      )
      assert.deepEqual(framesOf(await loadVideo(source, SIZE)), all)
      assert.deepEqual(
        framesOf(
          await loadVideo(new Blob([source as Uint8Array<ArrayBuffer>]), { ...SIZE, window }),
        ),
        within,
      )
      assert.deepEqual(
        framesOf((await sampleVideo(source, { ...SIZE, window, every: 1 })) as VideoArray),
        within,
      )
      for (const input of [
        source,
        ...(name.startsWith('edits') ? [] : [Readable.from([source])]),
      ]) {
        const streamed: string[] = []
        for await (const chunk of streamVideo(input, { ...SIZE, window }))
          streamed.push(...framesOf(chunk))
        assert.deepEqual(streamed, within, name)
      }
      const info = await probe(source)
      assert.ok(info.kind === 'video' && (info.numFrames ?? all.length) === all.length)
    }
  })

  it('windows of the media chain hold the frames of the whole, too, in the time of the container', () => {
    const decodedFrames = (source: Uint8Array, window?: readonly [number, number]): string[] =>
      decoded(
        source,
        (frames) => {
          if (frames.length === 0) return []
          const { data } = frames.toArray()
          const timestampsSec = frames.timesSec
          return framesOf({ data, shape: [frames.length], timestampsSec } as never)
        },
        window === undefined ? {} : { window },
      )
    for (const [name, make] of Object.entries(VIDEOS)) {
      if (!/edits|refreshed|open|hidden/.test(name)) continue
      const source = make()
      const all = decodedFrames(source)
      const times = all.map((frame) => Number.parseFloat(frame))
      const start = Math.min(...times) + 0.45
      const within = all.filter((_, i) => times[i]! >= start && times[i]! < start + 0.7)
      assert.deepEqual(decodedFrames(source, [start, start + 0.7]), within, name)
    }
  })
})

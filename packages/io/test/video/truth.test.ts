import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadVideo, probe, type VideoInfo } from '../../src/index.ts'
import { loadVideoSync, probeSync } from '../../src/sync.ts'
import { pictureHashes, truthOf } from '../truth/truth.ts'
import { clips, video } from './video-support.ts'

const FRAME = 96 * 64 * 3

/** Pictures are hashes with spaces between them. */
interface Truth {
  readonly pictures: Readonly<Record<string, string>>
  readonly timesSec: Readonly<Record<string, readonly (number | null)[]>>
  readonly atRates: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly variableAt10: string
  readonly probed: Readonly<Record<string, string>>
  readonly turned: Readonly<Record<string, string>>
}
const truth = truthOf<Truth>('video')
const hashesOf = (data: Uint8Array): string[] => pictureHashes(data, FRAME)

describe('beside the ffmpeg command', () => {
  const paths = clips()

  it('every codec and container decodes to the same frames, bit by bit, at the same times', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const { data, shape, timestampsSec, failures } = await loadVideo(path)
      const expected = truth.pictures[name]!.split(' ')
      assert.deepEqual(shape, [expected.length, 64, 96, 3], name)
      assert.deepEqual(hashesOf(data), expected, name)
      assert.deepEqual(failures, [])
      if (name === 'raw.h264') continue // whose times ffprobe does not tell
      for (const [i, time] of truth.timesSec[name]!.entries()) {
        if (time === null) continue // ffprobe has none for the last frame of an AVI file
        assert.ok(
          Math.abs(timestampsSec[i]! - time) < 1.1e-3,
          `${name}: ${timestampsSec[i]} for ${time}`,
        )
      }
    }
  })

  it('every window is what would be cut out of the whole', () => {
    for (const [name, path] of Object.entries(paths)) {
      const whole = loadVideoSync(path)
      for (const window of [
        [0, 1],
        [0.3, 0.31],
        [0.9, 1.1],
        [1.04, 1.08],
        [1.96, 2.5],
        [2.5, 99],
      ] as const) {
        const part = loadVideoSync(path, { window })
        const isIn = (time: number): boolean => time >= window[0] && time < window[1]
        const indices = [...whole.timestampsSec.keys()].filter((i) => isIn(whole.timestampsSec[i]!))
        assert.deepEqual(
          [...part.timestampsSec],
          indices.map((i) => whole.timestampsSec[i]),
          `${name} ${window}`,
        )
        const expected = Buffer.concat(
          indices.map((i) => whole.data.subarray(i * FRAME, (i + 1) * FRAME)),
        )
        assert.ok(expected.equals(part.data), `${name} ${window}: other pixels`)
      }
    }
  })

  it('other frame rates are those of the fps filter', () => {
    for (const [name, rates] of Object.entries(truth.atRates)) {
      for (const [text, pictures] of Object.entries(rates)) {
        const [numerator, denominator = 1] = text.split('/').map(Number) as [number, number?]
        const rate = numerator / denominator
        const { data, timestampsSec } = loadVideoSync(paths[name]!, { frameRate: rate })
        const [given, expected] = [hashesOf(data), pictures.split(' ')]
        const common = Math.min(given.length, expected.length)
        const isExact = name.endsWith('4')
        assert.ok(
          Math.abs(given.length - expected.length) <= (isExact ? 0 : 3),
          `${name} at ${text}`,
        )
        assert.deepEqual(given.slice(0, common), expected.slice(0, common), `${name} at ${text}`)
        assert.ok(Math.abs(timestampsSec[7]! - 7 / rate) < 1e-12)
      }
    }
  })

  it('variable frame rates keep their times', () => {
    const path = video('vfr.mp4')
    const { timestampsSec, shape } = loadVideoSync(path)
    const times = truth.timesSec['vfr.mp4']!
    assert.equal(shape[0], times.length)
    for (const [i, time] of times.entries()) assert.ok(Math.abs(timestampsSec[i]! - time!) < 1e-5)
    const at10 = loadVideoSync(path, { frameRate: 10 })
    const [given, expected] = [hashesOf(at10.data), truth.variableAt10.split(' ')]
    assert.ok(given.length - expected.length <= 1) // older versions show the last frame shorter
    assert.deepEqual(given.slice(0, expected.length), expected)
    const part = loadVideoSync(path, { frameRate: 10, window: [1, 2] })
    assert.ok(Buffer.from(at10.data.subarray(10 * FRAME, 20 * FRAME)).equals(part.data))
  })

  it('probe says what ffprobe says', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const info = await probe(path)
      assert.ok(info.kind === 'video', name)
      const { codec, width, height, pixelFormat, frameRate, durationSec, audio } = info
      assert.equal([codec, width, height, pixelFormat].join(), truth.probed[name], name)
      assert.ok(Math.abs(frameRate! - 25) < 0.5, `${name}: ${frameRate}`)
      if (name !== 'raw.h264')
        assert.ok(Math.abs(durationSec! - 3) < 0.1, `${name}: ${durationSec}`)
      assert.equal(audio?.codec, name === 'sound.mp4' ? 'aac' : undefined)
    }
    const { numFrames, orientation, pixelAspectRatio } = probeSync(paths['h264.mp4']!) as VideoInfo
    assert.deepEqual([numFrames, orientation, pixelAspectRatio], [75, 1, 1])
  })

  it('turned video is given as it is shown', () => {
    const whole = loadVideoSync(paths['h264.mp4']!, { numFrames: 1 })
    for (const [degrees, picture] of Object.entries(truth.turned)) {
      const turned = loadVideoSync(video(`turned-${degrees}.mp4`), { numFrames: 1 })
      assert.deepEqual(turned.shape, degrees === '180' ? whole.shape : [1, 96, 64, 3])
      assert.deepEqual(hashesOf(turned.data), [picture], degrees)
    }
  })
})

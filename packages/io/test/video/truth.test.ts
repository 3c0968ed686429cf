import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { loadVideo, probe, type VideoInfo } from '../../src/index.ts'
import { loadVideoSync, probeSync } from '../../src/sync.ts'
import {
  clips,
  framesByCli,
  make,
  pattern,
  run,
  scratch,
  timesByCli,
  toRgb,
  without,
  X264,
} from './video-support.ts'

const FRAME = 96 * 64 * 3

describe('beside the ffmpeg command', { skip: without('ffmpeg') }, () => {
  const { folder, remove } = scratch()
  after(remove)
  let paths: Record<string, string>
  before(() => {
    paths = clips(folder)
  })

  it('every codec and container decodes to the same frames, bit by bit, at the same times', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const { data, shape, timestampsSec, failures } = await loadVideo(path)
      const expected = framesByCli(path)
      assert.deepEqual(shape, [expected.length / FRAME, 64, 96, 3], name)
      assert.ok(expected.equals(data), `${name}: other pixels`)
      assert.deepEqual(failures, [])
      if (name === 'raw.h264') continue // whose times ffprobe does not tell
      const times = timesByCli(path)
      for (const [i, time] of times.entries()) {
        if (Number.isNaN(time)) continue // ffprobe has none for the last frame of an AVI file
        assert.ok(Math.abs(timestampsSec[i]! - time) < 1.1e-3, `${name}: ${timestampsSec[i]} for ${time}`)
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
        const expected = Buffer.concat(indices.map((i) => whole.data.subarray(i * FRAME, (i + 1) * FRAME)))
        assert.ok(expected.equals(part.data), `${name} ${window}: other pixels`)
      }
    }
  })

  it('other frame rates are those of the fps filter', () => {
    for (const [name, path] of Object.entries(paths)) {
      if (!['h264.mp4', 'h264.mkv', 'late.ts', 'vp9.webm', 'mpeg4.avi'].includes(name)) continue
      for (const rate of [10, 12.5, 30000 / 1001]) {
        const { data, timestampsSec } = loadVideoSync(path, { frameRate: rate })
        const expected = framesByCli(path, `fps=${rate === 30000 / 1001 ? '30000/1001' : rate}`)
        const common = Math.min(data.length, expected.length)
        assert.ok(
          Math.abs(data.length - expected.length) / FRAME <= (name.endsWith('4') ? 0 : 3),
          `${name} at ${rate}`,
        )
        assert.ok(
          expected.subarray(0, common).equals(data.subarray(0, common)),
          `${name} at ${rate}: other pixels`,
        )
        assert.ok(Math.abs(timestampsSec[7]! - 7 / rate) < 1e-12)
      }
    }
  })

  it('variable frame rates keep their times', () => {
    const select = "select='not(mod(n,3))+lt(n,20)'"
    const path = make(folder, 'vfr.mp4', ...pattern(3), '-vf', select, '-vsync', 'vfr', ...X264, '-g', '20')
    const { timestampsSec, shape } = loadVideoSync(path)
    const times = timesByCli(path)
    assert.equal(shape[0], times.length)
    for (const [i, time] of times.entries()) assert.ok(Math.abs(timestampsSec[i]! - time) < 1e-5)
    const at10 = loadVideoSync(path, { frameRate: 10 })
    const expected = framesByCli(path, 'fps=10') // older versions show the last frame shorter
    assert.ok(at10.data.length - expected.length <= FRAME)
    assert.ok(expected.equals(at10.data.subarray(0, expected.length)))
    const part = loadVideoSync(path, { frameRate: 10, window: [1, 2] })
    assert.ok(Buffer.from(at10.data.subarray(10 * FRAME, 20 * FRAME)).equals(part.data))
  })

  it('probe says what ffprobe says', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const info = await probe(path)
      assert.ok(info.kind === 'video', name)
      const show = [
        '-select_streams',
        'v:0',
        '-show_entries',
        'stream=codec_name,width,height,pix_fmt',
        '-of',
        'csv=p=0',
      ]
      const [said] = String(run('ffprobe', '-v', 'error', ...show, path)).split('\n')
      const { codec, width, height, pixelFormat, frameRate, durationSec, audio } = info
      assert.equal([codec, width, height, pixelFormat].join(), said!.trim().replace(/,$/, ''), name)
      assert.ok(Math.abs(frameRate! - 25) < 0.5, `${name}: ${frameRate}`)
      if (name !== 'raw.h264') assert.ok(Math.abs(durationSec! - 3) < 0.1, `${name}: ${durationSec}`)
      assert.equal(audio?.codec, name === 'sound.mp4' ? 'aac' : undefined)
    }
    const { numFrames, orientation, pixelAspectRatio } = probeSync(paths['h264.mp4']!) as VideoInfo
    assert.deepEqual([numFrames, orientation, pixelAspectRatio], [75, 1, 1])
  })

  it('turned video is given as it is shown', () => {
    const stored = paths['h264.mp4']!
    for (const degrees of [90, 180, 270]) {
      const args = ['-i', stored, '-c', 'copy', '-metadata:s:v:0', `rotate=${degrees}`]
      const turned = loadVideoSync(make(folder, `turned-${degrees}.mp4`, ...args), { numFrames: 1 })
      const whole = loadVideoSync(stored, { numFrames: 1 })
      const filter = { 90: 'transpose=2', 180: 'hflip,vflip', 270: 'transpose=1' }[degrees]!
      const expected = framesByCli(stored, `${toRgb(stored)},${filter}`, '-frames:v', '1')
      assert.deepEqual(turned.shape, degrees === 180 ? whole.shape : [1, 96, 64, 3])
      assert.ok(expected.equals(turned.data), `${degrees}`)
    }
  })
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { loadAudio, probe } from '../../src/index.ts'
import { loadAudioSync, saveWavSync } from '../../src/sync.ts'
import { farFrom, md5, type Sketch, truthFile, truthOf } from '../truth/truth.ts'
import { channel, farthest, scratch, sweep, sweeps } from './audio-support.ts'

const SECONDS = 5
/** Decoders of different versions of FFmpeg add in another order. */
const ROUNDING = 1e-6

interface Truth {
  readonly decoded: Readonly<Record<string, Sketch>>
  readonly mono: Readonly<Record<string, Sketch>>
  readonly integers: Readonly<Record<string, Readonly<Record<'int16' | 'int32' | 'uint8', string>>>>
  readonly mixed: Readonly<Record<string, Sketch>>
  readonly probed: Readonly<Record<string, string>>
}
const truth = truthOf<Truth>('audio')

describe('beside the ffmpeg command', () => {
  const { folder, remove } = scratch()
  after(remove)
  let paths: Record<string, string>
  before(() => {
    paths = sweeps(folder, SECONDS)
  })

  it('every format decodes to the same samples, in both layouts', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const interleaved = await loadAudio(path, { layout: 'TC' })
      const expected = truth.decoded[name]!
      const { data, shape } = interleaved
      // Older versions do not cut off what AAC encoders add at the end.
      const added = expected.count - data.length
      assert.ok(added >= 0 && added < 2 * 1024, `${name}: ${shape} of ${expected.count}`)
      assert.ok(farFrom(data, expected) < ROUNDING, `${name}: ${farFrom(data, expected)}`)
      const planar = loadAudioSync(path)
      assert.deepEqual(planar.shape, interleaved.shape.toReversed(), name)
      for (const index of [0, 1]) {
        assert.deepEqual(
          channel(planar, index),
          interleaved.data.filter((_, i) => i % 2 === index),
          name,
        )
      }
    }
  })

  it('16 kHz mono is the same, but for its very end', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const mono = await loadAudio(path, { sampleRate: 16000, channels: 1 })
      const expected = truth.mono[name]!
      const sure = Math.min(mono.data.length, expected.count) - 32
      assert.ok(sure > SECONDS * 16000 - 64, `${name}: ${mono.shape}`)
      const far = farFrom(mono.data, expected, sure)
      assert.ok(far < ROUNDING, `${name}: ${far}`)
    }
  })

  it('int16, int32 and uint8 are what the command makes of PCM and FLAC', async () => {
    for (const [name, hashes] of Object.entries(truth.integers)) {
      for (const dtype of ['int16', 'int32', 'uint8'] as const) {
        const { data } = await loadAudio(paths[name]!, { dtype, layout: 'TC' })
        assert.equal(md5(data), hashes[dtype], `${name} ${dtype}`)
      }
    }
  })

  it('six and seven channels are mixed to two as the command mixes them', async () => {
    for (const [name, expected] of Object.entries(truth.mixed)) {
      const file = truthFile(`audio/${name}`)
      const { data, shape } = await loadAudio(file, { channels: 2, dtype: 'int16', layout: 'TC' })
      assert.deepEqual([shape, expected.count], [[4000, 2], 8000])
      assert.ok(farFrom(data, expected) <= 1, name)
    }
  })

  it('windows are cut from the whole to a sample, after a seek too', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const whole = await loadAudio(path)
      const { sampleRate } = whole
      for (const [startSec, endSec] of [
        [0, 0.1],
        [1.003, 1.5],
        [4.2, 4.9],
        [4.5, 99],
      ] as const) {
        const part = await loadAudio(path, { window: [startSec, endSec] })
        const [from, to] = [
          Math.ceil(startSec * sampleRate - 1e-6),
          Math.ceil(endSec * sampleRate - 1e-6),
        ]
        const isSought = startSec > 3 && /m4a|mp4|aac/.test(name)
        for (const index of [0, 1]) {
          const expected = channel(whole, index, from, to)
          const far = farthest(channel(part, index), expected)
          // AAC has noise that the decoder draws, from a seed that decoding from elsewhere finds in
          // another state.
          assert.ok(far <= (isSought ? 0.03 : 0), `${name} [${startSec}, ${endSec}): ${far}`)
        }
      }
    }
  })

  it('resampled windows are cut from the resampled whole', async () => {
    for (const name of ['tones.wav', 'sweep.flac', 'sweep.mp3', 'sweep.opus', 'sweep.mka']) {
      const options = { sampleRate: 16000, channels: 1 } as const
      const whole = await loadAudio(paths[name]!, options)
      for (const [startSec, endSec] of [
        [0, 0.5],
        [1.25, 2],
        [4.7, 5.1],
      ] as const) {
        const part = await loadAudio(paths[name]!, { ...options, window: [startSec, endSec] })
        const expected = whole.data.subarray(
          Math.round(startSec * 16000),
          Math.round(endSec * 16000),
        )
        assert.ok(farthest(part.data, expected) <= ROUNDING, `${name} [${startSec}, ${endSec})`)
      }
    }
  })

  it('probe says what ffprobe says', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const told = await probe(path)
      const info = told.kind === 'video' ? told.audio : told
      assert.ok(info?.kind === 'audio')
      assert.equal([info.codec, info.sampleRate, info.channels].join(), truth.probed[name], name)
      const isEstimate = ['sweep.aac', 'noxing.mp3', 'sweep.m2t'].includes(name)
      assert.ok(
        Math.abs(info.durationSec! - SECONDS) < (isEstimate ? 0.6 : 0.1),
        `${name}: ${info.durationSec}`,
      )
      assert.ok(info.bitRate! > 10_000 && info.bitRate! < 1_500_000, `${name}: ${info.bitRate}`)
    }
  })

  it('one of several audio streams', async () => {
    const path = truthFile('audio/two.mka')
    assert.equal((await loadAudio(path, { stream: 0 })).sampleRate, 44100)
    assert.deepEqual((await loadAudio(path, { stream: 1 })).shape, [1, 8000])
    await assert.rejects(loadAudio(path, { stream: 2 }), {
      code: 'ERR_BAD_OPTION',
      message: /two\.mka: `stream` must be less than 2, the number of audio streams, got 2/,
    })
  })

  it('time counts from the first sample, whatever its time stamp', async () => {
    const whole = await loadAudio(paths['sweep.flac']!)
    const part = await loadAudio(truthFile('audio/late.mka'), { window: [0.5, 1] })
    assert.deepEqual(channel(part, 0), channel(whole, 0, 4000, 8000))
  })

  it('lists of other files are not followed', async () => {
    const list = Buffer.from(
      `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${paths['sweep.m2t']!}\n#EXT-X-ENDLIST\n`,
    )
    await assert.rejects(loadAudio(list), { name: 'MediaError' })
  })
})

it('another resampler, that of sox, gives nearly the same', async () => {
  const { folder, remove } = scratch()
  try {
    const path = join(folder, 'tone.wav')
    const { data, sampleRate } = sweep(1)
    saveWavSync(path, {
      data: data.slice(0, 44100),
      dtype: 'int16',
      shape: [1, 44100],
      sampleRate,
      layout: 'CT',
    })
    const ours = await loadAudio(path, { sampleRate: 16000 })
    const { resampled } = truthOf<{ readonly resampled: Sketch }>('sox')
    assert.deepEqual(ours.shape, [1, 16000])
    const far = farFrom(ours.data.subarray(100, 15_900), resampled)
    assert.ok(far < 2e-3, `${far}`)
  } finally {
    remove()
  }
})

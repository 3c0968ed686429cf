import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { loadAudio, probe } from '../../src/index.ts'
import { loadAudioSync } from '../../src/sync.ts'
import { channel, cliSweeps, decodedByCli, farthest, run, scratch, without } from './audio-support.ts'

const SECONDS = 5
/** Decoders of different versions of FFmpeg add in another order. */
const ROUNDING = 1e-6

describe('beside the ffmpeg command', { skip: without('ffmpeg') }, () => {
  const { folder, remove } = scratch()
  after(remove)
  let paths: Record<string, string>
  before(() => {
    paths = cliSweeps(folder, SECONDS)
  })

  it('every format decodes to the same samples, in both layouts', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const interleaved = await loadAudio(path, { layout: 'TC' })
      const expected = decodedByCli(path)
      // Older versions do not cut off what AAC encoders add at the end.
      const common = expected.subarray(0, interleaved.data.length)
      assert.ok(
        expected.length - common.length < 2 * 1024,
        `${name}: ${interleaved.shape} of ${expected.length}`,
      )
      assert.ok(
        farthest(interleaved.data, common) < ROUNDING,
        `${name}: ${farthest(interleaved.data, common)}`,
      )
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
      const expected = decodedByCli(path, '-ac', '1', '-ar', '16000')
      const sure = Math.min(mono.data.length, expected.length) - 32
      assert.ok(sure > SECONDS * 16000 - 64, `${name}: ${mono.shape}`)
      const far = farthest(mono.data.subarray(0, sure), expected.subarray(0, sure))
      assert.ok(far < ROUNDING, `${name}: ${far}`)
    }
  })

  it('int16, int32 and uint8 are what the command makes of PCM and FLAC', async () => {
    for (const name of ['sweep.wav', 'sweep.flac', 's24.flac', 'sweep.aiff']) {
      for (const [dtype, format] of [
        ['int16', 's16le'],
        ['int32', 's32le'],
        ['uint8', 'u8'],
      ] as const) {
        const { data } = await loadAudio(paths[name]!, { dtype, layout: 'TC' })
        const expected = run('ffmpeg', '-v', 'error', '-i', paths[name]!, '-f', format, '-')
        assert.ok(
          Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(expected),
          `${name} ${dtype}`,
        )
      }
    }
  })

  it('six and seven channels are mixed to two as the command mixes them', async () => {
    for (const layout of ['5.1', '6.1']) {
      const path = join(folder, `${layout}.flac`)
      const count = layout === '5.1' ? 6 : 7
      const tones = Array.from({ length: count }, (_, i) => `sin(${(i + 2) * 700}*t)/4`).join('|')
      run('ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', `aevalsrc=${tones}:c=${layout}:d=0.5`, path)
      const { data, shape } = await loadAudio(path, { channels: 2, dtype: 'int16', layout: 'TC' })
      const expected = run('ffmpeg', '-v', 'error', '-i', path, '-ac', '2', '-f', 's16le', '-')
      assert.deepEqual(shape, [22050, 2])
      const mixed = new Int16Array(
        expected.buffer.slice(expected.byteOffset, expected.byteOffset + expected.length),
      )
      assert.ok(farthest(data, mixed) <= 1, layout)
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
        const [from, to] = [Math.ceil(startSec * sampleRate - 1e-6), Math.ceil(endSec * sampleRate - 1e-6)]
        const isSought = startSec > 3 && /m4a|mp4|aac/.test(name)
        for (const index of [0, 1]) {
          const expected = channel(whole, index, from, to)
          const far = farthest(channel(part, index), expected)
          // AAC has noise that the decoder draws, from a seed that decoding from elsewhere finds in another state.
          assert.ok(far <= (isSought ? 0.03 : 0), `${name} [${startSec}, ${endSec}): ${far}`)
        }
      }
    }
  })

  it('resampled windows are cut from the resampled whole', async () => {
    for (const name of ['sweep.wav', 'sweep.flac', 'sweep.mp3', 'sweep.opus', 'sweep.mka']) {
      const options = { sampleRate: 16000, channels: 1 } as const
      const whole = await loadAudio(paths[name]!, options)
      for (const [startSec, endSec] of [
        [0, 0.5],
        [1.25, 2],
        [4.7, 5.1],
      ] as const) {
        const part = await loadAudio(paths[name]!, { ...options, window: [startSec, endSec] })
        const expected = whole.data.subarray(Math.round(startSec * 16000), Math.round(endSec * 16000))
        assert.ok(farthest(part.data, expected) <= ROUNDING, `${name} [${startSec}, ${endSec})`)
      }
    }
  })

  it('probe says what ffprobe says', async () => {
    for (const [name, path] of Object.entries(paths)) {
      const told = await probe(path)
      const info = told.kind === 'video' ? told.audio : told
      assert.ok(info?.kind === 'audio')
      const entries = 'stream=codec_name,sample_rate,channels'
      const said = run(
        'ffprobe',
        ...['-v', 'error', '-select_streams', 'a', '-show_entries', entries, '-of', 'csv=p=0', path],
      )
      assert.equal(
        [info.codec, info.sampleRate, info.channels].join(),
        String(said).split('\n')[0]!.trim(),
        name,
      )
      const isEstimate = ['sweep.aac', 'noxing.mp3'].includes(name)
      assert.ok(
        Math.abs(info.durationSec! - SECONDS) < (isEstimate ? 0.6 : 0.1),
        `${name}: ${info.durationSec}`,
      )
      assert.ok(info.bitRate! > 10_000 && info.bitRate! < 1_500_000, `${name}: ${info.bitRate}`)
    }
  })

  it('one of several audio streams', async () => {
    const path = join(folder, 'two.mka')
    const inputs = ['-f', 'lavfi', '-i', 'sine=300:d=1', '-f', 'lavfi', '-i', 'sine=900:d=1:r=8000']
    run('ffmpeg', '-v', 'error', '-y', ...inputs, '-map', '0', '-map', '1', '-c:a', 'flac', path)
    assert.equal((await loadAudio(path, { stream: 0 })).sampleRate, 44100)
    assert.deepEqual((await loadAudio(path, { stream: 1 })).shape, [1, 8000])
    await assert.rejects(loadAudio(path, { stream: 2 }), {
      code: 'ERR_BAD_OPTION',
      message: /two\.mka: `stream` must be less than 2, the number of audio streams, got 2/,
    })
  })

  it('time counts from the first sample, whatever its time stamp', async () => {
    const path = join(folder, 'late.mka')
    run(
      'ffmpeg',
      '-v',
      'error',
      '-y',
      '-itsoffset',
      '5',
      '-i',
      paths['sweep.flac']!,
      '-c',
      'copy',
      '-copyts',
      path,
    )
    const whole = await loadAudio(paths['sweep.flac']!)
    const part = await loadAudio(path, { window: [0.5, 1] })
    assert.deepEqual(channel(part, 0), channel(whole, 0, 22050, 44100))
  })

  it('lists of other files are not followed', async () => {
    const list = Buffer.from(
      `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${paths['sweep.ts']!}\n#EXT-X-ENDLIST\n`,
    )
    await assert.rejects(loadAudio(list), { name: 'MediaError' })
  })
})

describe('beside sox', { skip: without('sox') }, () => {
  it('another resampler gives nearly the same', async () => {
    const { folder, remove } = scratch()
    try {
      const [from, to] = [join(folder, 'tone.wav'), join(folder, 'low.wav')]
      run(
        'sox',
        '-n',
        '-r',
        '44100',
        '-c',
        '1',
        '-b',
        '16',
        from,
        'synth',
        '1',
        'sine',
        '200-3000',
        'vol',
        '0.5',
      )
      run('sox', '-D', from, '-r', '16000', to)
      const ours = await loadAudio(from, { sampleRate: 16000 })
      const theirs = await loadAudio(to)
      assert.deepEqual(ours.shape, theirs.shape)
      assert.ok(farthest(channel(ours, 0, 100, 15900), channel(theirs, 0, 100, 15900)) < 2e-3)
    } finally {
      remove()
    }
  })
})

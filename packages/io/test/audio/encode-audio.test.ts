import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import {
  type AudioInput,
  type EncodeAudioOptions,
  encodeAudio,
  loadAudio,
  parseWav,
  probe,
  saveAudio,
} from '../../src/index.ts'
import { encodeAudioSync, loadAudioSync, saveAudioSync } from '../../src/sync.ts'
import { farFrom, md5, type Sketch, truthFile, truthOf } from '../truth/truth.ts'
import { ENCODED, LOSSY, scratch, sweep } from './audio-support.ts'

const { folder, remove } = scratch()
after(remove)
const sound = sweep(0.5)

describe('encodeAudio', () => {
  it('FLAC keeps 16 bits, and 24 of more, whatever the layout', () => {
    const layouts = fc.constantFrom('CT' as const, 'TC' as const)
    const samples = fc.array(fc.integer({ min: -32768, max: 32767 }), {
      minLength: 8,
      maxLength: 600,
    })
    fc.assert(
      fc.property(
        layouts,
        fc.integer({ min: 1, max: 8 }),
        samples,
        fc.boolean(),
        (layout, channels, given, isWide) => {
          const count = Math.floor(given.length / channels)
          const numbers = given.slice(0, count * channels)
          const data = isWide
            ? Int32Array.from(numbers, (n) => n * 65_536 + (n & 0xff) * 256)
            : Int16Array.from(numbers)
          const dtype = isWide ? 'int32' : 'int16'
          const shape = layout === 'CT' ? [channels, count] : [count, channels]
          const flac = encodeAudioSync(
            { data, dtype, shape },
            { format: 'flac', sampleRate: 32000, layout },
          )
          const back = loadAudioSync(flac, { dtype, layout })
          assert.deepEqual([back.data, back.shape, back.sampleRate], [data, shape, 32000])
        },
      ),
      { numRuns: 30 },
    )
  })

  it('float32 of 24 bits comes through FLAC as it was', async () => {
    const data = Float32Array.from(
      { length: 3000 },
      (_, i) => ((i * 7919) % 0x800000) / 0x800000 - 0.5,
    )
    const audio = { data, dtype: 'float32', shape: [1, 3000] } as const
    assert.deepEqual(
      (await loadAudio(await encodeAudio(audio, { format: 'flac', sampleRate: 96000 }))).data,
      data,
    )
  })

  it('WAV is that of encodeWav', async () => {
    const wav = parseWav(await encodeAudio(sound, { format: 'wav' }), { layout: 'CT' })
    assert.deepEqual(wav.data, sound.data)
    const float = await loadAudio(await encodeAudio(sound, { format: 'flac' }))
    assert.equal(
      parseWav(await encodeAudio(float, { format: 'wav', bitDepth: 16 })).header.bitsPerSample,
      16,
    )
    assert.equal(parseWav(await encodeAudio(float, { format: 'wav' })).header.encoding, 'float')
  })

  it('lossy formats keep length, rate and channels', async () => {
    for (const format of LOSSY) {
      for (const channels of [1, 2]) {
        const audio: AudioInput =
          channels === 2 ? sound : { ...sound, data: sound.data.slice(0, 22050), shape: [22050] }
        const bytes = await encodeAudio(audio, { format })
        assert.deepEqual(
          bytes,
          encodeAudioSync(audio, { format }),
          'the synchronous form gives the same',
        )
        const info = await probe(bytes)
        assert.ok(info.kind === 'audio')
        const sampleRate = format === 'opus' ? 48000 : 44100
        assert.deepEqual([info.channels, info.sampleRate], [channels, sampleRate], format)
        // Of Vorbis that is one page long, FFmpeg may be off by a block.
        const { shape } = await loadAudio(bytes)
        const missing = sampleRate / 2 - shape[1]!
        assert.ok(
          shape[0] === channels && Math.abs(missing) <= (format === 'ogg' ? 128 : 0),
          `${format} ${shape}`,
        )
      }
    }
  })

  it('bitRate and compressionLevel make files larger and smaller', () => {
    for (const format of LOSSY) {
      const [low, high] = [48_000, 192_000].map(
        (bitRate) => encodeAudioSync(sound, { format, bitRate }).length,
      )
      assert.ok(low! * 1.3 < high!, `${format}: ${low} ${high}`)
    }
    const [fast, small] = [0, 12].map((compressionLevel) => {
      return encodeAudioSync(sound, { format: 'flac', compressionLevel }).length
    })
    assert.ok(small! < fast!)
  })

  it('the ffmpeg command reads them as this package does, and they are what it has read', async () => {
    const { written } = truthOf<{ readonly written: Readonly<Record<string, Sketch>> }>('audio')
    for (const format of ENCODED) {
      const kept = await loadAudio(truthFile(`audio/written.${format}`), { layout: 'TC' })
      const theirs = written[`written.${format}`]!
      assert.ok(theirs.count >= kept.data.length && theirs.count < kept.data.length + 2048, format)
      assert.ok(farFrom(kept.data, theirs) < 1e-6, format)
      const now = await loadAudio(await encodeAudio(sound, { format }), { layout: 'TC' })
      assert.deepEqual(now.shape, kept.shape, format)
      const squares = now.data.reduce((sum, value, i) => sum + (value - kept.data[i]!) ** 2, 0)
      // Another processor rounds in another way, after which an encoder may decide otherwise; FLAC
      // may not.
      assert.ok(Math.sqrt(squares / now.data.length) <= (format === 'flac' ? 0 : 0.01), format)
    }
  })

  it('sox reads FLAC as it was', async () => {
    const { flac } = truthOf<{ readonly flac: string }>('sox')
    const { data } = await loadAudio(truthFile('audio/written.flac'), {
      layout: 'TC',
      dtype: 'int16',
    })
    const [left, right] = [sound.data.subarray(0, 22050), sound.data.subarray(22050)]
    assert.deepEqual(
      data,
      Int16Array.from({ length: 44100 }, (_, i) => (i % 2 ? right : left)[i >> 1]!),
    )
    assert.equal(md5(data), flac)
  })

  it('shared memory can be encoded', async () => {
    const data = new Int16Array(new SharedArrayBuffer(8000))
    data.set(sound.data.subarray(0, 4000))
    const audio = { data, dtype: 'int16', shape: [4000], sampleRate: 8000 } as const
    for (const flac of [
      encodeAudioSync(audio, { format: 'flac' }),
      await encodeAudio(audio, { format: 'flac' }),
    ]) {
      assert.deepEqual(loadAudioSync(flac, { dtype: 'int16' }).data, Int16Array.from(data))
    }
  })

  it('no samples are a file too', () => {
    const nothing = { data: new Float32Array(0), dtype: 'float32', shape: [1, 0] } as const
    assert.ok(encodeAudioSync(nothing, { format: 'flac', sampleRate: 8000 }).length > 40)
    assert.deepEqual(
      loadAudioSync(encodeAudioSync(nothing, { format: 'wav', sampleRate: 8000 })).shape,
      [1, 0],
    )
  })

  it('refuses what breaks a rule', async () => {
    const bad: [AudioInput, object, string, RegExp][] = [
      [sound, { format: 'aiff' }, 'ERR_BAD_OPTION', /`format` must be 'wav' or/],
      [
        { ...sound, sampleRate: undefined } as never,
        { format: 'flac' },
        'ERR_BAD_OPTION',
        /`sampleRate`/,
      ],
      [
        sound,
        { format: 'flac', bitRate: 9000 },
        'ERR_BAD_OPTION',
        /`bitRate` must be left out for 'flac'/,
      ],
      [
        sound,
        { format: 'mp3', bitDepth: 16 },
        'ERR_BAD_OPTION',
        /`bitDepth` must be left out for 'mp3'/,
      ],
      [sound, { format: 'mp3', quality: 1 }, 'ERR_BAD_OPTION', /unknown option `quality`/],
      [
        sound,
        { format: 'mp3', sampleRate: 12345 },
        'ERR_BAD_OPTION',
        /one of 8000, .*for 'mp3', got 12345/,
      ],
      [{ ...sound, shape: [11025, 4] }, { format: 'mp3' }, 'ERR_BAD_OPTION', /1 to 2 channels/],
      [{ ...sound, shape: [1] }, { format: 'mp3' }, 'ERR_BAD_OPTION', /`audio.shape`/],
      [
        { data: new BigInt64Array(2), dtype: 'int64', shape: [2] },
        { format: 'flac' },
        'ERR_BAD_OPTION',
        /audio\.dtype/,
      ],
    ]
    for (const [audio, options, code, message] of bad) {
      await assert.rejects(encodeAudio(audio, options as EncodeAudioOptions), { code, message })
      assert.throws(() => encodeAudioSync(audio, options as EncodeAudioOptions), { code, message })
    }
  })
})

describe('saveAudio', () => {
  it('takes the format from the name, or as it is given', async () => {
    for (const format of ['wav', ...ENCODED] as const) {
      const path = join(folder, `named.${format.toUpperCase()}`)
      await saveAudio(pathToFileURL(path), sound)
      const info = await probe(path)
      const container = {
        wav: 'wav',
        flac: 'flac',
        mp3: 'mp3',
        m4a: 'mp4',
        opus: 'ogg',
        ogg: 'ogg',
      }[format]
      assert.equal(info.format, container)
    }
    saveAudioSync(join(folder, 'odd.bin'), sound, { format: 'flac' })
    assert.equal((await probe(join(folder, 'odd.bin'))).format, 'flac')
    await assert.rejects(saveAudio(join(folder, 'odd.aiff'), sound), {
      code: 'ERR_BAD_OPTION',
      message: /named \.wav/,
    })
  })

  it('replaces a file whole, or leaves it as it was', async () => {
    const path = join(folder, 'kept.flac')
    writeFileSync(path, 'before')
    const broken = saveAudio(path, { ...sound, sampleRate: 44_101 }, { format: 'mp3' })
    await assert.rejects(broken, { name: 'MediaError' })
    assert.equal(readFileSync(path, 'utf8'), 'before')
    await saveAudio(path, sound)
    assert.deepEqual((await loadAudio(path, { dtype: 'int16' })).data, sound.data)
    const missing = join(folder, 'no', 'such', 'folder.mp3')
    await assert.rejects(saveAudio(missing, sound), { code: 'ERR_WRITE', source: missing })
    assert.ok(!existsSync(missing))
    assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')))
  })
})

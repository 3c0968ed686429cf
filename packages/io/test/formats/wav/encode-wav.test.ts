import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { wavHead } from '../../../src/formats/wav/wav-head.ts'
import {
  encodeWav,
  loadWav,
  parseWav,
  type SaveWavOptions,
  saveWav,
  type WavInput,
} from '../../../src/index.ts'
import * as sync from '../../../src/sync.ts'
import { WAV, wavFixture } from '../../fixtures/wav.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-wav-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('encoding a WAV', () => {
  it('gives byte for byte what Python and SciPy write', () => {
    const names = [...WAV.keys()].filter((name) => /^(pcm(8|16|32|24)-|float|plain)/.test(name))
    assert.ok(names.length > 10)
    for (const name of names) {
      const file = wavFixture(name)
      const audio = parseWav(file)
      const encoding = name.startsWith('pcm24') ? { encoding: 'pcm24' as const } : {}
      const bytes = Buffer.from(encodeWav(audio as WavInput, encoding))
      // Python does not pad an odd number of bytes, which the standard asks for.
      assert.deepEqual(bytes.subarray(8, file.length), file.subarray(8), name)
      assert.equal(bytes.length, file.length + (file.length % 2))
      assert.equal(bytes.readUInt32LE(4), bytes.length - 8)
      const planar = parseWav(file, { layout: 'CT' })
      assert.deepEqual(
        Buffer.from(encodeWav(planar as WavInput, encoding)),
        bytes,
        'from planar samples',
      )
    }
  })

  it('a law: what is encoded is read again, from either layout', () => {
    const shapes = fc.record({
      samples: fc.nat(40),
      channels: fc.integer({ min: 1, max: 5 }),
      sampleRate: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    })
    const classes = {
      uint8: Uint8Array,
      int16: Int16Array,
      int32: Int32Array,
      float32: Float32Array,
      float64: Float64Array,
    }
    const dtypes = fc.constantFrom('uint8', 'int16', 'int32', 'float32', 'float64')
    const layouts = fc.constantFrom('TC', 'CT')
    fc.assert(
      fc.property(
        shapes,
        dtypes,
        layouts,
        fc.nat(1000),
        ({ samples, channels, sampleRate }, dtype, layout, seed) => {
          const data = Int32Array.from({ length: samples * channels }, (_, i) =>
            Math.imul(i + seed, 0x9e3779b1),
          )
          const scale = dtype.startsWith('float') ? 2 ** -31 : 1
          const typed = (classes[dtype] as Float64ArrayConstructor).from(data, (x) => x * scale)
          const shape = layout === 'TC' ? [samples, channels] : [channels, samples]
          const audio = { data: typed, dtype, shape, layout, sampleRate } as WavInput
          const again = parseWav(encodeWav(audio), { layout })
          assert.equal(again.dtype, dtype)
          assert.equal(again.sampleRate, sampleRate)
          assert.deepEqual(again.shape, shape)
          assert.deepEqual(again.data, typed)
        },
      ),
    )
  })

  it('a law: integers that were read as float32 are written again as they were', () => {
    for (const [encoding, data] of [
      ['pcm8', Uint8Array.from({ length: 256 }, (_, i) => i)],
      ['pcm16', Int16Array.from({ length: 65536 }, (_, i) => i)],
    ] as const) {
      const dtype = encoding === 'pcm8' ? 'uint8' : 'int16'
      const wav = encodeWav({ data, dtype, shape: [data.length] }, { sampleRate: 8000 })
      const floats = parseWav(wav, { dtype: 'float32' })
      assert.deepEqual(encodeWav(floats, { encoding }), wav)
    }
    const of24 = wavFixture('pcm24-2.wav')
    assert.deepEqual(
      Buffer.from(encodeWav(parseWav(of24, { dtype: 'float32' }), { encoding: 'pcm24' })),
      of24,
    )
  })

  it('takes the nearest integer, clips what is too loud, and makes silence of what is no number', () => {
    const data = Float32Array.of(0, 1, -1, 1.5, -Infinity, Number.NaN, 0.4 / 32768, 0.6 / 32768)
    const floats = { data, dtype: 'float32', shape: [8] } as const
    const of = (encoding: SaveWavOptions['encoding']) => [
      ...parseWav(encodeWav(floats, { sampleRate: 1, encoding: encoding! })).data,
    ]
    assert.deepEqual(of('pcm16'), [0, 32767, -32768, 32767, -32768, 0, 0, 1])
    assert.deepEqual(of('pcm8'), [128, 255, 0, 255, 0, 128, 128, 128])
    assert.deepEqual(of('pcm32').slice(0, 6), [
      0,
      2 ** 31 - 1,
      -(2 ** 31),
      2 ** 31 - 1,
      -(2 ** 31),
      0,
    ])
    assert.deepEqual(of('pcm24').slice(0, 6), [
      0,
      (2 ** 23 - 1) * 256,
      -(2 ** 31),
      (2 ** 23 - 1) * 256,
      -(2 ** 31),
      0,
    ])
    assert.deepEqual(of('float64').slice(0, 4), [0, 1, -1, 1.5])
  })

  it('of more than 4 GiB has the header of RF64', () => {
    const format = { encoding: 'pcm24', channels: 2, sampleRate: 96_000 } as const
    const head = Buffer.from(wavHead(format, 1e9))
    assert.equal(head.toString('latin1', 0, 16), 'RF64\xff\xff\xff\xffWAVEds64')
    assert.equal(head.readBigUInt64LE(28), 6_000_000_000n)
    assert.equal(head.readBigUInt64LE(20), BigInt(head.length - 8) + 6_000_000_000n)
    assert.equal(head.readBigUInt64LE(36), 1_000_000_000n)
    // Less than a GiB of it in memory is as good as a truncated one.
    assert.throws(
      () => parseWav(head),
      /truncated: 6000000000 bytes of samples, of which 0 are there/,
    )
    const last = Math.floor((0xffffffff - 36) / 4)
    const of = (frames: number) =>
      Buffer.from(wavHead({ ...format, encoding: 'pcm16' }, frames)).toString('latin1', 0, 4)
    assert.deepEqual([of(last), of(last + 1)], ['RIFF', 'RF64'])
  })

  it('refuses what are no samples', async () => {
    const mono: WavInput = { data: new Int16Array(4), dtype: 'int16', shape: [4] }
    const faults: [WavInput, SaveWavOptions, RegExp][] = [
      [mono, {}, /`sampleRate` must be an integer from 1 to 4294967295, got undefined/],
      [mono, { sampleRate: 0.5 }, /got 0\.5/],
      [
        mono,
        { sampleRate: 1, encoding: 'pcm24' },
        /`encoding` must be 'pcm16' for int16, got 'pcm24'/,
      ],
      [mono, { sampleRate: 1, layout: 'x' as never }, /`layout` must be 'TC' or 'CT', got 'x'/],
      [mono, { sampleRate: 1, bits: 16 } as never, /unknown option `bits`/],
      [
        { ...mono, shape: [2, 2, 1] },
        { sampleRate: 1 },
        /`audio\.shape` must be of one or two axes, got \[2, 2, 1\]/,
      ],
      [
        { ...mono, data: new Int16Array(0), shape: [4, 0] },
        { sampleRate: 1 },
        /`audio\.shape` must be of 1 to 32767 channels, got 0/,
      ],
      [
        { ...mono, data: new Int16Array(40_000), shape: [1, 40_000] },
        { sampleRate: 1 },
        /of 1 to 32767 channels, got 40000/,
      ],
      [
        { data: new BigInt64Array(1), dtype: 'int64', shape: [1] },
        { sampleRate: 1 },
        /`audio\.dtype` must be one of uint8, int16, int32, float32, float64, got 'int64'/,
      ],
      [{ ...mono, shape: [5] }, { sampleRate: 1 }, /`audio\.shape` must be of 4 elements/],
    ]
    for (const [audio, options, message] of faults) {
      assert.throws(() => encodeWav(audio, options), { code: 'ERR_BAD_OPTION', message })
      await assert.rejects(saveWav(join(folder, 'x.wav'), audio, options), {
        code: 'ERR_BAD_OPTION',
        message,
      })
      assert.throws(() => sync.saveWavSync(join(folder, 'x.wav'), audio, options), {
        code: 'ERR_BAD_OPTION',
        message,
      })
    }
    assert.deepEqual(readdirSync(folder), [])
  })
})

describe('saving a WAV', () => {
  it('writes what encodeWav gives, in both forms, and leaves nothing beside it', async () => {
    const path = join(folder, 'a.wav')
    const audio: WavInput = {
      data: Uint8Array.of(1, 2, 3),
      dtype: 'uint8',
      shape: [3],
      sampleRate: 11025,
    }
    await saveWav(path, audio)
    assert.deepEqual(readFileSync(path), Buffer.from(encodeWav(audio)))
    const long = Float32Array.from({ length: 700_000 }, (_, i) => Math.sin(i / 9))
    const stereo: WavInput = {
      data: long,
      dtype: 'float32',
      shape: [2, 350_000],
      layout: 'CT',
      sampleRate: 48_000,
    }
    for (const encoding of ['float32', 'pcm16', 'pcm24'] as const) {
      await saveWav(path, stereo, { encoding })
      const written = readFileSync(path)
      assert.deepEqual(written, Buffer.from(encodeWav(stereo, { encoding })))
      sync.saveWavSync(path, stereo, { encoding })
      assert.deepEqual(readFileSync(path), written)
      const again = await loadWav(path, { layout: 'CT', dtype: 'float32' })
      assert.ok(again.data.every((sample, i) => Math.abs(sample - long[i]!) <= 2 ** -15))
      if (encoding === 'float32') assert.deepEqual(again.data, long)
    }
    assert.deepEqual(readdirSync(folder), ['a.wav'])
    await assert.rejects(saveWav(join(folder, 'no/a.wav'), audio), {
      code: 'ERR_WRITE',
      message: /no\/a\.wav: ENOENT/,
    })
    assert.throws(() => sync.saveWavSync(join(folder, 'no/a.wav'), audio), { code: 'ERR_WRITE' })
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { encodeWav, loadWav, parseWav } from '../../../src/index.ts'
import * as sync from '../../../src/sync.ts'
import { bytesOf } from '../../fixtures/arrays.ts'
import { assertSounds, craftFmt, craftWav, WAV, WAVS, wavFixture } from '../../fixtures/wav.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-wav-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('WAV files that others wrote', () => {
  for (const [name, expected] of WAV) {
    it(`${name}: ${expected.dtype} [${expected.shape}] is read to the bit`, async () => {
      assertSounds(parseWav(wavFixture(name)), expected)
      assertSounds(await loadWav(WAVS + name), expected)
      assertSounds(sync.loadWavSync(WAVS + name), expected)
    })
  }

  it('come from paths, URLs, bytes, shared memory and Blobs alike', async () => {
    const expected = WAV.get('pcm16-2.wav')!
    const bytes = wavFixture('pcm16-2.wav')
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    const sources = [
      pathToFileURL(`${WAVS}pcm16-2.wav`),
      new URL(`data:audio/wav;base64,${bytes.toString('base64')}`),
      bytes,
      Uint8Array.from(bytes).buffer,
      shared,
      shared.buffer,
      new Blob([Uint8Array.from(bytes)]),
    ]
    for (const source of sources) assertSounds(await loadWav(source), expected)
    assertSounds(sync.loadWavSync(sources[0] as URL), expected)
    assertSounds(sync.loadWavSync(shared), expected)
    assertSounds(parseWav(shared.buffer), expected)
    assert.equal(parseWav(shared).data.buffer, shared.buffer)
  })

  it('are read at any offset in memory, as a view where the samples are aligned', () => {
    for (const [name, expected] of WAV) {
      const bytes = wavFixture(name)
      for (const offset of [0, 1, 2, 4, 6, 8]) {
        const memory = new Uint8Array(bytes.length + 8)
        const place = memory.subarray(offset, offset + bytes.length)
        place.set(bytes)
        const audio = parseWav(place)
        assertSounds(audio, expected)
        assert.deepEqual(Buffer.from(place), bytes, 'what was given is not changed')
        const isAligned = (offset + audio.header.dataOffset) % audio.data.BYTES_PER_ELEMENT === 0
        const isAsIs = expected.encoding.length < 6 && !/24|law/.test(name) && isAligned
        assert.equal(audio.data.buffer === memory.buffer, isAsIs, `${name} at ${offset}`)
      }
    }
  })

  it('come one channel after the other when asked so', () => {
    for (const [name, { shape }] of WAV) {
      const interleaved = parseWav(wavFixture(name))
      const planar = parseWav(wavFixture(name), { layout: 'CT' })
      const [samples, channels] = shape
      assert.deepEqual(planar.shape, [channels, samples])
      assert.equal(planar.layout, 'CT')
      for (let channel = 0; channel < channels; channel++) {
        for (let i = 0; i < samples; i++) {
          assert.equal(planar.data[channel * samples + i], interleaved.data[i * channels + channel])
        }
      }
    }
  })

  it('come as numbers from -1 to 1 when asked so', async () => {
    const scales: Record<string, number> = {
      uint8: 2 ** 7,
      int16: 2 ** 15,
      int32: 2 ** 31,
      int64: 2 ** 63,
    }
    for (const [name] of WAV) {
      const stored = parseWav(wavFixture(name))
      const bias = stored.dtype === 'uint8' ? 128 : 0
      for (const layout of ['TC', 'CT'] as const) {
        const asStored = parseWav(wavFixture(name), { layout })
        const expected = Float32Array.from(
          asStored.data as Int16Array,
          (sample) => (Number(sample) - bias) / (scales[stored.dtype] ?? 1),
        )
        const options = { layout, dtype: 'float32' } as const
        for (const audio of [
          parseWav(wavFixture(name), options),
          await loadWav(WAVS + name, options),
          sync.loadWavSync(WAVS + name, options),
        ]) {
          assert.equal(audio.dtype, 'float32')
          assert.deepEqual(audio.data, expected)
          assert.ok(audio.data.every((sample) => sample >= -1 && sample <= 1))
        }
      }
    }
  })

  it('of less than a whole number of bytes a sample have it in the upper bits', () => {
    const data = Buffer.from(Int16Array.of(-32768, 32752, 16).buffer)
    const audio = parseWav(
      craftWav(['fmt ', craftFmt({ bits: 12, blockAlign: 2 })], ['data', data]),
    )
    assert.deepEqual(audio.data, Int16Array.of(-32768, 32752, 16))
    assert.equal(audio.header.bitsPerSample, 12)
    const of20 = parseWav(
      craftWav(['fmt ', craftFmt({ bits: 20, blockAlign: 3 })], ['data', Buffer.of(0x10, 0, 0x80)]),
    )
    assert.deepEqual(of20.data, Int32Array.of(0x80001000 | 0))
  })

  it('say which loudspeakers their channels are for, where they are extensible', () => {
    const { header } = parseWav(wavFixture('extensible-pcm_16.wav'))
    assert.equal(header.formatTag, 0xfffe)
    assert.ok(header.channelMask >= 0)
    assert.equal(parseWav(wavFixture('pcm16-2.wav')).header.formatTag, 1)
  })
})

describe('a window', () => {
  it('is the slice of the samples whose time is in it', async () => {
    for (const name of [
      'pcm16-2.wav',
      'pcm24-2.wav',
      'pcm8-1.wav',
      'float64.wav',
      'alaw.wav',
      'pcm16-32.wav',
      'rf64.wav',
    ]) {
      const whole = parseWav(wavFixture(name))
      const { sampleRate, numSamples, blockAlign } = whole.header
      const frameBytes = bytesOf(whole).length / numSamples
      assert.ok(blockAlign > 0)
      for (const [first, end] of [
        [0, 0],
        [0, 1],
        [1, 3],
        [2, numSamples],
        [numSamples - 1, numSamples + 9],
        [1, Infinity],
      ] as const) {
        const window = [first / sampleRate, end / sampleRate] as const
        const expected = bytesOf(whole).subarray(
          first * frameBytes,
          Math.min(end, numSamples) * frameBytes,
        )
        for (const audio of [
          parseWav(wavFixture(name), { window }),
          await loadWav(WAVS + name, { window }),
          sync.loadWavSync(WAVS + name, { window }),
        ]) {
          assert.deepEqual(bytesOf(audio), expected)
          assert.deepEqual(audio.shape, [Math.min(end, numSamples) - first, whole.shape[1]])
          assert.deepEqual(audio.header, whole.header)
        }
      }
    }
  })

  it('a law: touching windows share no sample and miss none, whatever their ends and the rate', () => {
    const samples = Uint16Array.from({ length: 2000 }, (_, i) => i)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 384_000 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 6 }),
        (sampleRate, cuts) => {
          const wav = encodeWav(
            { data: new Int16Array(samples.buffer), dtype: 'int16', shape: [2000] },
            { sampleRate },
          )
          const times = [
            0,
            ...cuts
              .map((cut) => (cut * 2000) / sampleRate)
              .filter((t) => t < 1999 / sampleRate)
              .sort((a, b) => a - b),
          ]
          const parts = times.map((start, i) =>
            parseWav(wav, { window: [start, times[i + 1] ?? Infinity] }),
          )
          assert.deepEqual(
            parts.flatMap((part) => [...part.data]),
            [...samples],
          )
        },
      ),
    )
  })

  it('a law: the time of a sample, index / sampleRate, begins a window at that sample', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 384_000 }), fc.nat(1999), (sampleRate, index) => {
        const data = Int16Array.from({ length: 2000 }, (_, i) => i)
        const wav = encodeWav({ data, dtype: 'int16', shape: [2000] }, { sampleRate })
        const time = index / sampleRate
        const audio = parseWav(wav, { window: [time, (index + 1) / sampleRate] })
        assert.deepEqual([...audio.data], [index])
      }),
    )
  })

  it('that begins behind the end, or is none, is refused', async () => {
    const bytes = wavFixture('pcm16-1.wav') // 25 samples at 8000 Hz
    const faults: [unknown, RegExp][] = [
      [
        [0.003125, 1],
        /`window` must begin before 0\.003125 s, where the audio ends, got \[0\.003125, 1\]/,
      ],
      [[1e300, Infinity], /must begin before/],
      [
        [1, 0],
        /`window` must be \[startSec, endSec\], numbers with 0 <= startSec <= endSec, got \[1, 0\]/,
      ],
      [[-1, 0], /got \[-1, 0\]/],
      [[Number.NaN, 1], /got \[NaN, 1\]/],
      [[0, Number.NaN], /got \[0, NaN\]/],
      [[Infinity, Infinity], /got \[Infinity, Infinity\]/],
      [[0], /got \[0\]/],
      ['0-1', /got '0-1'/],
    ]
    for (const [window, message] of faults) {
      const options = { window: window as [number, number] }
      assert.throws(() => parseWav(bytes, options), { code: 'ERR_BAD_OPTION', message })
      await assert.rejects(loadWav(`${WAVS}pcm16-1.wav`, options), {
        code: 'ERR_BAD_OPTION',
        message,
      })
      assert.throws(() => sync.loadWavSync(`${WAVS}pcm16-1.wav`, options), {
        code: 'ERR_BAD_OPTION',
        message,
      })
    }
    assert.deepEqual(parseWav(wavFixture('empty.wav'), { window: [0, 5] }).shape, [0, 2])
  })

  it('is all that is read of a file: two samples out of 12 GB, of RF64', async () => {
    const { wavHead } = await import('../../../src/formats/wav/wav-head.ts')
    const frames = 3e9
    const head = wavHead({ encoding: 'pcm16', channels: 2, sampleRate: 48_000 }, frames)
    const path = join(folder, 'long.wav')
    const file = await open(path, 'w')
    await file.write(head)
    await file.write(Int16Array.of(1, 2, 3, 4), 0, 8, head.length + (frames - 2) * 4)
    await file.close()
    const window = [(frames - 2) / 48_000, Infinity] as const
    for (const audio of [await loadWav(path, { window }), sync.loadWavSync(path, { window })]) {
      assert.deepEqual(audio.data, Int16Array.of(1, 2, 3, 4))
      assert.equal(audio.header.durationSec, 62_500)
    }
    rmSync(path)
  })
})

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import {
  type AudioDType,
  type LoadAudioOptions,
  loadAudio,
  parseWav,
  probe,
} from '../../src/index.ts'
import { loadAudioSync, probeSync } from '../../src/sync.ts'
import {
  channel,
  ENCODED,
  encodedSweeps,
  farthest,
  LOSSY,
  scratch,
  sweep,
} from './audio-support.ts'

const SECONDS = 4
const sound = sweep(SECONDS)
const files = encodedSweeps(SECONDS)
const { folder, remove } = scratch()
after(remove)

describe('loadAudio', () => {
  it('gives float32 [channels, samples] and the sample rate', async () => {
    for (const format of ENCODED) {
      const audio = await loadAudio(files[format])
      const rate = format === 'opus' ? 48000 : 44100
      assert.deepEqual([audio.dtype, audio.layout, audio.sampleRate], ['float32', 'CT', rate])
      assert.deepEqual([audio.shape, audio.failures], [[2, SECONDS * rate], []], format)
    }
  })

  it('the synchronous form gives the same', async () => {
    const variants: (LoadAudioOptions & { dtype?: AudioDType })[] = [
      {},
      { layout: 'TC', dtype: 'int16' },
      { sampleRate: 8000, channels: 1, window: [0.5, 1.5], numSamples: 9000, dtype: 'float64' },
      { window: [3.2, 3.4], dtype: 'uint8' },
    ]
    for (const format of ['wav', ...ENCODED] as const) {
      for (const options of variants) {
        assert.deepEqual(
          loadAudioSync(files[format], options),
          await loadAudio(files[format], options),
          format,
        )
      }
    }
  })

  it('lossless samples are those that were stored', async () => {
    for (const format of ['wav', 'flac'] as const) {
      assert.deepEqual((await loadAudio(files[format], { dtype: 'int16' })).data, sound.data)
      assert.deepEqual(
        (await loadAudio(files[format])).data,
        Float32Array.from(sound.data, (one) => one / 32768),
      )
    }
  })

  it('plain WAV in memory is a view of it, and the caller keeps it', async () => {
    const audio = await loadAudio(files.wav, { dtype: 'int16', layout: 'TC', window: [1, 2] })
    assert.equal(audio.data.buffer, files.wav.buffer)
    assert.deepEqual(audio.data, parseWav(files.wav, { window: [1, 2] }).data)
    assert.deepEqual(audio.shape, [44100, 2])
  })

  it('reads paths, URLs, Blobs, and memory of every kind', async () => {
    const options = { sampleRate: 16000, channels: 1, window: [1, 1.25] } as const
    const server = createServer((_, response) => response.end(files.mp3)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    try {
      const path = join(folder, 'a file: with %41 in its name.mp3')
      writeFileSync(path, files.mp3)
      const shared = new SharedArrayBuffer(files.mp3.length)
      new Uint8Array(shared).set(files.mp3)
      const expected = await loadAudio(files.mp3, options)
      const apart = new Uint8Array(files.mp3.length + 3)
      apart.set(files.mp3, 3)
      const http = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      const bytes = [shared, apart.subarray(3), apart.slice(3).buffer]
      for (const source of [path, pathToFileURL(path), ...bytes]) {
        assert.deepEqual(await loadAudio(source, options), expected)
        assert.deepEqual(loadAudioSync(source, options), expected)
        assert.equal((await probe(source)).kind, 'audio')
        assert.deepEqual(probeSync(source), await probe(files.mp3))
      }
      for (const source of [http, new Blob([files.mp3])]) {
        assert.deepEqual(await loadAudio(source, options), expected)
        assert.deepEqual(await probe(source), await probe(files.mp3))
      }
    } finally {
      server.close()
    }
  })

  it('many at a time', async () => {
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        loadAudio(files[ENCODED[i % 5]!], { window: [1, 1.1], sampleRate: 8000 }),
      ),
    )
    assert.ok(all.every(({ shape }) => shape[1] === 800))
  })
})

describe('windows', () => {
  it('that touch share no sample and miss none', () => {
    const cut = fc.double({ min: 0, max: SECONDS, noNaN: true })
    const options = fc.constantFrom<Omit<LoadAudioOptions, 'dtype'>>(
      {},
      { sampleRate: 16000 },
      { sampleRate: 44099, channels: 1 },
    )
    fc.assert(
      fc.property(
        fc.constantFrom('flac' as const, 'ogg' as const, 'wav' as const),
        cut,
        cut,
        options,
        (format, a, b, given) => {
          const whole = loadAudioSync(files[format], given)
          const cuts = [0, ...[a, b].toSorted((x, y) => x - y), SECONDS + 1].map((time) =>
            Math.min(time, SECONDS - 1e-3),
          )
          cuts[3] = SECONDS + 1
          const parts = [0, 1, 2].map((i) =>
            loadAudioSync(files[format], { ...given, window: [cuts[i]!, cuts[i + 1]!] }),
          )
          for (let index = 0; index < whole.shape[0]!; index++) {
            const joined = parts.flatMap((part) => [...channel(part, index)])
            assert.ok(farthest(joined, channel(whole, index)) < 1e-5, `${format} ${cuts}`)
          }
        },
      ),
      { numRuns: 8 },
    )
  })

  it('hold the samples at index / sampleRate, of the result', () => {
    for (const format of ['wav', 'flac'] as const) {
      const load = (window: readonly [number, number], sampleRate: number): number =>
        loadAudioSync(files[format], { window, sampleRate }).shape[1]!
      assert.equal(load([0, 0], 44100), 0)
      assert.equal(load([0, 1 / 44100], 44100), 1)
      assert.equal(load([0, 1 / 44100 + 1e-9], 44100), 2)
      assert.equal(load([1, 1.00001], 44100), 1)
      assert.equal(load([2 / 3, 1], 3000), 1000)
      assert.equal(load([3.9, 1e300], 1000), 100)
      assert.equal(load([3.9, Infinity], 1000), 100)
    }
  })

  it('that begin behind the end are an error that says where that is', async () => {
    for (const format of ['wav', ...ENCODED] as const) {
      for (const window of [
        [4, 5],
        [60, 61],
        [1e300, 1e301],
      ] as const) {
        await assert.rejects(loadAudio(files[format], { window }), {
          code: 'ERR_BAD_OPTION',
          message: /bytes: `window` must begin before 4 s, where the audio ends, got \[/,
        })
      }
    }
  })
})

describe('numSamples', () => {
  it('cuts to a prefix, and pads with silence', async () => {
    for (const format of ['wav', 'flac', 'mp3'] as const) {
      const whole = await loadAudio(files[format])
      const short = await loadAudio(files[format], { numSamples: 5000 })
      const long = await loadAudio(files[format], { numSamples: 200_000 })
      assert.deepEqual(
        [short.shape, long.shape],
        [
          [2, 5000],
          [2, 200_000],
        ],
      )
      for (const index of [0, 1]) {
        assert.deepEqual(channel(short, index), channel(whole, index, 0, 5000))
        assert.deepEqual(channel(long, index, 0, whole.shape[1]!), channel(whole, index))
        assert.ok(channel(long, index, whole.shape[1]!).every((sample) => sample === 0))
      }
    }
  })

  it('silence of uint8 is 128, and side by side works as well', async () => {
    const audio = await loadAudio(files.flac, {
      window: [3.9, 4],
      numSamples: 10_000,
      dtype: 'uint8',
      layout: 'TC',
    })
    assert.deepEqual(audio.shape, [10_000, 2])
    assert.ok(audio.data.subarray(4410 * 2).every((sample) => sample === 128))
  })

  it('makes clips of one length', async () => {
    for (const format of ENCODED) {
      const clip = await loadAudio(files[format], {
        window: [3.5, 9],
        sampleRate: 16000,
        channels: 1,
        numSamples: 16000,
      })
      assert.deepEqual(clip.shape, [1, 16000])
    }
  })
})

describe('what cannot be', () => {
  const refused: [object, RegExp][] = [
    [{ samplerate: 16000 }, /unknown option `samplerate`/],
    [{ window: [2, 1] }, /`window` must be \[startSec, endSec\]/],
    [{ window: [Number.NaN, 1] }, /`window`/],
    [{ sampleRate: 0 }, /`sampleRate` must be an integer from 1 to 768000, got 0/],
    [{ sampleRate: 16000.5 }, /`sampleRate`/],
    [{ channels: 9 }, /`channels` must be an integer from 1 to 8, got 9/],
    [{ layout: 'HWC' }, /`layout` must be 'CT' or 'TC'/],
    [{ dtype: 'float16' }, /`dtype` must be 'float32'/],
    [{ numSamples: 0 }, /`numSamples`/],
    [{ stream: -1 }, /`stream`/],
    [{ strict: 1 }, /`strict` must be true or false/],
    [{ signal: 1 }, /`signal` must be an AbortSignal/],
  ]
  it('every option is checked', async () => {
    for (const [options, message] of refused) {
      await assert.rejects(loadAudio(files.wav, options), { code: 'ERR_BAD_OPTION', message })
      assert.throws(() => loadAudioSync(files.wav, options), { code: 'ERR_BAD_OPTION', message })
    }
    await assert.rejects(loadAudio(7 as never), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => loadAudioSync(new Blob([]) as never), { code: 'ERR_BAD_OPTION' })
  })

  it('says what is wrong with a source, and which it is', async () => {
    const expected: [string | Uint8Array, string, RegExp][] = [
      [join(folder, 'none.mp3'), 'ERR_READ', /none\.mp3: ENOENT/],
      [folder, 'ERR_READ', /spindle-audio-.*: /],
      [new Uint8Array(0), 'ERR_DECODE', /^0 bytes: is empty$/],
      [
        Buffer.from('This is no sound, only some text.'),
        'ERR_DECODE',
        /^33 bytes: FFmpeg, opening it: /,
      ],
      ['examples/photos/cat-1.png', 'ERR_DECODE', /cat-1\.png: has no sound in it$/],
    ]
    for (const [source, code, message] of expected) {
      await assert.rejects(loadAudio(source), { name: 'MediaError', code, message })
      assert.throws(() => loadAudioSync(source), { name: 'MediaError', code, message })
    }
    await assert.rejects(probe(Buffer.from('This is no sound, only some text.')), {
      code: 'ERR_DECODE',
      message: /neither an image, sound nor video that is known: it begins with "This is no s"/,
    })
  })

  it('an aborted call rejects with the reason', async () => {
    const reason = new Error('enough')
    await assert.rejects(
      loadAudio(files.mp3, { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    )
    const controller = new AbortController()
    const calls = Array.from({ length: 20 }, () =>
      loadAudio(files.mp3, { signal: controller.signal }),
    )
    controller.abort(reason)
    for (const result of await Promise.allSettled(calls)) {
      assert.ok(result.status === 'fulfilled' || result.reason === reason)
    }
  })
})

describe('lossy formats', () => {
  it('have the length and the sound of what was encoded', async () => {
    const before = await loadAudio(files.wav, { sampleRate: 16000, channels: 1 })
    for (const format of LOSSY) {
      const { data } = await loadAudio(files[format], { sampleRate: 16000, channels: 1 })
      assert.equal(data.length, before.data.length, format)
      let [signal, noise] = [0, 0]
      for (const [i, sample] of data.entries()) {
        signal += before.data[i]! ** 2
        noise += (sample - before.data[i]!) ** 2
      }
      assert.ok(
        10 * Math.log10(signal / noise) > 20,
        `${format}: ${10 * Math.log10(signal / noise)} dB`,
      )
    }
  })
})

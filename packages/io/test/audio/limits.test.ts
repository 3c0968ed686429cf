import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import {
  encodeWav,
  loadAudio,
  loadWav,
  parseWav,
  type SoundLimits,
  streamAudio,
} from '../../src/index.ts'
import * as sync from '../../src/sync.ts'
import { encodedSweeps, sweep } from './audio-support.ts'

const files = encodedSweeps(1.5)
const wav = encodeWav(sweep(1.5), { layout: 'CT' })

async function all(chunks: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  for await (const _ of chunks);
}

/** Every way to load a sound. */
function waysOf(bytes: Uint8Array): ((limits: SoundLimits) => unknown)[] {
  return [
    (limits) => loadAudio(bytes, limits),
    (limits) => loadAudio(bytes, { ...limits, sampleRate: 22_050 }),
    (limits) => sync.loadAudioSync(bytes, { ...limits, channels: 1 }),
    (limits) => all(streamAudio(bytes, { ...limits, samplesPerChunk: 100_000 })),
    (limits) => all(sync.streamAudioSync(bytes, { ...limits, samplesPerChunk: 100_000 })),
  ]
}

const wavWays: typeof waysOf = (bytes) => [
  (limits) => loadWav(bytes, limits),
  (limits) => sync.loadWavSync(bytes, limits),
  (limits) => parseWav(bytes, { ...limits, dtype: 'float32' }),
]

describe('limits of sound', () => {
  it('are kept by every form: what is longer is ERR_TOO_LARGE, and names option, value and what there is', async () => {
    const limits = [{ maxDurationSec: 0.9 }, { maxSamples: 20_000 }, { maxResultBytes: 200_000 }]
    const sounds = [
      ...Object.values(files).map((bytes) => waysOf(bytes)),
      [...wavWays(wav), (some: SoundLimits) => all(streamAudio(Readable.from([wav]), some))],
    ]
    for (const ways of sounds) {
      for (const some of limits) {
        const [[name, value]] = Object.entries(some) as [[string, number]]
        const message = new RegExp(
          `: at least \\d+(\\.\\d+)? \\w.*, more than \`${name}\` \\(${value}\\)$`,
        )
        for (const way of ways)
          await assert.rejects(async () => way(some), { code: 'ERR_TOO_LARGE', message })
      }
    }
  })

  it('count what is returned: a window, a rate, a number of samples', async () => {
    const enough = { maxDurationSec: 1.5, maxSamples: 66_150, maxResultBytes: 66_150 * 2 * 4 }
    for (const bytes of [wav, ...Object.values(files)]) {
      const { data } = await loadAudio(bytes, { maxDurationSec: 1.6 })
      assert.ok(data.length > 0)
      const options = { window: [0.5, 1], sampleRate: 8000 } as const
      const exact = { maxDurationSec: 0.5, maxSamples: 4000, maxResultBytes: 4000 * 2 * 4 }
      assert.deepEqual((await loadAudio(bytes, { ...options, ...exact })).shape, [2, 4000])
      const padded = { numSamples: 1_000_000, maxSamples: 500_000 }
      await assert.rejects(loadAudio(bytes, padded), { code: 'ERR_TOO_LARGE' })
    }
    for (const bytes of [wav, files.flac]) await loadAudio(bytes, enough)
    assert.equal(parseWav(wav, { window: [0, 0], maxSamples: 1 }).header.durationSec, 1.5)
    await all(streamAudio(wav, { maxResultBytes: 8000, samplesPerChunk: 1000 }))
  })

  it('are 2 GiB a result by default, and none of time', () => {
    assert.throws(() => sync.loadAudioSync(files.flac, { numSamples: 0x7fffffff }), {
      code: 'ERR_TOO_LARGE',
      message: /`maxResultBytes` \(2147483648\)/,
    })
    assert.throws(() => sync.loadAudioSync(wav, { numSamples: 0x7fffffff }), {
      code: 'ERR_TOO_LARGE',
    })
  })

  it('are checked', () => {
    const wrong = [0, -1, Number.NaN, '1', null]
    for (const name of ['maxDurationSec', 'maxSamples', 'maxResultBytes']) {
      for (const value of name === 'maxDurationSec' ? wrong : [...wrong, 1.5]) {
        const limits = { [name]: value } as SoundLimits
        const fault = { code: 'ERR_BAD_OPTION', message: new RegExp(`\`${name}\` must be`) }
        assert.throws(() => parseWav(wav, limits), fault)
        assert.throws(() => sync.loadAudioSync(wav, limits), fault)
        assert.throws(() => streamAudio(wav, limits), fault)
      }
      sync.loadAudioSync(wav, { [name]: Infinity })
    }
  })
})

describe('headers that announce what is not there', () => {
  it('cost no memory', () => {
    // FLAC of 2^36 - 1 samples, WAV of 4 GB, and of one sample a second that is to become many.
    const flac = Buffer.from(files.flac)
    flac.writeUIntBE(0xf_ff, 20, 2)
    flac[21] = (files.flac[21]! & 0xf0) | 15
    flac[20] = files.flac[20]!
    flac.fill(255, 22, 26)
    const huge = Buffer.from(wav)
    huge.writeUInt32LE(0xfffffff0, huge.indexOf('data') + 4)
    const slow = Buffer.from(wav)
    slow.writeUInt32LE(1, 24)
    const before = process.memoryUsage().rss
    assert.throws(() => sync.loadAudioSync(flac, { maxDurationSec: 60 }), { code: 'ERR_TOO_LARGE' })
    assert.throws(() => sync.loadAudioSync(flac, { window: [1.4, 1.5], maxSamples: 1000 }), {
      code: 'ERR_TOO_LARGE',
    })
    sync.loadAudioSync(huge, { sampleRate: 8000 })
    assert.throws(() => sync.loadAudioSync(slow, { sampleRate: 768_000, maxSamples: 1000 }), {
      code: 'ERR_TOO_LARGE',
    })
    assert.throws(() => sync.loadAudioSync(slow, { sampleRate: 768_000 }), {
      code: 'ERR_TOO_LARGE',
    })
    const grown = (process.memoryUsage().rss - before) / 2 ** 20
    assert.ok(grown < 120, `${grown.toFixed()} MB`)
  })
})

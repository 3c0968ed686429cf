import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AudioArray, encodeWav, loadAudio, type MediaError, probe } from '../../src/index.ts'
import { encodeAudioSync, loadAudioSync, probeSync } from '../../src/sync.ts'
import { numbers } from '../support.ts'
import { ENCODED, encodedSweeps, sweep } from './audio-support.ts'

const SECONDS = 1.5
const files = encodedSweeps(SECONDS)
const small = { sampleRate: 8000, channels: 1 } as const

/**
 * What came of it: an array that is one, or a fault that names its source; anything else fails the
 * test.
 */
function outcome(bytes: Uint8Array, result: AudioArray | unknown): 'whole' | 'partly' | 'refused' {
  if (!(result instanceof Error)) {
    const { data, shape, failures } = result as AudioArray
    assert.equal(data.length, shape[0]! * shape[1]!)
    assert.ok(data.every((sample) => Number.isFinite(Number(sample))))
    for (const { error, timeSec } of failures) {
      assert.equal(error.source, `${bytes.length} bytes`)
      assert.ok(timeSec >= 0 && timeSec < 3600)
    }
    return failures.length === 0 ? 'whole' : 'partly'
  }
  const { name, code, source, message } = result as MediaError
  assert.equal(name, 'MediaError', String(result))
  assert.ok(['ERR_DECODE', 'ERR_UNSUPPORTED', 'ERR_BAD_OPTION'].includes(code), message)
  assert.equal(source, `${bytes.length} bytes`)
  assert.ok(message.startsWith(`${bytes.length} bytes: `), message)
  return 'refused'
}

function loadInThread(bytes: Uint8Array, options: object): ReturnType<typeof outcome> {
  let result: unknown
  try {
    result = loadAudioSync(bytes, { ...small, ...options })
  } catch (error) {
    result = error
  }
  return outcome(bytes, result)
}

async function loadInPool(bytes: Uint8Array, options: object): Promise<ReturnType<typeof outcome>> {
  return outcome(
    bytes,
    await loadAudio(bytes, { ...small, ...options }).catch((error: unknown) => error),
  )
}

function mutations(whole: Uint8Array, count: number, within: number): Uint8Array[] {
  const random = numbers(11)
  return Array.from({ length: count }, () => {
    const bytes = Uint8Array.from(whole)
    for (let i = 0; i <= random(4); i++) {
      const at = random(Math.min(within, bytes.length))
      bytes[at] = random(2) === 0 ? random(256) : bytes[at]! ^ (1 << random(8))
    }
    return bytes
  })
}

describe('damaged sound', () => {
  for (const format of ['wav', ...ENCODED] as const) {
    const whole = files[format]

    it(`${format}: a truncated file is an error, wherever it ends`, async () => {
      const cuts = Array.from({ length: 24 }, (_, i) =>
        whole.subarray(0, Math.floor((whole.length * i) / 26)),
      )
      const outcomes = await Promise.all(cuts.map((bytes) => loadInPool(bytes, {})))
      assert.deepEqual(new Set(outcomes), new Set(['refused']))
      assert.equal(loadInThread(whole, {}), 'whole')
    })

    it(`${format}: leniently it gives what is there, and says what is not`, () => {
      for (let i = 0; i < 12; i++) {
        const result = loadInThread(whole.subarray(0, Math.floor((whole.length * i) / 12)), {
          strict: false,
        })
        assert.notEqual(result, 'whole', `${i}/12`)
        // Ogg has pages of a second, and without the table at its end an MP4 file is noise.
        if (i >= 3 && ['wav', 'flac', 'mp3'].includes(format))
          assert.equal(result, 'partly', `${i}/12`)
      }
    })

    it(`${format}: flipped bits and lying headers do no more harm than an error`, async () => {
      const all = [...mutations(whole, 25, Infinity), ...mutations(whole, 25, 400)]
      const options = [
        {},
        { strict: false },
        { window: [0.7, 0.8] },
        { window: [1, 2], strict: false, numSamples: 99 },
      ]
      const inPool = await Promise.all(all.map((bytes, i) => loadInPool(bytes, options[i % 4]!)))
      const here = all.map((bytes, i) => loadInThread(bytes, options[i % 4]!))
      assert.deepEqual(here, inPool)
      assert.equal(loadInThread(whole, {}), 'whole')
      for (const bytes of all) {
        await probe(bytes).catch((error: MediaError) =>
          assert.equal(error.source, `${bytes.length} bytes`),
        )
      }
    })
  }

  it('a short MP3 that lacks samples is told by its exact length, though few frames are missing', () => {
    const mp3 = encodeAudioSync(sweep(0.1, 16000), { format: 'mp3' })
    const whole = loadAudioSync(mp3).shape
    for (let length = 0; length < mp3.length; length += 11) {
      try {
        assert.deepEqual(
          loadAudioSync(mp3.subarray(0, length)).shape,
          whole,
          `${length} of ${mp3.length} bytes`,
        )
      } catch (error) {
        assert.equal((error as MediaError).code, 'ERR_DECODE')
      }
    }
  })

  it('what a file says of its end is not all: only damage in the window counts', async () => {
    const flac = Uint8Array.from(files.flac)
    flac.fill(0x55, flac.length - 2000, flac.length - 500)
    await assert.rejects(loadAudio(flac), { code: 'ERR_DECODE' })
    assert.equal((await loadAudio(flac, { window: [0, 0.5] })).shape[1], 22050)
    await assert.rejects(loadAudio(flac, { window: [1, 2] }), { code: 'ERR_DECODE' })
  })

  it('a frame that is lost leaves silence, and all after it in place', () => {
    const whole = loadAudioSync(files.flac)
    const flac = Uint8Array.from(files.flac)
    const middle = flac.length >> 1
    flac.fill(0x55, middle, middle + 200)
    const { data, shape, failures } = loadAudioSync(flac, { strict: false })
    assert.deepEqual(shape, whole.shape)
    assert.ok(failures.length > 0)
    assert.ok(Math.abs(failures[0]!.timeSec - SECONDS / 2) < 0.3, String(failures[0]!.timeSec))
    const tail = shape[1]! - 20_000
    assert.deepEqual(data.subarray(tail, shape[1]), whole.data.subarray(tail, shape[1]))
    const isAsBefore = (i: number): boolean => data[i] === whole.data[i] || data[i] === 0
    assert.ok(Array.from({ length: shape[1]! }, (_, i) => i).every(isAsBefore))
  })

  it('a WAV file cut off is told by its header; leniently FFmpeg reads what is there', () => {
    const wav = encodeWav(sweep(1), { layout: 'CT' })
    const cut = wav.subarray(0, 100_044)
    assert.throws(() => loadAudioSync(cut), { code: 'ERR_DECODE', message: /truncated/ })
    const { shape, failures } = loadAudioSync(cut, { strict: false })
    assert.deepEqual(shape, [2, 25_000])
    assert.match(failures[0]!.error.message, /^100044 bytes: truncated/)
  })

  it('heads of files, cut to every length, are probed to a fault or an answer', () => {
    for (const format of ENCODED) {
      for (let length = 0; length < 300; length += length < 60 ? 1 : 17) {
        try {
          assert.equal(probeSync(files[format].subarray(0, length)).kind, 'audio')
        } catch (error) {
          assert.equal((error as MediaError).code, 'ERR_DECODE')
          assert.equal((error as MediaError).source, `${length} bytes`)
        }
      }
    }
  })
})

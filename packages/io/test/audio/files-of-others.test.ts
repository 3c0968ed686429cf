import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import {
  type AudioArray,
  encodeWav,
  type LoadAudioOptions,
  loadAudio,
  probe,
  streamAudio,
} from '../../src/index.ts'
import { encodeAudioSync, loadAudioSync, probeSync, streamAudioSync } from '../../src/sync.ts'
import { encodedSweeps, low, sweep } from './audio-support.ts'
import { oggPage, pagesOf } from './ogg-pages.ts'

const files = encodedSweeps(1.5)
const oggs = {
  opus: encodeAudioSync(sweep(3), { format: 'opus' }),
  ogg: encodeAudioSync(sweep(3), { format: 'ogg' }),
}
const wav = Buffer.from(encodeWav(low(3), { layout: 'CT' }))
const DATA = wav.indexOf('data')

/** Chunks of one channel after the other, as one sound. */
function joined(chunks: readonly AudioArray[]): number[] {
  const channels = chunks[0]?.shape[0] ?? 0
  return Array.from({ length: channels }, (_, channel) =>
    chunks.flatMap(({ data, shape }) => [
      ...(data as Float32Array).subarray(channel * shape[1]!, (channel + 1) * shape[1]!),
    ]),
  ).flat()
}

async function live(bytes: Uint8Array, options: object = {}): Promise<number[]> {
  const chunks: AudioArray[] = []
  const pieces = [
    bytes.subarray(0, 7),
    bytes.subarray(7, 41),
    bytes.subarray(41, 5000),
    bytes.subarray(5000),
  ]
  for await (const chunk of streamAudio(Readable.from(pieces), options)) chunks.push(chunk)
  return joined(chunks)
}

/** Whether a file gives the same as another in every form. */
async function isSame(bytes: Uint8Array, whole: Uint8Array, name: string): Promise<void> {
  const all: LoadAudioOptions[] = [
    {},
    { sampleRate: 16000 },
    { channels: 1 },
    { window: [1.5, 1.75], sampleRate: 4000 },
  ]
  for (const options of all) {
    const expected = loadAudioSync(whole, options).data
    assert.deepEqual(loadAudioSync(bytes, options).data, expected, name)
    const chunks = joined([...streamAudioSync(bytes, { ...options, samplesPerChunk: 20_000 })])
    assert.deepEqual(Float32Array.from(chunks), expected, name)
  }
  assert.deepEqual((await loadAudio(bytes)).data, loadAudioSync(whole).data, name)
}

describe('a WAV file of unknown size', () => {
  const sized = (size: number): Buffer => {
    const bytes = Buffer.from(wav)
    bytes.writeUInt32LE(size, DATA + 4)
    return bytes
  }

  it('is read to its end, resampled, mixed and in chunks, too', async () => {
    for (const size of [0, 0xffffffff, 0x7fffffff, 0x7ffff000, 0xffffff9b, 2_000_000_000]) {
      await isSame(sized(size), wav, String(size))
    }
  })

  it('and from a stream', async () => {
    const expected = [...loadAudioSync(wav).data]
    for (const size of [0, 0xffffffff, 2_000_000_000, 4_000_001]) {
      assert.deepEqual(await live(sized(size)), expected, String(size))
    }
  })

  it('is told from one that is truncated', async () => {
    const cut = wav.subarray(0, 40_044)
    const truncated = { code: 'ERR_DECODE', message: /`strict: false`/ }
    assert.throws(() => loadAudioSync(cut, { sampleRate: 4000 }), truncated)
    assert.throws(() => [...streamAudioSync(cut)], truncated)
    await assert.rejects(live(cut), truncated)
    for (const options of [{}, { channels: 1 }] as const) {
      const { shape, failures } = loadAudioSync(cut, { strict: false, ...options })
      assert.equal(shape[1], 10_000)
      assert.match(failures[0]!.error.message, /truncated/)
    }
    const [chunk] = streamAudioSync(cut, { strict: false })
    assert.equal(chunk!.failures.length, 1)
    assert.equal((await live(cut, { strict: false })).length, 20_000)
  })
})

describe('a big-endian WAV file', () => {
  it('has the samples of the little-endian one, in every form', async () => {
    const rifx = Buffer.from(wav)
    rifx.write('RIFX')
    for (const at of [4, 16, 24, 28, DATA + 4]) rifx.subarray(at, at + 4).swap32()
    for (const at of [20, 22, 32, 34]) rifx.subarray(at, at + 2).swap16()
    rifx.subarray(DATA + 8).swap16()
    await isSame(rifx, wav, 'RIFX')
    assert.deepEqual(await live(rifx), [...loadAudioSync(wav).data])
    const info = await probe(rifx)
    assert.ok(info.kind === 'audio' && info.codec === 'pcm_s16be' && info.durationSec === 3)
  })
})

describe('many channels of unknown places', () => {
  it('are resampled and streamed, and not mixed', async () => {
    const data = Int16Array.from({ length: 16 * 4000 }, (_, i) => (i % 16) * 1000)
    const sound = { data, dtype: 'int16', shape: [4000, 16] } as const
    const many = encodeWav(sound, { sampleRate: 8000 })
    const expected = loadAudioSync(many)
    assert.deepEqual(joined([...streamAudioSync(many, { samplesPerChunk: 999 })]), [
      ...expected.data,
    ])
    const { data: half, shape } = loadAudioSync(many, { sampleRate: 4000 })
    assert.deepEqual(shape, [16, 2000])
    for (let channel = 0; channel < 16; channel++)
      assert.ok(Math.abs(half[channel * 2000 + 1000]! - (channel * 1000) / 32768) < 1e-3)
    assert.throws(() => loadAudioSync(many, { channels: 2 }), { code: 'ERR_UNSUPPORTED' })
  })
})

describe('bytes behind the last frame', () => {
  const tag = Buffer.concat([Buffer.from('TAGtitle'), Buffer.alloc(120)])
  const TAILS: Record<string, Uint8Array> = {
    ...{
      'one zero': Buffer.alloc(1),
      zeros: Buffer.alloc(4096),
      ID3v1: tag,
      'a line': Buffer.from('\n'),
    },
    'Lyrics3 and ID3v1': Buffer.concat([Buffer.from('LYRICSBEGININD0000210000015LYRICS200'), tag]),
    ID3v2: Buffer.from(
      `ID3\x04\0\x10\0\0\0\x10${'\0'.repeat(16)}3DI\x04\0\x10\0\0\0\x10`,
      'latin1',
    ),
    APE: Buffer.from(`APETAGEX\xd0\x07\0\0 \0\0\0\0\0\0\0\0\0\0\x80${'\0'.repeat(8)}`, 'latin1'),
    junk: Buffer.from(Array.from({ length: 333 }, (_, i) => (i * 37) % 251)),
    ones: Buffer.alloc(64, 255),
  }

  it('are passed over, where all that was announced has been decoded', async () => {
    for (const format of ['mp3', 'flac', 'opus', 'ogg', 'm4a'] as const) {
      const expected = loadAudioSync(files[format])
      for (const [name, tail] of Object.entries(TAILS)) {
        const bytes = Buffer.concat([files[format], tail])
        assert.deepEqual(loadAudioSync(bytes).data, expected.data, `${format} and ${name}`)
      }
    }
    const bytes = Buffer.concat([files.flac, TAILS.ID3v1!])
    assert.deepEqual(await live(bytes), [...loadAudioSync(files.flac).data])
  })

  it('and behind an MP3 that announces nothing', () => {
    const frames = mp3Frames(files.mp3).slice(1)
    const bare = Buffer.concat(frames)
    const { shape } = loadAudioSync(bare)
    assert.equal(shape[1], frames.length * 1152)
    for (const [name, tail] of Object.entries(TAILS))
      assert.deepEqual(loadAudioSync(Buffer.concat([bare, tail])).shape, shape, name)
  })

  it('frames behind damage are no such bytes', () => {
    const frames = mp3Frames(files.mp3)
    const damaged = Buffer.concat([...frames.slice(0, 20), TAILS.junk!, ...frames.slice(20)])
    assert.throws(() => loadAudioSync(damaged), { code: 'ERR_DECODE', message: /`strict: false`/ })
    const tagged = Buffer.concat([...frames, TAILS.ID3v2!, ...frames.slice(1)])
    assert.ok(loadAudioSync(tagged, { strict: false }).shape[1]! > 2.5 * 44100)
  })
})

describe('sound that was cut out by copying', () => {
  it('MP3 whose first frames have their data in frames that are gone', () => {
    const frames = mp3Frames(files.mp3)
    assert.equal(
      loadAudioSync(Buffer.concat(frames.slice(40))).shape[1],
      (frames.length - 40) * 1152,
    )
  })

  it('MP3 with less padding than the decoder has delay', () => {
    const bytes = Buffer.from(files.mp3)
    const delays = Math.max(bytes.indexOf('Info'), bytes.indexOf('Xing')) + 141
    bytes[delays + 1] = bytes[delays + 1]! & 0xf0
    bytes[delays + 2] = 0
    const frames = mp3Frames(bytes)
    assert.equal(loadAudioSync(bytes).shape[1], (frames.length - 1) * 1152 - 1105)
    const fewer = Buffer.concat(frames.slice(0, -1))
    assert.throws(() => loadAudioSync(fewer), { code: 'ERR_DECODE', message: /truncated/ })
  })

  it('Ogg that does not begin at 0', () => {
    for (const format of ['opus', 'ogg'] as const) {
      const pages = pagesOf(oggs[format])
      const later = pages.map((page, i) =>
        i < 2 ? page : { ...page, granule: page.granule + 480_000n },
      )
      const bytes = Buffer.concat(later.map(oggPage))
      const info = probeSync(bytes)
      assert.ok(info.kind === 'audio')
      assert.ok(Math.abs(info.durationSec! - 3) < 0.05, `${format} ${info.durationSec}`)
      const { shape } = loadAudioSync(bytes)
      const whole = loadAudioSync(oggs[format]).shape[1]!
      assert.ok(Math.abs(shape[1]! - whole) <= 312 + 1024, `${format} ${shape[1]} ${whole}`)
    }
  })

  it('FLAC whose header is of the whole', () => {
    const frames = flacFrames(files.flac)
    const piece = Buffer.concat([frames.head, ...frames.all.slice(7, 12)])
    const whole = loadAudioSync(files.flac)
    const { data, shape } = loadAudioSync(piece)
    assert.equal(shape[1], 5 * frames.samples)
    assert.deepEqual(
      data.subarray(0, shape[1]),
      whole.data.subarray(7 * frames.samples, 12 * frames.samples),
    )
    assert.throws(() => loadAudioSync(Buffer.concat([frames.head, ...frames.all.slice(0, 12)])), {
      message: /truncated/,
    })
  })
})

describe('Ogg', () => {
  it('may end in an empty packet', () => {
    const pages = pagesOf(oggs.ogg)
    const last = pages.at(-1)!
    const empty = { ...last, sequence: last.sequence + 1, segments: [0], body: Buffer.alloc(0) }
    const bytes = Buffer.concat([...pages.slice(0, -1), { ...last, flags: 0 }, empty].map(oggPage))
    const { shape } = loadAudioSync(bytes)
    assert.ok(shape[1]! >= loadAudioSync(oggs.ogg).shape[1]!)
    assert.equal(joined([...streamAudioSync(bytes)]).length, shape[0]! * shape[1]!)
  })

  it('files behind each other are one sound, of which a window may be anywhere', () => {
    const second = pagesOf(oggs.ogg).map((page) => oggPage({ ...page, serial: page.serial ^ 77 }))
    const chain = Buffer.concat([oggs.ogg, ...second])
    const whole = loadAudioSync(chain)
    const samples = whole.shape[1]!
    assert.ok(samples >= 2 * 3 * 44100)
    const { data, shape } = loadAudioSync(chain, { window: [4, 5] })
    assert.deepEqual(shape, [2, 44100])
    assert.deepEqual(data.subarray(0, 44100), whole.data.subarray(4 * 44100, 5 * 44100))
    assert.equal(joined([...streamAudioSync(chain, { window: [4, 5] })]).length, 2 * 44100)
    const info = probeSync(chain)
    assert.ok(info.kind === 'audio')
    assert.ok(Math.abs(info.durationSec! - samples / 44100) < 0.05, String(info.durationSec))
    assert.throws(() => loadAudioSync(chain, { window: [7, 8] }), {
      code: 'ERR_BAD_OPTION',
      message: /6(\.\d+)? s/,
    })
  })

  it('also where their streams have the same number', () => {
    const chain = Buffer.concat([oggs.ogg, oggs.ogg])
    const whole = loadAudioSync(chain)
    for (const [from, to] of [
      [2.6, 3.4],
      [4, 4.5],
    ] as const) {
      const { data, shape } = loadAudioSync(chain, { window: [from, to] })
      assert.equal(shape[1], Math.round((to - from) * 44100))
      const streamed = joined([
        ...streamAudioSync(chain, { window: [from, to], samplesPerChunk: 5000 }),
      ])
      assert.equal(streamed.length, 2 * shape[1]!)
      const first = Math.round(from * 44100)
      assert.deepEqual(data.subarray(0, shape[1]), whole.data.subarray(first, first + shape[1]!))
    }
  })

  it('a page that is lost is damage', () => {
    for (const format of ['opus', 'ogg'] as const) {
      const pages = pagesOf(oggs[format])
      assert.ok(pages.length > 4, `${format} ${pages.length}`)
      const bytes = Buffer.concat(pages.filter((_, i) => i !== pages.length - 2).map(oggPage))
      assert.throws(() => loadAudioSync(bytes), { code: 'ERR_DECODE' }, format)
    }
  })
})

describe('sound that is shorter than the filter of the resampler', () => {
  it('has its samples all the same', () => {
    for (const samples of [1, 10, 31, 64, 127, 200]) {
      const data = new Int16Array(samples).fill(8192)
      const short = encodeWav({ data, dtype: 'int16', shape: [samples] }, { sampleRate: 8000 })
      for (const sampleRate of [4000, 16_000, 44_100]) {
        const { data: made } = loadAudioSync(short, { sampleRate })
        const expected = Math.ceil((samples * sampleRate) / 8000)
        assert.ok(
          Math.abs(made.length - expected) <= (samples < 128 ? 0 : 1),
          `${samples} ${made.length} ${expected}`,
        )
        assert.ok(
          made.some((sample) => sample > 0.1),
          `${samples} at ${sampleRate}`,
        )
      }
    }
  })
})

describe('sound that is not supported', () => {
  it('is refused by the name of the feature', () => {
    const drm = Buffer.from(files.m4a)
    drm.write('drms', drm.indexOf('mp4a', drm.indexOf('stsd')))
    assert.throws(() => loadAudioSync(drm), {
      code: 'ERR_UNSUPPORTED',
      message: /encrypted \(FairPlay\)/,
    })
    const midi = Buffer.from('MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0', 'latin1')
    assert.throws(() => loadAudioSync(midi), { code: 'ERR_UNSUPPORTED', message: /MIDI/ })
  })
})

/** The frames of an MP3 of 44.1 kHz (MPEG-1 layer III), the one with the tag first. */
function mp3Frames(mp3: Uint8Array): Buffer[] {
  const RATES = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
  const bytes = Buffer.from(mp3)
  const frames: Buffer[] = []
  let at = bytes.toString('latin1', 0, 3) === 'ID3' ? 10 + bytes[9]! + bytes[8]! * 128 : 0
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const size =
      Math.floor((144_000 * RATES[bytes[at + 2]! >> 4]!) / 44100) + ((bytes[at + 2]! >> 1) & 1)
    frames.push(bytes.subarray(at, at + size))
    at += size
  }
  return frames
}

/** The frames of a FLAC file of one block size, by their numbers. */
function flacFrames(flac: Uint8Array): { head: Buffer; all: Buffer[]; samples: number } {
  const bytes = Buffer.from(flac)
  const starts: number[] = []
  for (let at = 42; at < bytes.length; at++) {
    const isNext = bytes[at] === 0xff && bytes[at + 1] === 0xf8 && bytes[at + 4] === starts.length
    if (isNext) starts.push(at)
  }
  const all = starts.map((start, i) => bytes.subarray(start, starts[i + 1]))
  return { head: bytes.subarray(0, starts[0]), all, samples: bytes.readUInt16BE(8) }
}

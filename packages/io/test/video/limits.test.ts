import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import {
  decode,
  demux,
  loadAudio,
  loadVideo,
  probe,
  sampleVideo,
  streamFrames,
  streamVideo,
  type VideoLimits,
} from '../../src/index.ts'
import { Mp4Watch } from '../../src/streaming-input/watch-mp4.ts'
import { loadVideoSync, probeSync, sampleVideoSync, streamVideoSync } from '../../src/sync.ts'
import { clip } from '../chain/media-support.ts'
import { numbers } from '../support.ts'
import { coded, muxed, VIDEOS } from './made-videos.ts'

type Source = Uint8Array

const drained = async (chunks: AsyncIterable<unknown>): Promise<number> => {
  let count = 0
  for await (const _ of chunks) count++
  return count
}

/** Every form, each giving all frames of a file. */
const FORMS: Record<string, (source: Source, limits: VideoLimits) => Promise<unknown>> = {
  loadVideo: (source, limits) => loadVideo(source, limits),
  loadVideoSync: async (source, limits) => loadVideoSync(source, limits),
  sampleVideo: (source, limits) => sampleVideo(source, { ...limits, every: 1 }),
  sampleVideoSync: async (source, limits) => sampleVideoSync(source, { ...limits, every: 1 }),
  streamVideo: async (source, limits) => drained(streamVideo(source, limits)),
  streamVideoSync: async (source, limits) => [...streamVideoSync(source, limits)],
  decode: (source, limits) => decode(source, limits),
  'decode to RGB': (source, limits) => decode(source, { ...limits, pixelFormat: 'rgb24' }),
  streamFrames: (source, limits) =>
    drained(streamFrames(source, { ...limits, framesPerChunk: 30 })),
}

describe('limits of video', () => {
  const source = VIDEOS.mp4!()

  for (const [name, load] of Object.entries(FORMS)) {
    it(`${name} refuses what exceeds one, and names it`, async () => {
      const refuses = (limits: VideoLimits, message: RegExp, of = source): Promise<void> =>
        assert.rejects(load(of, limits), { code: 'ERR_TOO_LARGE', message })
      await refuses(
        { maxPixels: 3071 },
        /frames of 64x48, 3072 pixels, more than `maxPixels` \(3071\)/,
      )
      await refuses({ maxFrames: 29 }, /30 frames.*`maxFrames` \(29\)/)
      await refuses(
        { maxResultBytes: 100_000 },
        /take \d+ bytes, more than `maxResultBytes` \(100000\)/,
      )
      await refuses({ maxResultBytes: 10 }, /more than `maxResultBytes` \(10\)/)
      await load(source, { maxPixels: 3072, maxFrames: 30, maxResultBytes: 30 * 64 * 48 * 3 })
      await load(source, { maxPixels: Infinity, maxFrames: Infinity, maxResultBytes: Infinity })
      await assert.rejects(load(source, { maxPixels: 0 }), {
        code: 'ERR_BAD_OPTION',
        message: /`maxPixels` must be an integer >= 1 or Infinity, got 0/,
      })
    })
  }

  it('frames that grow on the way are refused where they do', async () => {
    const options = { globalHeader: false }
    const grown = Buffer.concat([
      muxed('h264', coded(options)),
      muxed('h264', coded(options, clip(3, 256, 192))),
    ])
    for (const [name, load] of Object.entries(FORMS)) {
      if (name.startsWith('decode') || name === 'streamFrames') continue // no array holds both
      await load(grown, {})
      await assert.rejects(load(grown, { maxPixels: 5000 }), {
        code: 'ERR_TOO_LARGE',
        message: /frames of 256x192/,
      })
    }
    await assert.rejects(decode(grown, { maxPixels: 5000 }), { code: 'ERR_TOO_LARGE' })
  })

  it('what a stream gave before a limit is given', async () => {
    let frames = 0
    const chunks = streamVideo(source, { maxFrames: 20, framesPerChunk: 8 })
    await assert.rejects(
      async () => {
        for await (const { shape } of chunks) frames += shape[0]!
      },
      { code: 'ERR_TOO_LARGE' },
    )
    assert.equal(frames, 20)
  })

  it('a filter may make of large frames small ones', async () => {
    const made = await decode(source, {
      filter: 'scale=4:4',
      pixelFormat: 'gray8',
      maxResultBytes: 30 * 64 * 48,
    })
    assert.deepEqual(made?.array.shape, [30, 4, 4, 1])
  })

  it('do not concern what is only asked about', async () => {
    const file = Buffer.from(VIDEOS['mp4 without B-frames']!())
    file.writeUInt32BE((32_000 << 16) | 32_000, file.indexOf('avc1', file.indexOf('stsd')) + 28)
    file.write('av02', file.indexOf('avc1', file.indexOf('stsd')), 'latin1') // no decoder says otherwise
    const info = await probe(file)
    assert.ok(info.kind === 'video')
    assert.deepEqual([info.width, info.height, info.numFrames], [32_000, 32_000, 30])
  })

  it('a picture of few bytes and many pixels is refused before it is decoded', async () => {
    // The logical screen of a GIF.
    const gif = Buffer.from(VIDEOS.gif!())
    gif.writeUInt16LE(65_535, 6)
    gif.writeUInt16LE(65_535, 8)
    for (const load of Object.values(FORMS))
      await assert.rejects(load(gif, {}), { code: 'ERR_TOO_LARGE', message: /65535x65535/ })
  })
})

describe('an MP4 that announces more samples than it has bytes', () => {
  const SAMPLES = 80_000_000
  const forms: Record<string, (source: Source) => Promise<unknown>> = {
    ...{ probe, demux, loadAudio, probeSync: async (source: Source) => probeSync(source) },
    ...Object.fromEntries(
      Object.entries(FORMS).map(([name, load]) => [name, (source: Source) => load(source, {})]),
    ),
  }

  for (const [name, make] of Object.entries({
    'in its index': () => {
      const file = Buffer.from(VIDEOS['mp4 without B-frames']!())
      const at = (type: string): number => file.lastIndexOf(type)
      file.writeUInt32BE(1, at('stsz') + 8) // all of one byte
      file.writeUInt32BE(SAMPLES, at('stsz') + 12)
      file.writeUInt32BE(SAMPLES, at('stsc') + 16)
      file.writeUInt32BE(SAMPLES, at('stts') + 12)
      file.write('free', at('stss'), 'latin1')
      return file
    },
    'in a box that is none of an index': () => {
      const file = Buffer.from(VIDEOS['fragmented mp4']!())
      const run = file.indexOf('trun')
      file.writeUInt32BE(file.readUInt32BE(run + 4) & 0x05, run + 4)
      file.writeUInt32BE(SAMPLES, run + 8)
      // The fragment lies in another box.
      const at = file.indexOf('moof') - 4
      const head = Buffer.alloc(8)
      head.writeUInt32BE(8 + file.readUInt32BE(at), 0)
      head.write('udta', 4, 'latin1')
      return Buffer.concat([file.subarray(0, at), head, file.subarray(at)])
    },
    'in a fragment': () => {
      const file = Buffer.from(VIDEOS['fragmented mp4']!())
      const run = file.indexOf('trun')
      file.writeUInt32BE(file.readUInt32BE(run + 4) & 0x05, run + 4)
      file.writeUInt32BE(SAMPLES, run + 8)
      return file
    },
  })) {
    it(`${name} is refused before FFmpeg makes an index of gigabytes`, async () => {
      const bomb = make()
      for (const open of Object.values(forms))
        await assert.rejects(open(bomb), {
          code: 'ERR_DECODE',
          message: /announces 8\d{7} samples in \d+ bytes/,
        })
    })
  }
})

describe('a stream of MP4', () => {
  const fragmented = Buffer.from(VIDEOS['fragmented mp4']!())

  it('comes out of the watch over its indexes as it went in, however it is cut', async () => {
    const random = numbers(3)
    for (const name of ['mp4', 'fragmented mp4', 'matroska', 'MPEG-TS', 'PNG, mov']) {
      const bytes = Buffer.from(VIDEOS[name]!())
      for (const most of [3, 40, 5000, 1e9]) {
        const pieces: Uint8Array[] = []
        for (let at = 0; at < bytes.length; ) {
          const length = Math.min(bytes.length - at, 1 + random(Math.min(most, 1 << 20)))
          pieces.push(bytes.subarray(at, at + length))
          at += length
        }
        const out = await Readable.from(pieces).pipe(new Mp4Watch()).toArray()
        assert.ok(bytes.equals(Buffer.concat(out as Buffer[])), `${name} in pieces of ${most}`)
      }
    }
  })

  it('that announces more samples than can be is refused before FFmpeg sees them', async () => {
    const bomb = Buffer.from(fragmented)
    const second = bomb.indexOf('trun', bomb.indexOf('trun') + 4)
    bomb.writeUInt32BE(bomb.readUInt32BE(second + 4) & 0x05, second + 4)
    bomb.writeUInt32BE(80_000_000, second + 8)
    const frames: number[] = []
    await assert.rejects(
      async () => {
        const source = Readable.from([bomb.subarray(0, 700), bomb.subarray(700)])
        for await (const { shape } of streamVideo(source, { framesPerChunk: 1 }))
          frames.push(shape[0]!)
      },
      { code: 'ERR_DECODE', message: /stream: .*announces 8\d{7} samples/ },
    )
    const large = Buffer.alloc(16)
    large.writeUInt32BE(1 << 28, 0)
    large.write('moov', 4, 'latin1')
    const claimed = Buffer.concat([fragmented.subarray(0, fragmented.indexOf('moov') - 4), large])
    await assert.rejects(streamVideo(Readable.from([claimed])).next(), {
      code: 'ERR_UNSUPPORTED',
      message: /a box \(moov\) of 268435456 bytes in a stream/,
    })
  })
})

describe('what is not supported is no damage', () => {
  it('encryption', async () => {
    const key = '00112233445566778899aabbccddeeff'
    const formatOptions = {
      encryption_scheme: 'cenc-aes-ctr',
      encryption_key: key,
      encryption_kid: key,
    }
    const source = muxed('mp4', coded(), { formatOptions })
    for (const load of Object.values(FORMS))
      await assert.rejects(load(source, {}), {
        code: 'ERR_UNSUPPORTED',
        message: /it is encrypted/,
      })
    assert.equal((await probe(source)).kind, 'video')
  })

  it('HEIC: a still picture in the boxes of a video', async () => {
    const box = (type: string, ...parts: Uint8Array[]): Buffer => {
      const body = Buffer.concat(parts)
      const head = Buffer.alloc(8)
      head.writeUInt32BE(8 + body.length, 0)
      head.write(type, 4, 'latin1')
      return Buffer.concat([head, body])
    }
    const item = (id: number, type: string): Buffer =>
      box('infe', Buffer.from([2, 0, 0, 0, 0, id, 0, 0]), Buffer.from(type), Buffer.alloc(1))
    const heic = Buffer.concat([
      box('ftyp', Buffer.from('heic\0\0\0\0mif1heic')),
      box(
        'meta',
        Buffer.alloc(4),
        box('pitm', Buffer.from([0, 0, 0, 0, 0, 2])),
        box('iinf', Buffer.from([0, 0, 0, 0, 0, 2]), item(1, 'hvc1'), item(2, 'grid')),
      ),
      box('mdat', Buffer.alloc(100)),
    ])
    const named = {
      code: 'ERR_UNSUPPORTED',
      message: /a still HEIC picture, made of tiles, not a video/,
    }
    for (const [name, load] of Object.entries(FORMS))
      if (name.includes('Video')) await assert.rejects(load(heic, {}), named)
    // It goes the way of pictures, and has no picture.
    await assert.rejects(probe(heic), { code: 'ERR_DECODE', message: /HEIF/ })
    await assert.rejects(streamVideo(Readable.from([heic])).next(), named)
  })

  it('colours that are not converted', async () => {
    const source = muxed('mp4', coded({ options: { preset: 'ultrafast', colorspace: 'ictcp' } }))
    for (const [name, load] of Object.entries(FORMS)) {
      if (name === 'decode' || name === 'streamFrames') await load(source, {})
      else
        await assert.rejects(load(source, {}), {
          code: 'ERR_UNSUPPORTED',
          message: /its colours are ICtCp/,
        })
    }
  })

  it('a codec that nothing decodes', async () => {
    const file = Buffer.from(VIDEOS.mp4!())
    file.write('zzzz', file.indexOf('avc1', file.indexOf('stsd')), 'latin1')
    await assert.rejects(loadVideo(file), {
      code: 'ERR_UNSUPPORTED',
      message: /no decoder for its codec \(zzzz\)/,
    })
  })
})

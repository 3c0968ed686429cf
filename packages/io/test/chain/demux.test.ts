import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Demuxer, openHandles, type TimeWindow } from '../../src/media.ts'
import { numbers } from '../support.ts'
import { truthFile, truthOf } from '../truth/truth.ts'
import { decoded, hash, scratch, using } from './media-support.ts'

const { folder, remove } = scratch()
after(remove)
afterEach(() => assert.deepEqual(openHandles(), {}, 'all is disposed of'))

const one = truthFile('media/one.mp4')
const groups = truthFile('media/groups.mp4')
const soundFirst = truthFile('media/sound-first.mkv')
/** Of each packet, what ffprobe tells: pts, dts, size and flags. */
const { packets: probed } = truthOf<{
  packets: Record<'video' | 'audio' | 'soundFirst', string[]>
}>('media')

describe('a demuxer', () => {
  it('tells the streams, in the order of the file', () => {
    using(new Demuxer(groups, { probe: true }), ({ streams, best, durationSec }) => {
      const [video, audio] = streams
      assert.deepEqual(
        [video!.kind, video!.codec, video!.width, video!.height],
        ['video', 'h264', 64, 48],
      )
      assert.deepEqual([video!.frameRate, video!.pixelFormat], [{ num: 25, den: 1 }, 'yuv420p'])
      assert.deepEqual(
        [audio!.kind, audio!.codec, audio!.sampleRate, audio!.channels],
        ['audio', 'aac', 48000, 1],
      )
      assert.deepEqual([audio!.sampleFormat, audio!.channelLayout], ['fltp', 'mono'])
      assert.ok(typeof best === 'function' && durationSec !== undefined)
    })
    using(new Demuxer(soundFirst), (demuxer) => {
      assert.deepEqual(
        demuxer.streams.map(({ kind }) => kind),
        ['audio', 'video'],
      )
      assert.deepEqual([demuxer.best('audio')?.index, demuxer.best('video')?.index], [0, 1])
    })
    using(new Demuxer(one), (demuxer) => {
      assert.equal(demuxer.best('audio'), undefined)
      assert.equal(demuxer.durationSec, 4)
    })
  })

  it('gives the frame rate exactly, 30000/1001 too', () => {
    for (const rate of ['30', '60', '30000/1001']) {
      const path = truthFile(`media/rate-${rate.replace('/', '-')}.mp4`)
      const [num, den = 1] = rate.split('/').map(Number)
      using(new Demuxer(path), ({ streams }) =>
        assert.deepEqual(streams[0]!.frameRate, { num, den }),
      )
    }
  })

  it('gives time stamps, sizes and keyframes as ffprobe does', () => {
    for (const [path, kind, lines] of [
      [groups, 'video', probed.video],
      [groups, 'audio', probed.audio],
      [soundFirst, 'audio', probed.soundFirst],
    ] as const) {
      const expected = lines.map((line) => line.split(',') as [string, string, string, string])
      const packets = using(new Demuxer(path), (demuxer) => demuxer.demux({ stream: kind }))
      const given = [...packets].map(({ pts, dts, data, isKeyframe }) => [
        `${pts}`,
        `${dts ?? pts}`,
        `${data.length}`,
        isKeyframe ? 'K' : '_',
      ])
      assert.deepEqual(
        given,
        expected.map(([pts, dts, size, flags]) => [pts, dts === 'N/A' ? pts : dts, size, flags[0]]),
      )
    }
  })

  it('reads paths, file URLs, bytes, shared bytes and views alike', () => {
    const bytes = readFileSync(groups)
    const shared = new SharedArrayBuffer(bytes.length)
    new Uint8Array(shared).set(bytes)
    const padded = Buffer.concat([Buffer.alloc(7), bytes])
    const sources = [
      pathToFileURL(groups),
      bytes,
      shared,
      new Uint8Array(shared),
      padded.subarray(7),
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    ]
    const expected = using(new Demuxer(groups), (demuxer) =>
      [...demuxer.demux()].map(({ data }) => hash(data)),
    )
    for (const source of sources) {
      const given = using(new Demuxer(source as Uint8Array), (demuxer) =>
        [...demuxer.demux()].map(({ data }) => hash(data)),
      )
      assert.deepEqual(given, expected)
    }
  })

  it('gives the same packets again and again, and window after window on one open file', () => {
    for (const source of [groups, readFileSync(groups)]) {
      using(new Demuxer(source), (demuxer) => {
        const all = demuxer.demux()
        const windows: TimeWindow[] = [
          [1, 1.4],
          [0.2, 0.3],
          [1, 1.4],
        ]
        const [first, second, third] = windows.map((window) => demuxer.demux({ window }))
        assert.deepEqual([first!.length, second!.length, third!.length], [10, 3, 10])
        assert.deepEqual(first!.serialize(), third!.serialize())
        assert.deepEqual(demuxer.demux().serialize(), all.serialize())
      })
    }
  })

  it('gives several streams at once', () => {
    using(new Demuxer(groups), (demuxer) => {
      const [video, audio] = demuxer.demuxMany()
      assert.deepEqual(video!.serialize(), demuxer.demux({ stream: 'video' }).serialize())
      assert.deepEqual(audio!.serialize(), demuxer.demux({ stream: 1 }).serialize())
      const [part] = demuxer.demuxMany({ streams: [1], window: [0.5, 1] })
      assert.equal(part!.stream.index, 1)
    })
  })

  it('gives chunks that together are the whole, of exactly as many packets as asked for', () => {
    using(new Demuxer(groups), (demuxer) => {
      const all = [...demuxer.demux()].map(({ pts }) => pts)
      const chunks = [...demuxer.chunks({ packetsPerChunk: 8 })]
      assert.deepEqual(
        chunks.map(({ length }) => length),
        [8, 8, 8, 8, 8, 8, 2],
      )
      assert.deepEqual(
        chunks.flatMap((chunk) => [...chunk].map(({ pts }) => pts)),
        all,
      )
      const many = [...demuxer.chunksOfMany({ durationSec: 0.5 })]
      const joined = [0, 1].map((i) =>
        many.flatMap((chunk) => [...chunk[i]!].map(({ dts }) => dts)),
      )
      assert.deepEqual(
        joined,
        demuxer.demuxMany().map((packets) => [...packets].map(({ dts }) => dts)),
      )
      for (const chunk of many.slice(0, -1)) assert.ok(chunk.every(({ length }) => length > 5))
    })
  })

  it('refuses bad options, saying which', () => {
    const fault = (code: string, text: RegExp): object => ({
      name: 'MediaError',
      code,
      message: text,
    })
    assert.throws(() => new Demuxer(5 as never), fault('ERR_BAD_OPTION', /source/))
    assert.throws(
      () => new Demuxer(groups, { fomat: 'mp4' } as never),
      fault('ERR_BAD_OPTION', /fomat/),
    )
    assert.throws(() => new Demuxer(groups, { format: 'nope' }), fault('ERR_BAD_OPTION', /'nope'/))
    assert.throws(
      () => new Demuxer(groups, { formatOptions: { nope: '1' } }),
      fault('ERR_BAD_OPTION', /no option nope/),
    )
    using(new Demuxer(groups), (demuxer) => {
      assert.throws(() => demuxer.demux({ stream: 2 }), fault('ERR_BAD_OPTION', /stream/))
      assert.throws(() => demuxer.demux({ window: [2, 1] }), fault('ERR_BAD_OPTION', /window/))
      assert.throws(
        () => demuxer.demux({ window: [0, Number.NaN] }),
        fault('ERR_BAD_OPTION', /window/),
      )
      assert.throws(() => demuxer.chunks({}).next(), fault('ERR_BAD_OPTION', /packetsPerChunk/))
      assert.throws(
        () => demuxer.chunks({ packetsPerChunk: 0 }).next(),
        fault('ERR_BAD_OPTION', /packetsPerChunk/),
      )
    })
    using(new Demuxer(one), (demuxer) => {
      assert.throws(
        () => demuxer.demux({ stream: 'audio' }),
        fault('ERR_DECODE', /has no audio stream/),
      )
    })
  })

  it('names what it cannot open, and says why', () => {
    const junk = join(folder, 'junk.mp4')
    writeFileSync(junk, 'no video at all')
    assert.throws(() => new Demuxer(join(folder, 'none.mp4')), {
      code: 'ERR_READ',
      message: /none\.mp4: ENOENT/,
    })
    assert.throws(() => new Demuxer(junk), {
      code: 'ERR_DECODE',
      message: /junk\.mp4: cannot be opened: FFmpeg/,
    })
    assert.throws(() => new Demuxer(new Uint8Array(10)), { message: /^10 bytes: cannot be opened/ })
    assert.throws(() => new Demuxer(new Uint8Array(10), { name: 'my clip' }), {
      message: /^my clip: /,
    })
    assert.throws(() => new Demuxer(new Uint8Array(0)), { code: 'ERR_DECODE', message: /is empty/ })
    const list = join(folder, 'list.m3u8')
    writeFileSync(list, `#EXTM3U\n#EXTINF:1,\n${one}\n#EXT-X-ENDLIST\n`)
    assert.throws(() => new Demuxer(list))
  })

  it('reads headerless files when it is told what they are', () => {
    const raw = join(folder, 'raw.s16le')
    writeFileSync(raw, noise(2000))
    assert.throws(() => new Demuxer(raw))
    const options = { format: 's16le', formatOptions: { sample_rate: '16000' } }
    using(new Demuxer(raw, options), ({ streams }) => assert.equal(streams[0]!.sampleRate, 16000))
    const nv12 = join(folder, 'raw.nv12')
    writeFileSync(nv12, noise(100 * 72 * 64))
    const given = decoded(nv12, (frames) => frames.toArray(), {
      demuxer: { format: 'rawvideo', formatOptions: { pixel_format: 'nv12', video_size: '64x48' } },
    })
    assert.deepEqual(given.shape, [100, 72, 64])
    assert.equal(hash(given), hash(readFileSync(nv12)))
  })
})

describe('a window', () => {
  // One keyframe, 25 pictures a second.
  const table: [window: TimeWindow, pictures: number[]][] = [
    ...[0, 1, 2, 3].map((at): [TimeWindow, number[]] => [[at, at], []]),
    [[0, 0.04], [0]],
    [
      [0, 0.08],
      [0, 1],
    ],
    [
      [0, 0.12],
      [0, 1, 2],
    ],
    [[0.04, 0.08], [1]],
    [
      [0.04, 0.12],
      [1, 2],
    ],
    [[0, 0.02], [0]],
    [[0.02, 0.04], []],
    [[0.04, 0.06], [1]],
    [[0.08, 0.12], [2]],
    [
      [0, 0.16],
      [0, 1, 2, 3],
    ],
    [
      [0.04, 0.2],
      [1, 2, 3, 4],
    ],
    [[0.01, 0.08], [1]],
    [
      [0.03, 0.12],
      [1, 2],
    ],
    [
      [0, 0.041],
      [0, 1],
    ],
    [
      [0, 0.081],
      [0, 1, 2],
    ],
    [
      [
        { num: 1, den: 25 },
        { num: 3, den: 25 },
      ],
      [1, 2],
    ],
    [
      [{ num: 1, den: 25 }, 0.12],
      [1, 2],
    ],
    [
      [3.9, Infinity],
      [98, 99],
    ],
    [[3.96, 1000], [99]],
    [[100, 101], []],
  ]
  for (const [window, pictures] of table) {
    it(`${JSON.stringify(window)} holds the pictures ${pictures.join(', ') || '(none)'}`, () => {
      const times = pictures.map((picture) => picture / 25)
      const packets = using(new Demuxer(one), (demuxer) => demuxer.demux({ window }))
      assert.deepEqual([...packets.timesSec], times)
      assert.equal(packets.length, pictures.length)
      assert.deepEqual(
        decoded(one, (frames) => [...frames.timesSec], { window }),
        times,
      )
    })
  }

  it('of packets is that of the whole, picture by picture, in every container and codec', () => {
    const names = [
      'w.mp4',
      'open.mp4',
      'w.mkv',
      'w.m2t',
      'w.avi',
      'hevc.mp4',
      'w.webm',
      'offset.mp4',
    ]
    for (const name of names) {
      const path = truthFile(`media/${name}`)
      const [all, hashes] = decoded(
        path,
        (frames) =>
          [
            [...frames.timesSec],
            [...frames].map((_, i) =>
              using(frames.slice(i, i + 1), (picture) => hash(picture.toArray())),
            ),
          ] as const,
      )
      const begin = all[0]!
      assert.equal(all.length, 50, name)
      using(new Demuxer(path), (demuxer) => {
        for (const [from, to] of [
          [0, 3],
          [11, 14],
          [23, 27],
          [24, 25],
          [35, 50],
          [47, 48],
        ] as const) {
          const window: TimeWindow = [all[from]!, to < all.length ? all[to]! : begin + 100]
          const given = decoded(
            path,
            (frames) =>
              [...frames].map((_, i) =>
                using(frames.slice(i, i + 1), (picture) => hash(picture.toArray())),
              ),
            { window },
          )
          assert.deepEqual(given, hashes.slice(from, to), `${name} ${from}..${to}`)
          const packets = demuxer.demux({ window })
          assert.ok(
            packets.stored <= to - (from - (from % 12)) + 40,
            `${name}: ${packets.stored} packets for ${from}..${to}`,
          )
        }
      })
    }
  })

  it('of sound is cut by the sample', () => {
    // Lossless, so that every sample is the same wherever decoding began.
    const path = truthFile('media/sound.mka')
    const whole = decoded(path, (frames) => frames.toArray().data as Int16Array, {
      stream: 'audio',
    })
    for (const [start, end] of [
      [0, 0.25],
      [0.5, 1],
      [1.25, 1.2501],
      [1.7, 1.9],
    ] as const) {
      const part = decoded(path, (frames) => frames.toArray(), {
        stream: 'audio',
        window: [start, end],
      })
      const [from, to] = [start, end].map((time) => Math.ceil(time * 48000 - 1e-6)) as [
        number,
        number,
      ]
      assert.deepEqual(part.shape, [to - from, 1])
      assert.deepEqual(part.data, whole.slice(from, to))
    }
  })
})

function noise(bytes: number): Uint8Array {
  const random = numbers(11)
  return Uint8Array.from({ length: bytes }, () => random(256))
}

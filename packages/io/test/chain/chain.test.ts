import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { encodeWav, stack } from '../../src/index.ts'
import {
  BitstreamFilter,
  Decoder,
  Demuxer,
  Encoder,
  FilterGraph,
  Frames,
  filters,
  Muxer,
  openHandles,
  Packets,
} from '../../src/media.ts'
import { encodeAudioSync } from '../../src/sync.ts'
import { sourceUrl } from '../child-program.ts'
import { truthBytes, truthFile, truthOf } from '../truth/truth.ts'
import { clip, decoded, GRAPH, hash, scratch, using } from './media-support.ts'
import {
  CONTAINERS,
  encodeTo,
  LOSSLESS,
  remuxed,
  remuxedAgain,
  type Written,
  writtenIn,
} from './written.ts'

interface Truth {
  /** pts and picture type of each. */
  readonly frames: readonly string[]
  readonly pictures: string
  readonly samples: Readonly<Record<string, string>>
  readonly layouts: Readonly<Record<string, string>>
  readonly filtered: Readonly<Record<string, string>>
  readonly lossless: Readonly<Record<string, { readonly written: Written; readonly read: string }>>
  readonly remuxed: Readonly<Record<string, { readonly written: Written; readonly read: string }>>
}
const truth = truthOf<Truth>('media')
const { folder, remove } = scratch()
after(remove)
afterEach(() => assert.deepEqual(openHandles(), {}, 'all is disposed of'))

const path = truthFile('media/groups.mp4')
const read = (stream: 'video' | 'audio', window?: readonly [number, number]): Packets =>
  using(new Demuxer(path), (demuxer) =>
    demuxer.demux({ stream, ...(window === undefined ? {} : { window }) }),
  )
const media = sourceUrl('media')

describe('packets', () => {
  it('come out of their serialised form as they went in, also shared and empty', () => {
    for (const packets of [
      read('video'),
      read('audio'),
      read('video', [0.5, 0.7]),
      read('video', [50, 51]),
    ]) {
      for (const shared of [false, true]) {
        const bytes = packets.serialize({ shared })
        assert.equal(bytes.buffer instanceof SharedArrayBuffer, shared)
        const back = Packets.view(bytes)
        assert.deepEqual([...back], [...packets])
        assert.deepEqual(back.stream, packets.stream)
        assert.deepEqual(
          [back.window, back.source, back.length],
          [packets.window, packets.source, packets.length],
        )
      }
    }
  })

  it('lie at multiples of 64, with 64 zeros behind, and are views', () => {
    const bytes = read('video').serialize()
    for (const { data } of Packets.view(bytes)) {
      assert.equal(data.buffer, bytes.buffer)
      assert.equal((data.byteOffset - bytes.byteOffset) % 64, 0)
      const behind = data.byteOffset - bytes.byteOffset + data.length
      assert.ok(bytes.subarray(behind, behind + 64).every((byte) => byte === 0))
    }
  })

  it('keep the side data by which priming samples are cut off', () => {
    const packets = read('audio')
    const samples = (from: Packets): string =>
      using(new Decoder(from.stream), (decoder) =>
        using(decoder.decode(from), (frames) => hash(frames.toArray())),
      )
    assert.ok([...packets].some(({ sideData }) => sideData.length > 0))
    assert.equal(samples(Packets.view(packets.serialize({ shared: true }))), samples(packets))
  })

  it('are refused where they are damaged, at whatever byte they are cut', () => {
    const bytes = read('video', [0, 0.1]).serialize().slice()
    for (let length = 0; length < bytes.length; length += 61) {
      assert.throws(() => Packets.view(bytes.subarray(0, length)), {
        code: 'ERR_DECODE',
        message: /serialised packets/,
      })
    }
    bytes[4] = 99
    assert.throws(() => Packets.view(bytes), { code: 'ERR_DECODE', message: /version 99/ })
    assert.throws(() => Packets.view('x' as never), { code: 'ERR_BAD_OPTION' })
  })

  it('are decoded in another thread, out of shared memory, and in another process', async () => {
    const packets = read('video', [0.5, 1.1])
    const expected = using(new Decoder(packets.stream), (decoder) =>
      using(decoder.decode(packets), (frames) => hash(frames.toArray())),
    )
    const code = (get: string, tell: string): string => `
      import { createHash } from 'node:crypto'
      import { readFileSync } from 'node:fs'
      import { workerData, parentPort } from 'node:worker_threads'
      if (${JSON.stringify(media)}.endsWith('.ts')) (await import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))})).register()
      const { Decoder, Packets } = await import(${JSON.stringify(media)})
      const packets = Packets.view(${get})
      const frames = new Decoder(packets.stream).decode(packets)
      const { data } = frames.toArray()
      const found = createHash('md5').update(data).digest('hex')
      ${tell}`
    const inThread = join(folder, 'in-thread.mjs')
    writeFileSync(inThread, code('workerData', 'parentPort.postMessage(found)'))
    const flags = ['--conditions=@spindle/source']
    const worker = new Worker(inThread, { workerData: packets.serialize({ shared: true }) })
    const told = await new Promise((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    )
    assert.equal(told, expected)
    await worker.terminate()
    writeFileSync(join(folder, 'packets.bin'), packets.serialize())
    const child = spawnSync(
      process.execPath,
      [
        ...flags,
        '--input-type=module',
        '-e',
        code(
          `readFileSync(${JSON.stringify(join(folder, 'packets.bin'))})`,
          'process.stdout.write(found)',
        ),
      ],
      {
        encoding: 'utf8',
        cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    )
    assert.deepEqual([child.status, child.stdout], [0, expected], child.stderr)
  })

  it('can be sliced, joined, cloned; a clone outlives the memory of a view', () => {
    const packets = read('video')
    const parts = [packets.slice(0, 10), packets.slice(10)]
    assert.deepEqual([...Packets.join(parts)], [...packets])
    assert.equal(packets.slice(-3).stored, 3)
    const bytes = packets.serialize().slice()
    const view = Packets.view(bytes)
    const clone = view.clone()
    bytes.fill(0, 64)
    assert.deepEqual([...clone], [...packets])
    assert.equal(packets.within([0.2, 0.4]).length, 5)
    assert.throws(() => packets.at(50), { code: 'ERR_BAD_OPTION' })
  })

  it('that were disposed of are an error to use', () => {
    const packets = read('video').clone()
    packets[Symbol.dispose]()
    for (const use of [
      () => packets.length,
      () => packets.clone(),
      () => [...packets],
      () => packets.serialize(),
    ]) {
      assert.throws(use, { code: 'ERR_BAD_STATE' })
    }
  })
})

describe('a decoder', () => {
  it('gives the pictures and samples that the ffmpeg command gives, bit for bit, and the times that ffprobe gives', () => {
    const pictures = decoded(path, (frames) => frames.toArray())
    assert.deepEqual([pictures.dtype, pictures.shape], ['uint8', [50, 72, 64]])
    assert.equal(hash(pictures), truth.pictures)
    const expected = truth.frames.map((line) => line.split(','))
    decoded(path, (frames) => {
      assert.deepEqual(
        [...frames.pts].map(String),
        expected.map(([pts]) => pts),
      )
      assert.deepEqual(
        [...frames].map(({ pictureType }) => pictureType),
        expected.map(([, type]) => type),
      )
      assert.ok(frames.at(0).isKeyframe && !frames.at(1).isKeyframe)
    })
    for (const [name, samples] of Object.entries(truth.samples))
      decoded(
        truthBytes(`media/${name}`),
        (frames) => assert.equal(hash(frames.toArray()), samples, name),
        {
          stream: 'audio',
        },
      )
  })

  it('gives the same however the packets are cut, and the tail at flush', () => {
    const whole = decoded(path, (frames) => hash(frames.toArray()))
    for (const packetsPerChunk of [1, 7, 50]) {
      using(new Demuxer(path), (demuxer) =>
        using(new Decoder(demuxer.best('video')!), (decoder) => {
          const arrays = []
          for (const frames of decoder.decodeChunks(demuxer.chunks({ packetsPerChunk }), {
            framesPerChunk: 10,
          })) {
            assert.ok(frames.length <= 10)
            arrays.push(
              ...using(frames, (open) =>
                [...open].map((_, i) => using(open.slice(i, i + 1), (one) => one.toArray())),
              ),
            )
          }
          assert.equal(
            hash(Buffer.concat(arrays.map(({ data }) => Buffer.from(data.buffer)))),
            whole,
          )
        }),
      )
    }
  })

  it('is strict about damage, or tolerant and tells it', () => {
    const bytes = readFileSync(path)
    const packets = using(new Demuxer(bytes), (demuxer) => demuxer.demux())
    const from = bytes.indexOf(packets.at(12).data.subarray(0, 16))
    for (let i = from + 20; i < from + 2000; i += 7) bytes[i]! ^= 0x5a
    assert.throws(() => decoded(bytes, () => {}), {
      code: 'ERR_DECODE',
      message: /bytes: FFmpeg, decoding/,
    })
    using(new Demuxer(bytes), (demuxer) =>
      using(new Decoder(demuxer.best('video')!, { strict: false }), (decoder) =>
        using(decoder.decode(demuxer.demux()), (frames) => {
          assert.ok(frames.length > 30)
          assert.ok(decoder.failureCount > 0 && decoder.failures.length > 0)
          assert.match(decoder.failures[0]!.problem, /FFmpeg/)
        }),
      ),
    )
  })

  it('sees that a file is truncated', () => {
    const whole = readFileSync(truthFile('media/cut.mkv'))
    const half = whole.subarray(0, whole.length >> 1)
    const tolerant = { demuxer: { strict: false }, decoder: { strict: false } }
    const count = decoded(half, ({ length }) => length, tolerant)
    assert.ok(count > 0 && count < 50, `${count} pictures`)
    assert.throws(() => decoded(readFileSync(path).subarray(0, 2000), () => {}), {
      code: 'ERR_DECODE',
    })
  })

  it('tries a device, tells why there is none, and falls back or not as asked', () => {
    const { stream } = read('video')
    using(new Decoder(stream, { hardware: 'auto' }), ({ hardware }) => {
      if (hardware.used === undefined)
        assert.ok(
          hardware.tried.length > 0 && hardware.tried.every(({ problem }) => problem !== ''),
        )
    })
    using(
      new Decoder(stream, { hardware: { kind: 'videotoolbox', fallback: true } }),
      ({ hardware }) => {
        assert.ok(process.platform === 'darwin' || hardware.tried[0]?.kind === 'videotoolbox')
      },
    )
    if (process.platform === 'linux') {
      assert.throws(() => new Decoder(stream, { hardware: 'videotoolbox' }), {
        code: 'ERR_UNSUPPORTED',
        message: /videotoolbox/,
      })
    }
    assert.throws(() => new Decoder(stream, { hardware: 'abacus' as never }), {
      code: 'ERR_BAD_OPTION',
    })
  })

  it('takes decoders and options by name, and refuses those that there are not', () => {
    const { stream } = read('video')
    new Decoder(stream, { decoder: 'h264', decoderOptions: { nal_length_size: '4' }, threads: 2 })[
      Symbol.dispose
    ]()
    assert.throws(() => new Decoder(stream, { decoder: 'nope' }), { code: 'ERR_UNSUPPORTED' })
    assert.throws(() => new Decoder(stream, { decoderOptions: { nope: '1' } }), {
      code: 'ERR_BAD_OPTION',
      message: /nope=1/,
    })
    assert.throws(() => new Decoder(stream, { threads: -1 }), {
      code: 'ERR_BAD_OPTION',
      message: /threads/,
    })
    using(new Decoder(stream), (decoder) => {
      assert.throws(() => decoder.push(read('audio')), { code: 'ERR_BAD_OPTION', message: /h264/ })
    })
  })
})

describe('frames', () => {
  it('are sliced, picked and cloned without disposing of one another', () => {
    decoded(path, (frames) => {
      const all = frames.toArray().data
      const size = all.length / 50
      const picture = (i: number): Buffer => Buffer.from(all.buffer, i * size, size)
      using(frames.slice(0, 50, 3), (some) => assert.equal(some.length, 17))
      using(frames.pick([0, 49, 1, 3, -1, -50, 3]), (some) => {
        const expected = Buffer.concat([0, 49, 1, 3, 49, 0, 3].map(picture))
        assert.equal(hash(some.toArray()), hash(expected))
      })
      using(frames.pick([]), (none) => {
        assert.equal(none.length, 0)
        assert.throws(() => none.toArray(), { code: 'ERR_BAD_STATE' })
      })
      assert.throws(() => frames.pick([50]), { code: 'ERR_BAD_OPTION' })
      assert.throws(() => frames.at(-51), { code: 'ERR_BAD_OPTION' })
      for (let i = 0; i < 100; i++) using(frames.clone(), ({ length }) => assert.equal(length, 50))
      assert.equal(hash(frames.toArray()), hash(all as Uint8Array))
      assert.deepEqual(frames.at(0).metadata, {})
    })
  })

  it('become arrays of every usual format, as the ffmpeg command lays them out', () => {
    const shapes = {
      ...{
        rgb24: [4, 48, 64, 3],
        rgba: [4, 48, 64, 4],
        gray: [4, 48, 64, 1],
        yuv444p: [4, 3, 48, 64],
        gbrp: [4, 3, 48, 64],
      },
      ...{
        nv12: [4, 72, 64],
        yuv422p: [4, 96, 64],
        yuv420p10le: [4, 72, 64],
        gray16le: [4, 48, 64, 1],
      },
    }
    for (const [format, shape] of Object.entries(shapes)) {
      const raw = truthBytes(`media/raw-${format}.nut`)
      const array = decoded(raw, (frames) => frames.toArray())
      assert.deepEqual(
        [array.shape, array.dtype],
        [shape, /1[06]le/.test(format) ? 'uint16' : 'uint8'],
        format,
      )
      assert.equal(hash(array), truth.layouts[`raw-${format}.nut`], format)
    }
    const odd = decoded(truthBytes('media/raw-odd.nut'), (frames) => frames.toArray())
    assert.equal(hash(odd), truth.layouts['raw-odd.nut'])
  })

  it('of an array give the array back', () => {
    for (const [channels, pixelFormat] of [
      [3, 'rgb24'],
      [3, 'bgr24'],
      [4, 'rgba'],
      [1, 'gray8'],
    ] as const) {
      const array = clip(3, 63, 47, channels)
      using(Frames.fromVideo(array, { frameRate: 25, pixelFormat }), (frames) =>
        assert.deepEqual(frames.toArray(), array),
      )
    }
    const sound = {
      data: Int16Array.from({ length: 20_000 }, (_, i) => i),
      dtype: 'int16',
      shape: [2, 10_000],
    } as const
    using(Frames.fromAudio(sound, { sampleRate: 8000 }), (frames) => {
      assert.deepEqual(frames.toArray(), sound)
      assert.deepEqual(
        [frames.samples, frames.at(0).channels, frames.at(0).sampleRate],
        [10_000, 2, 8000],
      )
    })
    assert.throws(() => Frames.fromVideo(clip(1), { frameRate: 0 }), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => Frames.fromVideo(clip(1), { frameRate: 1, pixelFormat: 'rgba' }), {
      code: 'ERR_BAD_OPTION',
    })
  })
})

describe('a filter graph', () => {
  it('passes pictures and sound through unchanged, and does what the ffmpeg command does', () => {
    for (const [stream, description] of [
      ['video', 'null'],
      ['audio', 'anull'],
    ] as const) {
      decoded(
        path,
        (frames) => {
          const out = using(new FilterGraph(description), (graph) =>
            using(graph.run(frames), (given) => hash(given.toArray())),
          )
          assert.equal(out, hash(frames.toArray()))
        },
        { stream },
      )
    }
    const out = decoded(path, (frames) =>
      using(new FilterGraph(GRAPH), (open) => using(open.run(frames), (given) => given.toArray())),
    )
    assert.deepEqual(out.shape, [10, 48, 24])
    assert.equal(hash(out), truth.filtered[GRAPH])
  })

  it('has several inputs and outputs, found by their labels', () => {
    const [a, b] = [clip(3), clip(3)]
    b.data.reverse()
    using(Frames.fromVideo(a, { frameRate: 25 }), (first) =>
      using(Frames.fromVideo(b, { frameRate: 25 }), (second) =>
        using(new FilterGraph('[x][y]vstack,split[one][two]'), (graph) => {
          assert.deepEqual(
            graph.inputs.map(({ label }) => label),
            ['x', 'y'],
          )
          assert.deepEqual(graph.outputs, [
            { label: 'one', kind: 'video' },
            { label: 'two', kind: 'video' },
          ])
          graph.push(first, 'x')
          graph.push(second, 'y')
          graph.flush()
          const expected = stack(
            [0, 1, 2].map((i) => {
              const size = 64 * 48 * 3
              const data = new Uint8Array(2 * size)
              data.set(a.data.subarray(i * size, (i + 1) * size))
              data.set(b.data.subarray(i * size, (i + 1) * size), size)
              return { data, dtype: 'uint8', shape: [96, 64, 3] } as const
            }),
          )
          for (const name of ['one', 'two'])
            using(graph.pull(name), (out) => assert.equal(hash(out.toArray()), hash(expected)))
          assert.throws(() => graph.push(first), { code: 'ERR_BAD_OPTION', message: /one of x, y/ })
          assert.throws(() => graph.pull('z'), { code: 'ERR_BAD_OPTION' })
        }),
      ),
    )
  })

  it('makes pictures of sound', () => {
    decoded(
      path,
      (sound) => {
        using(
          new FilterGraph(filters.showwaves({ width: 64, height: 32, frameRate: 10 })),
          (graph) => {
            assert.deepEqual([graph.inputs[0]!.kind, graph.outputs[0]!.kind], ['audio', 'video'])
            using(graph.run(sound), (waves) => assert.deepEqual(waves.at(0).width, 64))
          },
        )
      },
      { stream: 'audio' },
    )
  })

  it('every builder makes what FFmpeg takes', () => {
    const {
      aformat,
      amix,
      aresample,
      atempo,
      atrim,
      blur,
      brightness,
      chain,
      extend,
      format,
      link,
      overlay,
      pad,
      pan,
      parallel,
      rotate,
      scale,
      setpts,
      showspectrum,
      split,
      stack: side,
      trim,
      vflip,
      volume,
    } = filters
    const onPictures = [
      scale({ width: 32, height: -2, flags: 'bilinear' }),
      scale({ width: 20, height: 20, fit: 'inside' }),
      pad({ width: 80, height: 80, color: 'red' }),
      format('gray', 'rgb24'),
      trim([0, 1], { resetTime: true }),
      rotate({ degrees: 30, color: 'white' }),
      brightness({ brightness: 0.1, contrast: 1.5 }),
      blur(2),
      setpts('PTS*2'),
      extend({ pictures: 2 }),
      vflip(),
      parallel(
        chain(split('video', 2), '').concat('[a][b]'),
        link(['a', 'b'], overlay({ x: 3, y: 'H/2' }), ['o']),
      ),
      `split[a][b];${link(['a', 'b'], side('horizontal', 2), ['o'])}`,
    ]
    const onSound = [
      aresample(8000),
      aformat({ sampleFormat: 's16', channelLayout: 'stereo' }),
      atempo(1.5),
      volume('-6dB'),
      pan('stereo', ['c0=c0', 'c1=0.5*c0']),
      atrim([0.1, 0.2]),
      showspectrum({ width: 64, height: 64 }),
      `asplit[a][b];${link(['a', 'b'], amix(2), ['o'])}`,
    ]
    for (const [stream, descriptions] of [
      ['video', onPictures],
      ['audio', onSound],
    ] as const) {
      decoded(
        path,
        (frames) => {
          for (const description of descriptions) {
            using(new FilterGraph(description), (graph) =>
              using(graph.run(frames), ({ length }) => assert.ok(length > 0, description)),
            )
          }
        },
        { stream },
      )
    }
  })

  it('refuses what there is not, naming it', () => {
    const fault = (text: RegExp): object => ({ code: 'ERR_BAD_OPTION', message: text })
    assert.throws(() => new FilterGraph('nope'), fault(/no filter 'nope'/))
    assert.throws(() => new FilterGraph(''), fault(/description/))
    using(Frames.fromVideo(clip(1), { frameRate: 1 }), (frames) => {
      using(new FilterGraph('hflip'), (graph) => {
        graph.push(frames)
        using(Frames.fromVideo(clip(1, 32, 24), { frameRate: 1 }), (others) =>
          assert.throws(
            () => graph.push(others),
            fault(/like the first, 64x48 rgb24, got '32x24 rgb24'/),
          ),
        )
      })
      using(new FilterGraph('scale=w=abc'), (graph) =>
        assert.throws(() => graph.push(frames), fault(/scale=w=abc/)),
      )
      using(new FilterGraph('anull'), (graph) =>
        assert.throws(() => graph.push(frames), fault(/sound/)),
      )
      using(new FilterGraph('crop=100:100'), (graph) =>
        assert.throws(() => graph.push(frames), fault(/crop=100:100/)),
      )
    })
  })
})

describe('an encoder and a muxer', () => {
  it('lose nothing with lossless codecs: the ffmpeg command reads what went in, and that is written', () => {
    for (const { name, array, write } of LOSSLESS) {
      const { written, read } = truth.lossless[name]!
      assert.equal(read, hash(array), name)
      const file = write(folder)
      assert.deepEqual(writtenIn(file), written, name)
      if (/ffv1|png/.test(name)) continue // which decode to another pixel format
      const stream = name.startsWith('pcm') ? 'audio' : 'video'
      const again = decoded(file, (frames) => frames.toArray(), { stream })
      assert.equal(hash(again), hash(array), name)
    }
  })

  it('remuxes video and sound without decoding: the same packets in another container, as the ffmpeg command reads them', () => {
    for (const format of CONTAINERS) {
      const { written, read } = truth.remuxed[format]!
      assert.equal(read, truth.pictures, format)
      const bytes = remuxed(format)
      assert.deepEqual(writtenIn(bytes), written, format)
      assert.equal(hash(decoded(bytes, (frames) => frames.toArray())), read, format)
    }
    // And out of Matroska, which does not tell when packets are decoded.
    const again = join(folder, 'again.mp4')
    remuxedAgain(again)
    const { written, read } = truth.remuxed['matroska, mp4']!
    assert.deepEqual([writtenIn(again), read], [written, truth.pictures])
  })

  it('leaves nothing behind that was not finished, and says what cannot be', () => {
    const file = join(folder, 'unfinished.mp4')
    using(new Muxer(file), (muxer) => {
      muxer.write(muxer.addStream(), read('video'))
      assert.throws(() => muxer.addStream(), { code: 'ERR_BAD_STATE' })
      assert.throws(() => muxer.write(5, read('video')), { code: 'ERR_BAD_OPTION' })
      assert.throws(() => muxer.write(0, read('audio')), { code: 'ERR_BAD_OPTION' })
    })
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('unfinished')),
      [],
    )
    assert.throws(() => new Muxer(join(folder, 'a.nope')), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => new Muxer(undefined), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => new Muxer(join(folder, 'no/a.mp4')), { code: 'ERR_WRITE' })
    assert.throws(() => new Encoder({ codec: 'nope' }), { code: 'ERR_UNSUPPORTED' })
    using(new Encoder({ codec: 'h264', frameRate: 25, pixelFormat: 'rgb24' }), (encoder) => {
      assert.throws(() => encoder.encode(clip(1)), { code: 'ERR_BAD_OPTION', message: /yuv420p/ })
      assert.throws(() => encoder.stream, { code: 'ERR_BAD_STATE' })
    })
    using(new Encoder({ codec: 'h264', frameRate: 25, options: { nope: '1' } }), (encoder) => {
      assert.throws(() => encoder.encode(clip(1)), { code: 'ERR_BAD_OPTION', message: /nope=1/ })
    })
  })

  it('respects how many samples a codec wants', () => {
    const sound = { data: new Float32Array(50_000), dtype: 'float32', shape: [2, 25_000] } as const
    for (const [codec, extension] of [
      ['aac', 'm4a'],
      ['mp3', 'mp3'],
      ['flac', 'flac'],
      ['opus', 'opus'],
      ['vorbis', 'ogg'],
    ] as const) {
      encodeTo(join(folder, `s.${extension}`), sound, { codec, sampleRate: 48_000 })
      decoded(
        join(folder, `s.${extension}`),
        ({ samples }) => assert.ok(Math.abs(samples - 25_000) < 3000, codec),
        { stream: 'audio' },
      )
    }
  })

  it('bit-stream filters rewrite packets that then decode the same', () => {
    const packets = read('video')
    const expected = using(new Decoder(packets.stream), (decoder) =>
      using(decoder.decode(packets), (frames) => hash(frames.toArray())),
    )
    for (const name of ['null', 'h264_mp4toannexb']) {
      const out = using(new BitstreamFilter(packets.stream, name), (filter) =>
        filter.apply(packets),
      )
      assert.equal(out.length, 50)
      assert.equal(
        using(new Decoder(out.stream), (decoder) =>
          using(decoder.decode(out), (frames) => hash(frames.toArray())),
        ),
        expected,
      )
      if (name !== 'null') assert.deepEqual([...out.at(0).data.subarray(0, 4)], [0, 0, 0, 1])
    }
    assert.throws(() => new BitstreamFilter(packets.stream, 'nope'), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => new BitstreamFilter(packets.stream, 'aac_adtstoasc'), {
      code: 'ERR_UNSUPPORTED',
    })
  })
})

describe('what was disposed of', () => {
  it('is an error to use, never a crash, and may be disposed of again', () => {
    const packets = read('video')
    const demuxer = new Demuxer(path)
    const decoder = new Decoder(packets.stream)
    const frames = decoder.decode(packets)
    const one = frames.at(3)
    const graph = new FilterGraph('null')
    const filter = new BitstreamFilter(packets.stream, 'null')
    const encoder = new Encoder({ codec: 'h264', frameRate: 25 })
    const muxer = new Muxer(join(folder, 'disposed.mp4'))
    const chunks = demuxer.chunks({ packetsPerChunk: 3 })
    chunks.next()
    for (const each of [demuxer, decoder, frames, graph, filter, encoder, muxer]) {
      each[Symbol.dispose]()
      each[Symbol.dispose]()
    }
    const uses = [
      ...[
        () => demuxer.demux(),
        () => demuxer.best('video'),
        () => demuxer.durationSec,
        () => chunks.next(),
      ],
      ...[() => decoder.push(packets), () => decoder.flush(), () => decoder.decode(packets)],
      ...[
        () => frames.toArray(),
        () => frames.length,
        () => frames.clone(),
        () => frames.at(0),
        () => one.pts,
        () => one.width,
      ],
      ...[
        () => graph.push(frames),
        () => graph.flush(),
        () => graph.pull(),
        () => graph.describe(),
      ],
      ...[() => filter.push(packets), () => filter.flush()],
      ...[() => encoder.encode(clip(1)), () => encoder.flush(), () => encoder.stream],
      ...[() => muxer.addStream(), () => muxer.write(0, packets), () => muxer.finish()],
    ]
    for (const use of uses)
      assert.throws(use, { name: 'MediaError', code: 'ERR_BAD_STATE' }, String(use))
  })
})

describe('sound that others made', () => {
  const tone = {
    data: Int16Array.from({ length: 8000 }, (_, i) => (i % 100) * 300),
    dtype: 'int16',
    shape: [8000, 1],
  } as const
  const samplesOf = (bytes: Uint8Array): number =>
    using(new Demuxer(bytes), (demuxer) =>
      using(new Decoder(demuxer.streams[0]!), (decoder) => {
        const packets = demuxer.demux({ stream: 0 })
        const count = (frames: Frames): number =>
          [...frames].reduce((sum, { samples }) => sum + samples, 0)
        return using(decoder.push(packets), count) + using(decoder.flush(), count)
      }),
    )

  it('a WAV file of unknown size ends where its bytes end, a big-endian one is refused', () => {
    const wav = Buffer.from(encodeWav(tone, { sampleRate: 8000 }))
    assert.equal(samplesOf(wav), 8000)
    wav.writeUInt32LE(0xffffffff, 40)
    assert.equal(samplesOf(wav), 8000)
    wav.write('RIFX')
    for (const at of [4, 16, 24, 28, 40]) wav.subarray(at, at + 4).swap32()
    for (const at of [20, 22, 32, 34]) wav.subarray(at, at + 2).swap16()
    assert.throws(() => samplesOf(wav), { code: 'ERR_UNSUPPORTED', message: /RIFX/ })
  })

  it('bytes behind the last frame are no damage', () => {
    const flac = encodeAudioSync(tone, { sampleRate: 8000, layout: 'TC', format: 'flac' })
    const tag = Buffer.alloc(128)
    tag.write('TAG')
    assert.equal(samplesOf(flac), 8000)
    assert.equal(samplesOf(Buffer.concat([flac, tag])), 8000)
  })
})

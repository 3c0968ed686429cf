import assert from 'node:assert/strict'
import { createReadStream, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import {
  decode,
  demux,
  encode,
  encodeVideo,
  ffmpegInfo,
  filter,
  mux,
  saveVideo,
  streamFrames,
  streamPackets,
} from '../../src/index.ts'
import { saveVideoSync } from '../../src/sync.ts'
import { type Ended, runProgram, sourceUrl } from '../child-program.ts'
import { truthFile, truthOf } from '../truth/truth.ts'
import { clip, decoded, hash, scratch } from './media-support.ts'
import { colours, SAVED, saveColours, saved, type Written, writtenIn } from './written.ts'

interface Truth {
  readonly saved: Readonly<
    Record<string, { written: Written; read: { width: string; packets: number } }>
  >
  /** Of each picture and each of its channels, the least and the most. */
  readonly colours: {
    readonly written: Written
    readonly read: readonly (readonly [number, number])[][]
  }
}
const truth = truthOf<Truth>('media')
const { folder, remove } = scratch()
after(remove)
const path = truthFile('media/groups.mp4')

describe('the asynchronous forms', () => {
  it('demux and decode paths, bytes, Blobs, Node and web streams alike, and leave no file behind', async () => {
    const before = readdirSync(tmpdir()).filter((name) => /^spindle-[0-9a-f]{24}$/.test(name))
    const bytes = readFileSync(path)
    const whole = decoded(path, (frames) => hash(frames.toArray()))
    const sources = [
      path,
      bytes,
      new Blob([bytes]),
      createReadStream(path),
      new Blob([bytes]).stream(),
    ]
    for (const source of sources) {
      const packets = await demux(source as Blob)
      assert.equal(packets.length, 50)
      const frames = await decode(packets)
      assert.equal(hash(frames!.array), whole)
    }
    assert.deepEqual(
      readdirSync(tmpdir()).filter(
        (name) => /^spindle-[0-9a-f]{24}$/.test(name) && !before.includes(name),
      ),
      [],
    )
  })

  it('give windows, filtered and converted', async () => {
    const frames = await decode(path, {
      window: [0.4, 0.8],
      filter: 'scale=16:16',
      pixelFormat: 'rgb24',
    })
    assert.deepEqual(frames?.array.shape, [10, 16, 16, 3])
    assert.equal(frames?.timesSec[0], 0.4)
    const sound = await decode(path, { stream: 'audio', window: [0.5, 1] })
    assert.deepEqual([sound?.array.shape, sound?.sampleRate], [[1, 24_000], 48_000])
    assert.equal(await decode(path, { window: [60, 61] }), undefined)
  })

  it('stream packets and frames to the last, and stop when told', async () => {
    const counts: number[] = []
    const parts: Uint8Array[] = []
    for await (const { array } of streamFrames(path, { framesPerChunk: 16 })) {
      counts.push(array.shape[0]!)
      parts.push(array.data as Uint8Array)
    }
    assert.deepEqual(counts, [16, 16, 16, 2])
    assert.equal(
      hash(Buffer.concat(parts)),
      decoded(path, (frames) => hash(frames.toArray())),
    )
    let packets = 0
    for await (const chunk of streamPackets(path, { packetsPerChunk: 20 })) packets += chunk.stored
    assert.equal(packets, 50)
    for await (const { array } of streamFrames(createReadStream(path), { framesPerChunk: 4 })) {
      assert.equal(array.shape[0], 4)
      break
    }
  })

  it('filter arrays, encode and mux', async () => {
    const array = clip(6)
    const out = await filter(array, 'split[a][b];[b]hflip[c]', { frameRate: 25 })
    assert.deepEqual(Object.keys(out).sort(), ['a', 'c'])
    assert.deepEqual(out.a, array)
    const packets = await encode(array, { codec: 'ffv1', frameRate: 25 })
    const file = join(folder, 'muxed.mkv')
    assert.equal(await mux(file, [packets]), undefined)
    const back = await decode(file, { pixelFormat: 'rgb24' })
    assert.deepEqual(back?.array, array)
    assert.ok((await mux(undefined, [packets], { format: 'nut' }))!.length > 100)
  })

  it('tell faults with their codes, and abort', async () => {
    await assert.rejects(demux(join(folder, 'none.mp4')), {
      name: 'MediaError',
      code: 'ERR_READ',
      message: /none\.mp4/,
    })
    await assert.rejects(decode(new Uint8Array(9)), {
      name: 'MediaError',
      code: 'ERR_DECODE',
      message: /^9 bytes: /,
    })
    await assert.rejects(decode(path, { nope: 1 } as never), {
      code: 'ERR_BAD_OPTION',
      message: /nope/,
    })
    await assert.rejects(decode(path, { filter: 'nope' }), {
      code: 'ERR_BAD_OPTION',
      message: /nope/,
    })
    await assert.rejects(filter(clip(1), 'crop=999:999'), {
      code: 'ERR_BAD_OPTION',
      message: /crop=999:999/,
    })
    await assert.rejects(mux(undefined, []), { code: 'ERR_BAD_OPTION' })
    const reason = new Error('enough')
    await assert.rejects(demux(path, { signal: AbortSignal.abort(reason) }), reason)
  })
})

describe('saveVideo', () => {
  it('writes what is usual in each format, with sound, that ffprobe reads', async () => {
    for (const [extension, [video, audio]] of Object.entries(SAVED)) {
      const file = join(folder, `saved.${extension}`)
      saved(file)
      const { written, read } = truth.saved[extension]!
      assert.deepEqual(read, { width: '64', packets: 25 }, extension)
      assert.deepEqual(writtenIn(file, { areExact: false }), written, extension)
      assert.equal((await demux(file, { stream: 'video' })).stream.codec, video)
      assert.equal((await demux(file, { stream: 'audio' })).stream.codec, audio)
    }
  })

  it('keeps colours to within what the codec loses, and says which matrix it took', async () => {
    const { data } = colours()
    const file = join(folder, 'colours.mp4')
    saveColours(file)
    const frames = await decode(file, { pixelFormat: 'rgb24' })
    for (const [i, value] of (frames!.array.data as Uint8Array).entries())
      assert.ok(Math.abs(value - data[i]!) <= 6, `${value} for ${data[i]}`)
    const { written, read } = truth.colours
    assert.deepEqual(writtenIn(file, { areExact: false }), written)
    for (const [picture, channels] of read.entries()) {
      for (const [channel, values] of channels.entries()) {
        const value = data[picture * 3072 + channel]!
        for (const one of values) assert.ok(Math.abs(one - value) <= 6, `${one} for ${value}`)
      }
    }
  })

  it('gives the same bytes for the same pictures, and in memory too', async () => {
    const [a, b] = [join(folder, 'x.mp4'), join(folder, 'y.mp4')]
    await saveVideo(a, clip(5), { frameRate: 30 })
    saveVideoSync(b, clip(5), { frameRate: 30 })
    assert.ok(readFileSync(a).equals(readFileSync(b)))
    const bytes = await encodeVideo(clip(5), { frameRate: 30, format: 'mp4' })
    assert.ok(readFileSync(a).equals(bytes))
  })

  it('takes odd sizes, grey and fractions as rates', async () => {
    const file = join(folder, 'odd.mp4')
    await saveVideo(file, clip(3, 63, 47, 1), { frameRate: { num: 30_000, den: 1001 } })
    const packets = await demux(file)
    assert.deepEqual([packets.stream.width, packets.stream.height], [63, 47])
    assert.deepEqual(packets.stream.frameRate, { num: 30_000, den: 1001 })
  })

  it('leaves nothing where it fails', async () => {
    const file = join(folder, 'failed.mp4')
    await assert.rejects(saveVideo(file, clip(1), { frameRate: 25, codec: 'nope' }), {
      code: 'ERR_UNSUPPORTED',
    })
    await assert.rejects(
      saveVideo(file, clip(1), { frameRate: 25, encoderOptions: { nope: '1' } }),
      {
        code: 'ERR_BAD_OPTION',
      },
    )
    await assert.rejects(saveVideo(file, clip(1), { frameRate: -1 }), {
      code: 'ERR_BAD_OPTION',
      message: /frameRate/,
    })
    await assert.rejects(saveVideo(join(folder, 'no/a.mp4'), clip(1), { frameRate: 1 }), {
      code: 'ERR_WRITE',
    })
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('failed')),
      [],
    )
  })
})

describe('FFmpeg itself', () => {
  it('tells its versions, licence, codecs, filters and formats', () => {
    const info = ffmpegInfo()
    assert.match(info.libraries.avcodec!, /^\d+\.\d+\.\d+$/)
    assert.match(info.license, /GPL version \d/)
    assert.ok(info.filters.length > 100)
    for (const name of ['aresample', 'scale', 'overlay'])
      assert.ok(info.filters.some((one) => one.name === name))
    assert.ok(info.decoders.some(({ codec, kind }) => codec === 'h264' && kind === 'video'))
    assert.ok(info.encoders.some(({ name }) => name === 'aac'))
    assert.ok(
      info.bitstreamFilters.includes('h264_mp4toannexb') && info.inputFormats.includes('matroska'),
    )
  })

  it('prints nothing, gives its messages to who asks, and lets the process end', () => {
    const bytes = readFileSync(path)
    for (let i = 3000; i < 9000; i += 50) bytes[i]! ^= 255
    writeFileSync(join(folder, 'bad.mp4'), bytes)
    const child = (capture: string): Ended =>
      runProgram(`import { captureFFmpegLog, Decoder, Demuxer } from ${JSON.stringify(sourceUrl('media'))}
          ${capture}
          const demuxer = new Demuxer(${JSON.stringify(join(folder, 'bad.mp4'))}, { strict: false })
          new Decoder(demuxer.best('video'), { strict: false }).decode(demuxer.demux())
          await new Promise((resolve) => setTimeout(resolve, 20))`)
    const { status, stdout, stderr } = child('')
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
    const heard = child(`
      const end = captureFFmpegLog({ level: 'error', onMessage: ({ level, text }) => console.log(level, text) })
      setTimeout(end, 30)`)
    assert.deepEqual([heard.status, heard.stderr], [0, ''])
    assert.match(heard.stdout, /^error /)
  })

  it('does not grow over many clips', () => {
    const { status, stdout, stderr } = runProgram(
      `import { Decoder, Demuxer, FilterGraph, openHandles } from ${JSON.stringify(sourceUrl('media'))}
        const clips = (count) => {
          for (let i = 0; i < count; i++) {
            const demuxer = new Demuxer(${JSON.stringify(path)})
            const packets = demuxer.demux({ window: [0, 0.4] })
            const decoder = new Decoder(packets.stream)
            const frames = decoder.decode(packets)
            const graph = new FilterGraph('scale=32:32')
            const out = graph.run(frames)
            out.toArray({ pixelFormat: 'rgb24' })
            for (const one of [out, graph, frames, decoder, demuxer]) one[Symbol.dispose]()
          }
          globalThis.gc()
          return process.memoryUsage().rss / 2 ** 20
        }
        clips(150)
        const before = clips(50)
        const after = clips(300)
        process.stdout.write(JSON.stringify([after - before, openHandles()]))`,
      '--expose-gc',
    )
    assert.equal(status, 0, stderr)
    const [grown, handles] = JSON.parse(stdout) as [number, object]
    assert.deepEqual(handles, {})
    assert.ok(grown < 30, `grew by ${grown} MiB over 300 clips`)
  })
})

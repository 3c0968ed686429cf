import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FormatContext, Packet } from 'node-av/lib'
import { damaged, type MediaError } from '../../src/base/errors.ts'
import { openDecoder } from '../../src/ffmpeg/codec-context.ts'
import { findDecoder } from '../../src/ffmpeg/decoders.ts'
import { encoderNamed } from '../../src/ffmpeg/encoders.ts'
import { newFrame } from '../../src/ffmpeg/frames.ts'
import { Kept } from '../../src/ffmpeg/kept.ts'
import { loadFFmpeg } from '../../src/ffmpeg/library.ts'
import { SAMPLE_FORMATS, sampleDTypeOf, sampleFormatOf } from '../../src/ffmpeg/sample-formats.ts'
import { readPacket } from '../../src/ffmpeg/stream-decoder.ts'
import { openWithSync } from '../../src/files/read-with.ts'

const ffmpeg = loadFFmpeg()
const { constants: c } = ffmpeg

describe('the floor that images, sound, video and the chain share', () => {
  it('keeps what was used last, and frees the rest', () => {
    const freed: string[] = []
    const kept = new Kept<string>(2, (value) => freed.push(value))
    kept.add('a', 'A')
    kept.add('b', 'B')
    assert.equal(kept.find('a'), 'A')
    kept.add('c', 'C')
    assert.deepEqual(freed, ['B'])
    assert.equal(kept.find('b'), undefined)
    kept.clear()
    assert.deepEqual([freed, kept.size], [['B', 'A', 'C'], 0])
  })

  it('asks again for a packet where a container has none yet, and not for ever', () => {
    const packet = new ffmpeg.av.Packet()
    packet.alloc()
    const containerOf = (results: () => number): FormatContext =>
      ({ readFrameSync: (_: Packet) => results() }) as unknown as FormatContext
    let asked = 0
    const later = containerOf(() => (++asked < 4 ? c.AVERROR_EAGAIN : 0))
    assert.equal(readPacket(ffmpeg, later, packet), 0)
    assert.equal(asked, 4)
    const never = containerOf(() => c.AVERROR_EAGAIN)
    assert.equal(readPacket(ffmpeg, never, packet), c.AVERROR_EAGAIN)
    packet.free()
  })

  it('opens a decoder with its limits, and says what it cannot do', () => {
    const codec = findDecoder(ffmpeg, 'png', 'png')
    const limits = { maxPixels: 2 ** 26 }
    const context = openDecoder(ffmpeg, codec, { limits, errDetect: 'explode' })
    assert.equal(context.getOption('max_pixels'), String(2 ** 26))
    context.freeContext()
    const prepare = (): never => {
      throw damaged('not today')
    }
    assert.throws(() => openDecoder(ffmpeg, codec, { prepare }), /not today/)
    const unknown = { code: 'ERR_UNSUPPORTED', message: 'this FFmpeg has no decoder for nothing' }
    assert.throws(() => findDecoder(ffmpeg, 'nothing', 'for nothing'), unknown)
    const none = { code: 'ERR_UNSUPPORTED', message: 'this FFmpeg has no encoder for it' }
    assert.throws(() => encoderNamed(ffmpeg, ['no', 'none'], 'it'), none)
    assert.equal(encoderNamed(ffmpeg, ['no', 'png'], 'png').name, 'png')
  })

  it('makes frames without padding where that is asked for', () => {
    const shape = { width: 5, height: 3, format: c.AV_PIX_FMT_RGB24 }
    const frame = newFrame(ffmpeg, shape, 1)
    assert.deepEqual([frame.width, frame.height, frame.linesize[0]], [5, 3, 15])
    frame.free()
    assert.throws(() => newFrame(ffmpeg, { ...shape, width: -1 }), /FFmpeg, making a frame/)
  })

  it('has one name and one number for the samples of each dtype', () => {
    for (const dtype of Object.keys(SAMPLE_FORMATS) as (keyof typeof SAMPLE_FORMATS)[])
      for (const isPlanar of [false, true]) {
        const name = ffmpeg.av.avGetSampleFmtName(sampleFormatOf(ffmpeg, { dtype, isPlanar }))
        assert.equal(name, SAMPLE_FORMATS[dtype] + (isPlanar ? 'p' : ''))
        assert.equal(sampleDTypeOf(name), dtype)
      }
    assert.equal(sampleDTypeOf(null), undefined)
  })

  it('closes a source that a routine cannot read, and names it', () => {
    assert.throws(
      () =>
        openWithSync(Uint8Array.of(1, 2, 3), function* () {
          throw damaged('too short')
        }),
      (error: MediaError) => error.message === '3 bytes: too short' && error.source === '3 bytes',
    )
  })
})

import type { CodecContext, Frame } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import { encodeFrame, encoderNamed, openEncoder } from '../../ffmpeg/encoders.ts'
import { newFrame } from '../../ffmpeg/frames.ts'
import { check, type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import type { AvPixelFormat } from '../../ffmpeg/scalers.ts'
import { bytesOrFileSync } from '../../files/atomic-file.ts'
import type { EncodeImageJob, Encoding, Samples } from '../encode-image-options.ts'

/**
 * Encodes an image with FFmpeg, in this thread. @throws MediaError `ERR_ENCODE`,
 * `ERR_BACKEND_MISSING`, `ERR_WRITE`
 */
export function encodeImageInThread({
  samples,
  encoding,
  path,
}: EncodeImageJob): Uint8Array | undefined {
  return bytesOrFileSync(encodeWithFFmpeg(samples, encoding), path)
}

function encodeWithFFmpeg(samples: Samples, encoding: Encoding): Uint8Array {
  const ffmpeg = loadFFmpeg()
  const given = frameOf(samples, ffmpeg)
  let converted: Frame | undefined
  try {
    const format = encodedFormat(samples, encoding, ffmpeg)
    if (given.format !== format) converted = convert(given, format, ffmpeg)
    return encode(converted ?? given, encoding, ffmpeg)
  } catch (error) {
    if (error instanceof MediaError) throw error
    throw new MediaError('ERR_ENCODE', (error as Error).message, { cause: error })
  } finally {
    given.free()
    converted?.free()
  }
}

function frameOf(samples: Samples, ffmpeg: FFmpeg): Frame {
  const { data, width, height, channels, isPlanar, isBgr } = samples
  const { constants: c } = ffmpeg
  let bytes = Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
  let format: AvPixelFormat
  if (channels === 1)
    format = data instanceof Uint16Array ? c.AV_PIX_FMT_GRAY16LE : c.AV_PIX_FMT_GRAY8
  else if (isPlanar) {
    // FFmpeg's planes are green, blue, red, alpha.
    const order = isBgr ? [1, 0, 2] : [1, 2, 0, 3]
    const area = width * height
    bytes = Buffer.concat(
      order.slice(0, channels).map((plane) => bytes.subarray(plane * area, (plane + 1) * area)),
    )
    format = channels === 3 ? c.AV_PIX_FMT_GBRP : c.AV_PIX_FMT_GBRAP
  } else if (channels === 4) format = c.AV_PIX_FMT_RGBA
  else format = isBgr ? c.AV_PIX_FMT_BGR24 : c.AV_PIX_FMT_RGB24
  const frame = newFrame(ffmpeg, { width, height, format, colorRange: c.AVCOL_RANGE_JPEG }, 1)
  check(ffmpeg, frame.fromBuffer(bytes), 'filling a frame')
  return frame
}

/** What the encoder takes. */
function encodedFormat(
  samples: Samples,
  encoding: Encoding,
  { constants: c }: FFmpeg,
): AvPixelFormat {
  const { channels, data } = samples
  switch (encoding.format) {
    case 'jpeg':
      return encoding.hasWholeChroma ? c.AV_PIX_FMT_YUV444P : c.AV_PIX_FMT_YUV420P
    case 'png':
      if (channels === 1)
        return data instanceof Uint16Array ? c.AV_PIX_FMT_GRAY16BE : c.AV_PIX_FMT_GRAY8
      return channels === 3 ? c.AV_PIX_FMT_RGB24 : c.AV_PIX_FMT_RGBA
    case 'webp':
      return c.AV_PIX_FMT_BGRA // libwebp makes YUV of it where it must
  }
}

function convert(from: Frame, format: AvPixelFormat, ffmpeg: FFmpeg): Frame {
  const { width, height, colorRange } = from
  const to = newFrame(ffmpeg, { width, height, format, colorRange }, 1)
  const scaler = new ffmpeg.av.SoftwareScaleContext()
  scaler.allocContext()
  scaler.setOption('sws_flags', 'bilinear+accurate_rnd+full_chroma_inp')
  try {
    check(ffmpeg, scaler.scaleFrameSync(to, from), 'converting')
    return to
  } catch (error) {
    to.free()
    throw error
  } finally {
    scaler.freeContext()
  }
}

function encode(frame: Frame, encoding: Encoding, ffmpeg: FFmpeg): Uint8Array {
  const { av, constants: c } = ffmpeg
  const codec = encoderNamed(ffmpeg, [ENCODERS[encoding.format]], encoding.format)
  const { width, height, format } = frame
  const encoder = openEncoder(ffmpeg, codec, (context) => {
    const [timeBase, colorRange] = [new av.Rational(1, 1), c.AVCOL_RANGE_JPEG]
    Object.assign(context, { width, height, pixelFormat: format, timeBase, colorRange })
    setQuality(context, frame, encoding, ffmpeg)
  })
  const packet = new av.Packet()
  packet.alloc()
  let file: Uint8Array | undefined
  const take = (): void => {
    file ??= Uint8Array.from(packet.data!)
  }
  try {
    frame.pts = 0n
    encodeFrame(ffmpeg, encoder, frame, packet, take)
    if (file === undefined) encodeFrame(ffmpeg, encoder, null, packet, take)
    if (file === undefined) throw new Error('FFmpeg, encoding: nothing came of it')
    return file
  } finally {
    packet.free()
    encoder.freeContext()
  }
}

const ENCODERS = { jpeg: 'mjpeg', png: 'png', webp: 'libwebp' } as const

function setQuality(
  encoder: CodecContext,
  frame: Frame,
  { format, quality, isLossless, compressionLevel }: Encoding,
  { constants: c }: FFmpeg,
): void {
  if (format === 'png') {
    encoder.setOption('compression_level', compressionLevel)
    encoder.setOption('pred', 'mixed')
  } else if (format === 'webp') {
    encoder.setOption('lossless', isLossless ? 1 : 0)
    encoder.setOption('quality', isLossless ? 75 : quality) // of effort, where nothing is lost
  } else {
    encoder.qMin = 1
    encoder.setFlags(c.AV_CODEC_FLAG_QSCALE)
    encoder.globalQuality = quantiserOf(quality) * c.FF_QP2LAMBDA
    frame.quality = encoder.globalQuality
  }
}

/**
 * FFmpeg's quantiser, 1 to 31, for the usual scale of quality: 8 is the table that stands for 50
 * there, and both scale it linearly (libjpeg's `jpeg_quality_scaling`).
 */
function quantiserOf(quality: number): number {
  const percent = quality < 50 ? 5000 / quality : 200 - 2 * quality
  return Math.min(31, Math.max(1, Math.round((8 * percent) / 100)))
}

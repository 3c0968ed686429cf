import type { Frame } from 'node-av/lib'
import { MediaError } from '../../errors.ts'
import { apngPackets, lacksPalette } from '../apng.ts'
import { avifPicture } from '../avif.ts'
import type { EncodedImage } from '../backend.ts'
import { gifPackets, hasWholeFirstPicture } from '../gif.ts'
import { lacksJpegEnd } from '../jpeg.ts'
import { isJpegInTiff } from '../tiff.ts'
import { countWebpFrames, isWholeWebp, type WebpFrame, webpCanvas, webpFrames } from '../webp.ts'
import type { Decoders } from './decoders.ts'
import type { FFmpeg } from './library.ts'
import type { Scalers } from './scalers.ts'

/** What FFmpeg would decode without an error, but wrongly. */
export function refuseWhatGoesWrong({ bytes, format, jpeg }: EncodedImage): void {
  if (jpeg !== undefined && lacksJpegEnd(bytes, jpeg))
    throw new Error('the JPEG file is truncated: it has no end marker')
  if (format === 'png' && lacksPalette(bytes)) throw new Error('the PNG file lacks its palette')
  if (format === 'gif' && !hasWholeFirstPicture(bytes)) throw new Error('the GIF file is truncated')
  if (format === 'tiff' && isJpegInTiff(bytes)) {
    throw new MediaError('ERR_UNSUPPORTED', 'a TIFF file with JPEG compression; the sharp backend reads it')
  }
}

/** What the decoder of a still picture takes: mostly the file as it is. */
export function firstPicture({ bytes, format }: EncodedImage): Buffer {
  if (format === 'avif') return avifPicture(bytes)
  return bytes
}

/** The pictures of an animation, each whole, and how many there must be. A frame is valid until the next is asked for. */
export function decodedFrames(
  { bytes, format }: EncodedImage,
  ffmpeg: FFmpeg,
  decoders: Decoders,
  scalers: Scalers,
): { readonly count: number; readonly frames: Iterable<Frame> } {
  if (format === 'gif') {
    const packets = gifPackets(bytes)
    return { count: packets.length, frames: decoders.each({ format, lowres: 0 }, packets) }
  }
  if (format === 'png') {
    const { extraData, packets } = apngPackets(bytes)
    return { count: packets.length, frames: decoders.each({ format: 'apng', lowres: 0 }, packets, extraData) }
  }
  return {
    count: countWebpFrames(bytes),
    frames: composeWebp(bytes, webpFrames(bytes), ffmpeg, decoders, scalers),
  }
}

/** FFmpeg decodes the pictures of a WebP animation one by one; they are put together here (RFC 9649, section 2.7.1.1). */
function* composeWebp(
  bytes: Buffer,
  pictures: Iterable<WebpFrame>,
  { av, constants: c }: FFmpeg,
  decoders: Decoders,
  scalers: Scalers,
): Generator<Frame> {
  const { width, height } = webpCanvas(bytes)
  const canvas = Buffer.alloc(width * height * 4)
  for (const picture of pictures) {
    const frame = decoders.first({ format: 'webp', lowres: 0 }, picture.file)
    if (frame.width !== picture.width || frame.height !== picture.height)
      throw new Error('a picture of the animation has another size than it says')
    scalers.describeColours(frame)
    const { planes } = scalers.scale(frame, c.AV_PIX_FMT_RGBA, picture, 'bilinear')
    draw(planes[0]!, picture, canvas, width)
    const whole = av.Frame.fromVideoBuffer(canvas, { width, height, format: c.AV_PIX_FMT_RGBA })
    try {
      yield whole
    } finally {
      whole.free()
    }
    if (picture.isDisposed) clear(picture, canvas, width)
  }
  if (!isWholeWebp(bytes)) throw new Error('the WebP file is truncated')
}

function draw(pixels: Buffer, picture: WebpFrame, canvas: Buffer, canvasWidth: number): void {
  const row = picture.width * 4
  for (let y = 0; y < picture.height; y++) {
    const to = ((picture.top + y) * canvasWidth + picture.left) * 4
    if (!picture.isBlended) pixels.copy(canvas, to, y * row, (y + 1) * row)
    else for (let x = 0; x < row; x += 4) blend(pixels, y * row + x, canvas, to + x)
  }
}

/** One pixel over another, neither premultiplied. */
function blend(above: Buffer, from: number, below: Buffer, to: number): void {
  const alpha = above[from + 3]!
  if (alpha === 0) return
  const rest = (below[to + 3]! * (255 - alpha)) / 255
  const sum = alpha + rest
  for (let c = 0; c < 3; c++) {
    below[to + c] = Math.round((above[from + c]! * alpha + below[to + c]! * rest) / sum)
  }
  below[to + 3] = Math.round(sum)
}

function clear({ left, top, width, height }: WebpFrame, canvas: Buffer, canvasWidth: number): void {
  for (let y = top; y < top + height; y++) {
    const from = (y * canvasWidth + left) * 4
    canvas.fill(0, from, from + width * 4)
  }
}

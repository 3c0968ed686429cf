import type { Frame } from 'node-av/lib'
import type { Size } from '../../base/geometry.ts'
import type { EncodedImage } from '../encoded-image.ts'
import { readApng } from '../formats/apng.ts'
import { type Area, Canvas, type Rgba, TRANSPARENT } from '../formats/canvas.ts'
import { allGifPictures, firstGifPicture } from '../formats/gif.ts'
import { gifFrames } from '../formats/gif-frames.ts'
import { countWebpFrames, isWholeWebp, webpCanvas, webpFrames } from '../formats/webp.ts'
import { checkFrames } from '../image-limits.ts'
import type { Tools } from './tools.ts'

/**
 * Pictures of an animation as they are shown, RGBA, and how many there are. A frame is valid until
 * the next is asked for.
 */
export interface Shown {
  readonly count: number
  readonly frames: Iterable<Frame>
}

/** One picture as it is stored: a part of the canvas, as a file of its own. */
interface Stored extends Area {
  readonly isBlended: boolean
  readonly disposal: 'keep' | 'clear' | 'restore'
  readonly file: Buffer
}

/** All pictures of an animation, each whole. */
export function allPictures({ bytes, format }: EncodedImage, tools: Tools): Shown {
  if (format === 'gif') {
    const pictures = allGifPictures(bytes)
    checkFrames(pictures.length, tools.limits)
    return {
      count: pictures.length,
      frames: framesOf(gifFrames(bytes, pictures, tools.limits), tools),
    }
  }
  if (format === 'png') {
    const { size, blank, frames } = readApng(bytes)
    checkFrames(frames.length, tools.limits)
    return { count: frames.length, frames: composed(size, blank, frames, 'png', tools) }
  }
  const count = countWebpFrames(bytes)
  checkFrames(count, tools.limits)
  return {
    count,
    frames: wholeWebp(
      bytes,
      composed(webpCanvas(bytes), TRANSPARENT, webpFrames(bytes), 'webp', tools),
    ),
  }
}

/** The first picture of a GIF, or of a WebP animation: it may cover only a part of the canvas. */
export function firstShown({ bytes, format }: EncodedImage, tools: Tools): Iterable<Frame> {
  if (format === 'gif')
    return framesOf(gifFrames(bytes, [firstGifPicture(bytes)], tools.limits), tools)
  return composed(webpCanvas(bytes), TRANSPARENT, webpFrames(bytes), 'webp', tools)
}

/**
 * FFmpeg decodes the pictures one by one; they are put together here (RFC 9649, section 2.7.1.1;
 * PNG third edition, 11.3.6.2).
 */
function* composed(
  size: Size,
  blank: Rgba,
  pictures: Iterable<Stored>,
  format: 'png' | 'webp',
  tools: Tools,
): Generator<Frame> {
  const canvas = new Canvas(size)
  canvas.fill({ left: 0, top: 0, ...size }, blank)
  for (const picture of pictures) {
    const before = picture.disposal === 'restore' ? canvas.copy(picture) : undefined
    canvas.draw(pixelsOf(picture, format, tools), picture, picture.isBlended)
    yield* framesOf([{ pixels: canvas.pixels, size }], tools)
    if (before !== undefined) canvas.draw(before, picture, false)
    else if (picture.disposal === 'clear') canvas.fill(picture, blank)
  }
}

function pixelsOf(
  picture: Stored,
  format: 'png' | 'webp',
  { ffmpeg, decoders, scalers }: Tools,
): Buffer {
  const frame = decoders.first({ format, lowres: 0 }, picture.file)
  if (frame.width !== picture.width || frame.height !== picture.height)
    throw new Error('a picture of the animation has another size than it says')
  scalers.describeColours(frame)
  return scalers.scale(frame, ffmpeg.constants.AV_PIX_FMT_RGBA, picture, 'bilinear').planes[0]!
}

function* wholeWebp(bytes: Buffer, frames: Iterable<Frame>): Generator<Frame> {
  yield* frames
  if (!isWholeWebp(bytes)) throw new Error('the WebP file is truncated')
}

/** RGBA pixels as FFmpeg's frames. */
function* framesOf(
  pictures: Iterable<{ readonly pixels: Buffer; readonly size: Size }>,
  { ffmpeg, made }: Tools,
): Generator<Frame> {
  for (const { pixels, size } of pictures) {
    const frame = made.take(pixels, size, ffmpeg.constants.AV_PIX_FMT_RGBA)
    try {
      yield frame
    } finally {
      made.giveBack(frame)
    }
  }
}

import type { Frame } from 'node-av/lib'
import type { DataOf } from '../../base/array.ts'
import { type Placement, placeScaled, type Size, scaledSize } from '../../base/geometry.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { AvPixelFormat, ScaledFrame, Scalers } from '../../ffmpeg/scalers.ts'
import type { ImageTarget } from '../image-options.ts'
import { isQuarterTurn, type Orientation } from '../orientation.ts'
import { channelsOf, type ImageDType, type PixelFormat } from '../pixel-format.ts'
import { type Picture, placePicture } from '../place.ts'

/** Scales frames of one size, rotates them, and copies them into their places. */
export class Placer {
  /** Size of a picture of the result. */
  readonly output: Size
  readonly #scalers: Scalers
  readonly #target: ImageTarget
  readonly #orientation: Orientation
  readonly #placement: Placement
  /** The size that a frame is scaled to, as stored. */
  readonly #stored: Size
  readonly #planar: AvPixelFormat
  readonly #interleaved: AvPixelFormat | undefined
  readonly #order: readonly number[] | undefined

  /** @param picture the full size of the picture; its frames may be decoded at a fraction of it */
  constructor(
    ffmpeg: FFmpeg,
    scalers: Scalers,
    picture: Size,
    target: ImageTarget,
    orientation: Orientation,
  ) {
    const { pixelFormat, layout, affine } = target
    const isYuv = channelsOf(pixelFormat) === undefined
    const scaled = even(scaledSize(turn(picture, orientation), target), isYuv)
    this.#scalers = scalers
    this.#target = target
    this.#orientation = orientation
    this.#placement = placeScaled(scaled, target, isYuv)
    this.output = this.#placement.output
    this.#stored = turn(scaled, orientation)
    this.#planar = planarFormat(ffmpeg, pixelFormat)
    // Native interleaving pays only if whole rows can then be copied.
    const isCopied = layout === 'HWC' && orientation === 1 && affine === undefined
    this.#interleaved = isCopied ? interleavedFormat(ffmpeg, pixelFormat) : undefined
    this.#order = this.#interleaved === undefined ? channelOrder(pixelFormat) : undefined
  }

  /**
   * Writes a frame, whose colours are described, to its place.
   *
   * @param change is applied to it after scaling
   */
  place(frame: Frame, out: DataOf[ImageDType], change?: (made: ScaledFrame) => ScaledFrame): void {
    const { pixelFormat, algorithm } = this.#target
    let made = this.#scalers.scale(frame, this.#planar, this.#stored, algorithm)
    if (change !== undefined) made = change(made)
    if (this.#interleaved !== undefined)
      made = this.#scalers.scale(made.frame, this.#interleaved, this.#stored, 'bilinear')
    const picture = pictureOf(made, pixelFormat, this.#order)
    placePicture(picture, this.#orientation, this.#placement, this.#target, out)
  }
}

function even(size: Size, isYuv: boolean): Size {
  if (!isYuv) return size
  return { width: Math.max(2, size.width & ~1), height: Math.max(2, size.height & ~1) }
}

/** Converts a stored size to the shown size, and back. */
export function turn({ width, height }: Size, orientation: Orientation): Size {
  return isQuarterTurn(orientation) ? { width: height, height: width } : { width, height }
}

/** The format that a pixel format is scaled to: planes, if it has several channels. */
function planarFormat({ constants: c }: FFmpeg, format: PixelFormat): AvPixelFormat {
  switch (format) {
    case 'rgb24':
    case 'bgr24':
      return c.AV_PIX_FMT_GBRP
    case 'rgba':
      return c.AV_PIX_FMT_GBRAP
    case 'gray8':
      return c.AV_PIX_FMT_GRAY8
    case 'gray16':
      return c.AV_PIX_FMT_GRAY16LE
    case 'yuv420p':
      return c.AV_PIX_FMT_YUV420P
    case 'nv12':
      return c.AV_PIX_FMT_NV12
  }
}

/** The interleaved form; `undefined` if there is one channel or layout has no meaning. */
function interleavedFormat(
  { constants: c }: FFmpeg,
  format: PixelFormat,
): AvPixelFormat | undefined {
  switch (format) {
    case 'rgb24':
      return c.AV_PIX_FMT_RGB24
    case 'bgr24':
      return c.AV_PIX_FMT_BGR24
    case 'rgba':
      return c.AV_PIX_FMT_RGBA
    default:
      return undefined
  }
}

/** The FFmpeg plane (green, blue, red, alpha) of each channel. */
function channelOrder(format: PixelFormat): readonly number[] {
  switch (format) {
    case 'rgb24':
      return [2, 0, 1]
    case 'bgr24':
      return [1, 0, 2]
    case 'rgba':
      return [2, 0, 1, 3]
    case 'yuv420p':
      return [0, 1, 2]
    case 'nv12':
      return [0, 1]
    default:
      return [0]
  }
}

/** A scaled frame for `placePicture`: its planes with `order`, its interleaved channels without. */
function pictureOf(
  { planes, linesizes, size }: ScaledFrame,
  format: PixelFormat,
  order: readonly number[] | undefined,
): Picture {
  if (order === undefined) {
    const channels = format === 'rgba' ? 4 : 3
    const pixels = planes[0]!
    return {
      channels: Array.from({ length: channels }, (_, c) => pixels.subarray(c)),
      size,
      pixelStride: channels,
      rowStrides: new Array<number>(channels).fill(linesizes[0]!),
    }
  }
  const isWide = format === 'gray16'
  return {
    channels: order.map((plane) => (isWide ? wide(planes[plane]!) : planes[plane]!)),
    size,
    pixelStride: 1,
    rowStrides: order.map((plane) => (isWide ? linesizes[plane]! / 2 : linesizes[plane]!)),
  }
}

/**
 * The same memory as 16-bit numbers: in this machine's byte order, which is FFmpeg's little-endian
 * on all platforms with `node-av` binaries.
 */
function wide(bytes: Buffer): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1)
}

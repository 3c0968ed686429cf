import type { Frame } from 'node-av/lib'
import type { DataOf } from '../../base/array.ts'
import { type Placement, placeScaled, type Size, scaledSize } from '../../base/geometry.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { AvPixelFormat, ScaledFrame, Scalers } from '../../ffmpeg/scalers.ts'
import type { ImageTarget } from '../image-options.ts'
import { isQuarterTurn, type Orientation } from '../orientation.ts'
import { channelsOf, type ImageDType, type PixelFormat } from '../pixel-format.ts'
import { type Picture, placePicture } from '../place.ts'

/** Scales frames of one size, turns them and copies them into their places. */
export class Placer {
  /** Size of a picture of the result. */
  readonly output: Size
  readonly #scalers: Scalers
  readonly #target: ImageTarget
  readonly #orientation: Orientation
  readonly #placement: Placement
  /** What a frame is scaled to, turned as it is stored. */
  readonly #stored: Size
  readonly #planar: AvPixelFormat
  readonly #interleaved: AvPixelFormat | undefined
  readonly #order: readonly number[] | undefined

  /** @param picture the size of what frames show; they may be decoded at a fraction of it */
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
    const { constants: c } = ffmpeg
    const { planes, order, interleaved } = FORMS[pixelFormat]
    // Interleaving natively pays only where whole rows can then be copied.
    const isCopied = layout === 'HWC' && orientation === 1 && affine === undefined
    this.#planar = c[planes]
    this.#interleaved = isCopied && interleaved !== undefined ? c[interleaved] : undefined
    this.#order = this.#interleaved === undefined ? order : undefined
  }

  /**
   * Puts a frame, whose colours are described, into its place.
   *
   * @param change what is done to it once it is scaled
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

/** A size as it is shown, of one as it is stored, and back. */
export function turn({ width, height }: Size, orientation: Orientation): Size {
  return isQuarterTurn(orientation) ? { width: height, height: width } : { width, height }
}

/** A pixel format in FFmpeg's terms. */
interface Form {
  /** What is scaled to: planes, where it has several channels. */
  readonly planes: `AV_PIX_FMT_${'GBRP' | 'GBRAP' | 'GRAY8' | 'GRAY16LE' | 'YUV420P' | 'NV12'}`
  /** In which of FFmpeg's planes (green, blue, red, alpha) each channel lies. */
  readonly order: readonly number[]
  /** With the channels of a pixel side by side, where it has several and a layout. */
  readonly interleaved?: `AV_PIX_FMT_${'RGB24' | 'BGR24' | 'RGBA'}`
}

const FORMS: Readonly<Record<PixelFormat, Form>> = {
  rgb24: { planes: 'AV_PIX_FMT_GBRP', order: [2, 0, 1], interleaved: 'AV_PIX_FMT_RGB24' },
  bgr24: { planes: 'AV_PIX_FMT_GBRP', order: [1, 0, 2], interleaved: 'AV_PIX_FMT_BGR24' },
  rgba: { planes: 'AV_PIX_FMT_GBRAP', order: [2, 0, 1, 3], interleaved: 'AV_PIX_FMT_RGBA' },
  gray8: { planes: 'AV_PIX_FMT_GRAY8', order: [0] },
  gray16: { planes: 'AV_PIX_FMT_GRAY16LE', order: [0] },
  yuv420p: { planes: 'AV_PIX_FMT_YUV420P', order: [0, 1, 2] },
  nv12: { planes: 'AV_PIX_FMT_NV12', order: [0, 1] },
}

/**
 * A scaled frame as `placePicture` takes it: with `order` its planes, without its interleaved
 * channels.
 */
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
 * The same memory as 16-bit numbers: of this machine's order, as FFmpeg's little-endian ones are
 * wherever `node-av` has binaries.
 */
function wide(bytes: Buffer): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1)
}

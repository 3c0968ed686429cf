import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { AvPixelFormat, ScaledFrame } from '../../ffmpeg/scalers.ts'
import type { PixelFormat } from '../pixel-format.ts'
import type { Picture } from '../place.ts'

// Spindle's pixel formats in FFmpeg's terms.

/** What a pixel format is scaled to: planes, where it has several channels. */
export function planarFormat({ constants: c }: FFmpeg, format: PixelFormat): AvPixelFormat {
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

/**
 * The same with the channels of a pixel side by side; `undefined` where there is but one, or layout
 * has no meaning.
 */
export function interleavedFormat(
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

/** In which of FFmpeg's planes (green, blue, red, alpha) each channel lies. */
export function channelOrder(format: PixelFormat): readonly number[] {
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

/**
 * A scaled frame as `placePicture` takes it: with `order` its planes, without its interleaved
 * channels.
 */
export function pictureOf(
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

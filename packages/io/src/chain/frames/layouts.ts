import type { DType } from '../../base/array.ts'
import { MediaError } from '../../base/errors.ts'
import { sampleDTypeOf } from '../../ffmpeg/sample-formats.ts'

/** The layout of a pixel format's pictures in an array. */
export interface PixelLayout {
  readonly dtype: 'uint8' | 'uint16'
  /** The shape of one picture. */
  readonly shape: readonly number[]
}

/** Interleaved formats and their samples per pixel. */
const PACKED = numbersOf([
  [1, 'gray gray16le gray10le gray12le'],
  [2, 'ya8'],
  [3, 'rgb24 bgr24 rgb48le bgr48le'],
  [4, 'rgba bgra argb abgr rgb0 bgr0 rgba64le'],
])

/** Formats with planes of full size, and their number of planes. */
const PLANAR = numbersOf([
  [3, 'yuv444p yuvj444p yuv444p10le yuv444p12le yuv444p16le gbrp gbrp10le gbrp12le gbrp16le'],
  [4, 'yuva444p gbrap gbrap16le'],
])

/**
 * Formats whose second and third planes are smaller, stacked: total rows, as a multiple of the
 * height.
 */
const STACKED = numbersOf([
  [1.5, 'yuv420p yuvj420p nv12 nv21 yuv420p10le yuv420p12le p010le p016le'],
  [2, 'yuv422p yuvj422p nv16 yuv440p yuvj440p yuv422p10le yuv422p12le'],
])

/** Maps a list of FFmpeg's names to numbers. */
function numbersOf(
  lists: readonly (readonly [number: number, names: string])[],
): ReadonlyMap<string, number> {
  return new Map(lists.flatMap(([number, names]) => names.split(' ').map((name) => [name, number])))
}

/**
 * The shape and dtype of pictures in a pixel format of FFmpeg. `size` is the size of one picture in
 * bytes, without padding.
 *
 * @throws MediaError `ERR_UNSUPPORTED` for formats that cannot be an array: with a palette, or of
 *   bits
 */
export function pixelLayout(
  format: string,
  width: number,
  height: number,
  size: number,
): PixelLayout {
  const dtype = /(9|1\d|48|64)le$/.test(format) ? 'uint16' : 'uint8'
  const packed = PACKED.get(format)
  if (packed !== undefined) return { dtype, shape: [height, width, packed] }
  const planes = PLANAR.get(format)
  if (planes !== undefined) return { dtype, shape: [planes, height, width] }
  const rows = STACKED.get(format)
  if (rows === undefined) {
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `pixels of ${format} are no array: convert them, with \`pixelFormat\` or a filter`,
    )
  }
  // If the chroma of an odd size is rounded up, the planes are no rectangle.
  const samples = dtype === 'uint16' ? size / 2 : size
  return { dtype, shape: samples === height * rows * width ? [height * rows, width] : [samples] }
}

/**
 * The dtype of a sample format, planar or not.
 *
 * @throws MediaError `ERR_UNSUPPORTED`
 */
export function sampleDType(format: string): DType {
  const dtype = sampleDTypeOf(format)
  if (dtype === undefined) throw new MediaError('ERR_UNSUPPORTED', `samples of ${format}`)
  return dtype
}

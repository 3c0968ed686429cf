import type { DType } from '../../base/array.ts'
import { MediaError } from '../../base/errors.ts'

/** How the pictures of a pixel format lie in an array. */
export interface PixelLayout {
  readonly dtype: 'uint8' | 'uint16'
  /** The shape of one picture. */
  readonly shape: readonly number[]
}

/** Samples side by side: how many a pixel. */
const PACKED: Readonly<Record<string, number>> = {
  ...{ gray: 1, ya8: 2, rgb24: 3, bgr24: 3, rgba: 4, bgra: 4, argb: 4, abgr: 4, rgb0: 4, bgr0: 4 },
  ...{ gray16le: 1, gray10le: 1, gray12le: 1, rgb48le: 3, bgr48le: 3, rgba64le: 4 },
}

/** Whole planes: how many. */
const PLANAR: Readonly<Record<string, number>> = {
  ...{ yuv444p: 3, yuvj444p: 3, gbrp: 3, yuva444p: 4, gbrap: 4 },
  ...{
    yuv444p10le: 3,
    yuv444p12le: 3,
    yuv444p16le: 3,
    gbrp10le: 3,
    gbrp12le: 3,
    gbrp16le: 3,
    gbrap16le: 4,
  },
}

/**
 * Planes of which the second and third are smaller, one below the other: rows in all, as a multiple
 * of the height.
 */
const STACKED: Readonly<Record<string, number>> = {
  ...{
    yuv420p: 1.5,
    yuvj420p: 1.5,
    nv12: 1.5,
    nv21: 1.5,
    yuv422p: 2,
    yuvj422p: 2,
    nv16: 2,
    yuv440p: 2,
    yuvj440p: 2,
  },
  ...{
    yuv420p10le: 1.5,
    yuv420p12le: 1.5,
    p010le: 1.5,
    p016le: 1.5,
    yuv422p10le: 2,
    yuv422p12le: 2,
  },
}

/**
 * The shape and dtype of pictures in a pixel format of FFmpeg's. `size` is the number of bytes of
 * one, without padding.
 *
 * @throws MediaError `ERR_UNSUPPORTED` for formats that are no array: with a palette, or of bits
 */
export function pixelLayout(
  format: string,
  width: number,
  height: number,
  size: number,
): PixelLayout {
  const dtype = /(9|1\d|48|64)le$/.test(format) ? 'uint16' : 'uint8'
  const packed = PACKED[format]
  if (packed !== undefined) return { dtype, shape: [height, width, packed] }
  const planes = PLANAR[format]
  if (planes !== undefined) return { dtype, shape: [planes, height, width] }
  const rows = STACKED[format]
  if (rows === undefined) {
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `pixels of ${format} are no array: convert them, with \`pixelFormat\` or a filter`,
    )
  }
  // Where the chroma of an odd size is rounded up, the planes are no rectangle.
  const samples = dtype === 'uint16' ? size / 2 : size
  return { dtype, shape: samples === height * rows * width ? [height * rows, width] : [samples] }
}

/** The dtype of each sample format, planar or not. @throws MediaError `ERR_UNSUPPORTED` */
export function sampleDType(format: string): DType {
  const dtype = SAMPLES[format.replace(/p$/, '')]
  if (dtype === undefined) throw new MediaError('ERR_UNSUPPORTED', `samples of ${format}`)
  return dtype
}

const SAMPLES: Readonly<Record<string, DType>> = {
  ...{ u8: 'uint8', s16: 'int16', s32: 'int32', s64: 'int64', flt: 'float32', dbl: 'float64' },
}

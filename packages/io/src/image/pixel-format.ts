import type { DataOf } from '../base/array.ts'
import type { Size } from '../base/geometry.ts'

/**
 * The channels of a pixel and their order in memory.
 *
 * | format | dtype | shape, `'HWC'` | shape, `'CHW'` |
 * |---|---|---|---|
 * | `'rgb24'`, `'bgr24'` | uint8 | `[H, W, 3]` | `[3, H, W]` |
 * | `'rgba'` | uint8 | `[H, W, 4]` | `[4, H, W]` |
 * | `'gray8'` | uint8 | `[H, W, 1]` | `[1, H, W]` |
 * | `'gray16'` | uint16 | `[H, W, 1]` | `[1, H, W]` |
 * | `'yuv420p'`, `'nv12'` | uint8 | `[H * 3 / 2, W]` | – |
 *
 * Grey and YUV use the full range of BT.601: `Y = 0.299 R + 0.587 G + 0.114 B`, 0..255 (gray16:
 * 0..65535); U and V are 128 for grey. In `'yuv420p'` the Y plane is followed by U, then V, each of
 * `H / 2` rows of `W / 2`; in `'nv12'` U and V alternate.
 */
export type PixelFormat = 'rgb24' | 'bgr24' | 'rgba' | 'gray8' | 'gray16' | 'yuv420p' | 'nv12'

/** The dtypes that images can have. */
export type ImageDType = 'uint8' | 'uint16' | 'float32'

/**
 * Order of the axes of one image: `'HWC'` is `[height, width, channels]`, `'CHW'` is
 * `[channels, height, width]`.
 */
export type ImageLayout = 'HWC' | 'CHW'

/** One plane of a pixel format. */
export interface Plane {
  /** Samples of a row for one column: 3 in `'rgb24'`, 2 in the second plane of `'nv12'`. */
  readonly channels: number
  /** Its reduction of the picture's size in both directions, as a power of two. */
  readonly shift: 0 | 1
  /** The value of its padding. */
  readonly blank: number
}

interface PixelFormatFacts {
  readonly dtype: 'uint8' | 'uint16'
  /** Channels of an image with a layout; `undefined` for formats without. */
  readonly channels: number | undefined
  /** Planes of a format without a layout. */
  readonly planes: readonly Plane[]
}

const LUMA: Plane = { channels: 1, shift: 0, blank: 0 }
const CHROMA: Plane = { channels: 1, shift: 1, blank: 128 }

const FACTS: Readonly<Record<PixelFormat, PixelFormatFacts>> = {
  rgb24: { dtype: 'uint8', channels: 3, planes: [] },
  bgr24: { dtype: 'uint8', channels: 3, planes: [] },
  rgba: { dtype: 'uint8', channels: 4, planes: [] },
  gray8: { dtype: 'uint8', channels: 1, planes: [] },
  gray16: { dtype: 'uint16', channels: 1, planes: [] },
  yuv420p: { dtype: 'uint8', channels: undefined, planes: [LUMA, CHROMA, CHROMA] },
  nv12: {
    dtype: 'uint8',
    channels: undefined,
    planes: [LUMA, { channels: 2, shift: 1, blank: 128 }],
  },
}

export const PIXEL_FORMATS: readonly PixelFormat[] = Object.keys(FACTS) as PixelFormat[]

/** Channels of a format with a layout; `undefined` for YUV. */
export function channelsOf(format: PixelFormat): number | undefined {
  return FACTS[format].channels
}

export function dtypeOf(format: PixelFormat): 'uint8' | 'uint16' {
  return FACTS[format].dtype
}

/** The planes of an image in memory: one with `'HWC'`, one for each channel with `'CHW'`. */
export function planesOf(format: PixelFormat, layout: ImageLayout): readonly Plane[] {
  const { channels, planes } = FACTS[format]
  if (channels === undefined) return planes
  return layout === 'HWC' ? INTERLEAVED[channels]! : PLANAR[channels]!
}

/** Indexed by the number of channels. */
const INTERLEAVED: readonly (readonly Plane[])[] = [0, 1, 2, 3, 4].map((channels) => [
  { ...LUMA, channels },
])
const PLANAR: readonly (readonly Plane[])[] = [0, 1, 2, 3, 4].map((channels) =>
  new Array<Plane>(channels).fill(LUMA),
)

/** The shape of one image. */
export function imageShape(
  format: PixelFormat,
  layout: ImageLayout,
  { width, height }: Size,
): number[] {
  const channels = channelsOf(format)
  if (channels === undefined) return [(height * 3) / 2, width]
  return layout === 'HWC' ? [height, width, channels] : [channels, height, width]
}

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array } as const

/**
 * A typed array over the given memory. Without memory it is new and uninitialised; the caller fills
 * it.
 */
export function imageArray<D extends ImageDType>(
  dtype: D,
  length: number,
  memory?: ArrayBufferLike,
  byteOffset: number = 0,
): DataOf[D] {
  const bytes = length * bytesPer(dtype)
  // Not zeroed, because zeroing 5 MB takes as long as decoding a small image.
  const buffer = memory ?? (bytes === 0 ? new ArrayBuffer(0) : Buffer.allocUnsafeSlow(bytes).buffer)
  return new ARRAYS[dtype](buffer as ArrayBuffer, byteOffset, length) as unknown as DataOf[D]
}

export function bytesPer(dtype: ImageDType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT
}

/** How many elements an array of that shape has. */
export function product(shape: readonly number[]): number {
  return shape.reduce((size, side) => size * side, 1)
}

import { MediaError } from './errors.ts'

/** How an image fills a frame of another shape. */
export type FitMode = 'pad' | 'crop' | 'stretch' | 'shorter'

/** Width and height in pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** The requested size, and the way to fit a picture of another shape. */
export interface Frame {
  readonly width: number | undefined
  readonly height: number | undefined
  readonly mode: FitMode
}

/** The position of the scaled picture in the output, in pixels of the picture as shown. */
export interface Placement {
  readonly output: Size
  /** The part of the scaled picture that is copied. */
  readonly copied: Size
  /** First column and row of the scaled picture that are copied. */
  readonly cropLeft: number
  readonly cropTop: number
  /** Column and row of the output that they are copied to. */
  readonly left: number
  readonly top: number
}

/**
 * Largest picture that FFmpeg decodes, or that is scaled to before cropping, in pixels: 16383
 * squared.
 */
export const MAX_PIXELS = 268402689

/**
 * The size that a picture is scaled to, the same for all backends. With both sides given, `'pad'`
 * scales by `min(W / w, H / h)`, `'crop'` and `'shorter'` by `max(W / w, H / h)`. One side is
 * exact. The other is rounded, at least 1; `'crop'` and `'shorter'` round it down, as torchvision's
 * `Resize` and the processors of Hugging Face do, because models were trained with those. With one
 * side given, `'shorter'` applies it to the picture's shorter side.
 *
 * @throws MediaError `ERR_UNSUPPORTED` if the scaled picture exceeds {@link MAX_PIXELS}, such as a
 *   very thin picture that is cropped
 */
export function scaledSize(picture: Size, target: Frame): Size {
  const { mode } = target
  const isShorter = mode === 'shorter'
  const width = target.width ?? (isShorter ? target.height : undefined)
  const height = target.height ?? (isShorter ? target.width : undefined)
  let size = picture
  if (width !== undefined && height !== undefined) {
    if (mode === 'stretch') size = { width, height }
    else {
      const isWider = picture.width * height > picture.height * width
      size =
        isWider === (mode === 'pad')
          ? byWidth(picture, width, mode)
          : byHeight(picture, height, mode)
    }
  } else if (width !== undefined) size = byWidth(picture, width, mode)
  else if (height !== undefined) size = byHeight(picture, height, mode)
  // A stored picture that is larger was allowed by `maxPixels`.
  if (size.width * size.height > Math.max(MAX_PIXELS, picture.width * picture.height)) {
    const what = `${picture.width}x${picture.height} scaled to ${size.width}x${size.height}`
    throw new MediaError('ERR_UNSUPPORTED', `${what} exceeds ${MAX_PIXELS} pixels`)
  }
  return size
}

/**
 * Centres a scaled picture in the output; an odd pixel goes to the right and below. With `isEven`,
 * for formats where two pixels share a sample, the picture moves by whole pairs.
 */
export function placeScaled(scaled: Size, target: Frame, isEven = false): Placement {
  if (target.mode === 'shorter') {
    return { output: scaled, copied: scaled, cropLeft: 0, cropTop: 0, left: 0, top: 0 }
  }
  const output = { width: target.width ?? scaled.width, height: target.height ?? scaled.height }
  const copied = {
    width: Math.min(scaled.width, output.width),
    height: Math.min(scaled.height, output.height),
  }
  return {
    output,
    copied,
    cropLeft: half(scaled.width - copied.width, isEven),
    cropTop: half(scaled.height - copied.height, isEven),
    left: half(output.width - copied.width, isEven),
    top: half(output.height - copied.height, isEven),
  }
}

function half(excess: number, isEven: boolean): number {
  return isEven ? (excess >> 2) << 1 : excess >> 1
}

function byWidth(picture: Size, width: number, mode: FitMode): Size {
  return { width, height: whole((picture.height * width) / picture.width, mode) }
}

function byHeight(picture: Size, height: number, mode: FitMode): Size {
  return { width: whole((picture.width * height) / picture.height, mode), height }
}

function whole(side: number, mode: FitMode): number {
  return Math.max(1, mode === 'crop' || mode === 'shorter' ? Math.floor(side) : Math.round(side))
}

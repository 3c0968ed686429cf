import { nameSource } from '../base/errors.ts'
import { describeSource, type MediaSource } from '../files/source.ts'
import { recognise } from './decode-file.ts'
import { imageFacts } from './facts.ts'
import type { ImageFormat } from './formats/format.ts'
import { isQuarterTurn, type Orientation, readOrientation } from './orientation.ts'

/** What the headers of an image file say. */
export interface ImageInfo {
  readonly kind: 'image'
  readonly format: ImageFormat
  /** Width in pixels as it is shown, which is what `loadImage` gives: `orientation` is applied. */
  readonly width: number
  /** Height in pixels as it is shown. */
  readonly height: number
  /** How it is turned to be shown, numbered as in EXIF; 1: not at all. */
  readonly orientation: Orientation
  /**
   * Channels in the file, alpha and the fourth ink included; those of its colours where it has a
   * palette.
   */
  readonly channels: number
  /** Bits of a sample; 8 where the file has a palette. */
  readonly bitDepth: number
  /** Pictures in the file: more than 1 in animations and TIFF files of several pages. */
  readonly frames: number
}

/** What an image file says of itself. @throws MediaError `ERR_DECODE` */
export function inspectImage(bytes: Buffer, source: MediaSource): ImageInfo {
  try {
    const image = recognise(bytes)
    const { format } = image
    const orientation = readOrientation(image)
    const { width, height, ...rest } = imageFacts(image)
    if (!(width > 0 && height > 0)) throw new Error('it says that it has no pixels')
    const isTurned = isQuarterTurn(orientation)
    const shown = { width: isTurned ? height : width, height: isTurned ? width : height }
    return { kind: 'image', format, ...shown, orientation, ...rest }
  } catch (error) {
    const problem =
      error instanceof RangeError ? new Error('the headers are cut off', { cause: error }) : error
    throw nameSource(problem, describeSource(source))
  }
}

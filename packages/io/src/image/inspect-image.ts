import { nameSource } from '../base/errors.ts'
import { describeSource, type MediaSource } from '../files/source.ts'
import { recognise } from './decode-file.ts'
import { imageFacts } from './facts.ts'
import type { ImageFormat } from './formats/format.ts'
import { isQuarterTurn, type Orientation, readOrientation } from './orientation.ts'

/** The headers of an image file. */
export interface ImageInfo {
  /** Distinguishes the results of `probe`. */
  readonly kind: 'image'
  /** Format of the file. */
  readonly format: ImageFormat
  /** Width in pixels as shown, with `orientation` applied, as in the result of `loadImage`. */
  readonly width: number
  /** Height in pixels as shown. */
  readonly height: number
  /** Rotation for display, numbered as in EXIF; 1 means none. */
  readonly orientation: Orientation
  /**
   * Channels in the file, including alpha and the fourth ink; with a palette, the channels of its
   * colours.
   */
  readonly channels: number
  /** Bits of a sample; 8 if the file has a palette. */
  readonly bitDepth: number
  /** Number of pictures in the file: more than 1 in animations and TIFF files of several pages. */
  readonly frames: number
}

/**
 * Reads the headers of an image file.
 *
 * @throws MediaError `ERR_DECODE`
 */
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

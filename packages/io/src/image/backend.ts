import type { ImageFormat } from './format.ts'
import type { JpegHeader } from './jpeg.ts'

/** A whole image file, and what it was recognised as. */
export interface EncodedImage {
  readonly bytes: Buffer
  readonly format: ImageFormat
  /** The header of a JPEG file. */
  readonly jpeg: JpegHeader | undefined
}

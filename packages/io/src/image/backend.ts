import type { ImageFormat } from './formats/format.ts'
import type { JpegHeader } from './formats/jpeg.ts'

/** A whole image file, and what it was recognised as. */
export interface EncodedImage {
  readonly bytes: Buffer
  readonly format: ImageFormat
  /** The header of a JPEG file. */
  readonly jpeg: JpegHeader | undefined
}

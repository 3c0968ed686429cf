import type { ImageFormat } from './format.ts'

/** A whole image file, and what it was recognised as. */
export interface EncodedImage {
  readonly bytes: Buffer
  readonly format: ImageFormat
}

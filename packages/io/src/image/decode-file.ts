import type { Augmentation } from './augment.ts'
import type { EncodedImage } from './backend.ts'
import { type ClaimOutput, imageDecoder } from './ffmpeg/image-decoder.ts'
import { printHead, sniffFormat } from './format.ts'
import { readJpegHeader } from './jpeg.ts'
import type { ImageTarget } from './options.ts'

/** What a file is, by its bytes. @throws Error if it is empty or no image that is known */
export function recognise(bytes: Buffer): EncodedImage {
  if (bytes.length === 0) throw new Error('is empty')
  const format = sniffFormat(bytes)
  if (format !== undefined)
    return { bytes, format, jpeg: format === 'jpeg' ? readJpegHeader(bytes) : undefined }
  throw new Error(
    `not a JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP image: it begins with ${printHead(bytes)}`,
  )
}

/** Decodes an image file with FFmpeg, in this thread, into memory that it claims. Throws errors that do not name the source. */
export function decodeFile(
  bytes: Buffer,
  target: ImageTarget,
  augmentation: Augmentation | undefined,
  claim: ClaimOutput,
): void {
  imageDecoder().decode(recognise(bytes), target, augmentation, claim)
}

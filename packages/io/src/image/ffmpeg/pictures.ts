import { lacksPalette } from '../apng.ts'
import { avifPicture } from '../avif.ts'
import type { EncodedImage } from '../backend.ts'
import { lacksJpegEnd } from '../jpeg.ts'

/** What FFmpeg would decode without an error, but wrongly. */
export function refuseWhatGoesWrong({ bytes, format, jpeg }: EncodedImage): void {
  if (jpeg !== undefined && lacksJpegEnd(bytes, jpeg))
    throw new Error('the JPEG file is truncated: it has no end marker')
  if (format === 'png' && lacksPalette(bytes)) throw new Error('the PNG file lacks its palette')
}

/** What the decoder of a still picture takes: mostly the file as it is. */
export function firstPicture({ bytes, format }: EncodedImage): Buffer {
  if (format === 'avif') return avifPicture(bytes)
  return bytes
}

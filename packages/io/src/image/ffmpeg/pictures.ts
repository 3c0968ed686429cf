import { MediaError } from '../../errors.ts'
import { lacksPalette } from '../apng.ts'
import type { EncodedImage } from '../backend.ts'
import { lacksJpegEnd } from '../jpeg.ts'
import type { JpegColours } from '../jpeg-colours.ts'

/** What FFmpeg would decode without an error, but wrongly. */
export function refuseWhatGoesWrong({ bytes, format, jpeg }: EncodedImage): void {
  if (jpeg !== undefined && lacksJpegEnd(bytes, jpeg))
    throw new Error('the JPEG file is truncated: it has no end marker')
  if (format === 'png' && lacksPalette(bytes)) throw new Error('the PNG file lacks its palette')
}

/** @throws MediaError `ERR_UNSUPPORTED` where FFmpeg took the four components of a JPEG for others than they are */
export function refuseOtherInks(colours: JpegColours, pixelFormat: string): void {
  if (colours !== 'cmyk' && colours !== 'ycck') return
  if (pixelFormat.startsWith('yuva') === (colours === 'ycck')) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `a JPEG file of ${colours.toUpperCase()} in an unusual form; the sharp backend reads it`,
  )
}

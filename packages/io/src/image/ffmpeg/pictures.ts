import { MediaError } from '../../base/errors.ts'
import type { EncodedImage } from '../backend.ts'
import { lacksPalette } from '../formats/apng.ts'
import { lacksJpegEnd } from '../formats/jpeg.ts'
import type { JpegColours } from '../formats/jpeg-colours.ts'

/** What FFmpeg would decode without an error, but wrongly. */
export function refuseWhatGoesWrong({ bytes, format, jpeg }: EncodedImage): void {
  if (jpeg !== undefined && lacksJpegEnd(bytes, jpeg))
    throw new Error('the JPEG file is truncated: it has no end marker')
  if (jpeg?.frame !== undefined) refuseCoding(jpeg.frame.marker)
  if (format === 'png' && lacksPalette(bytes)) throw new Error('the PNG file lacks its palette')
}

/**
 * @throws MediaError `ERR_UNSUPPORTED` for what FFmpeg's decoder does not know, by the marker of
 * the frame (ITU-T T.81, table B.1)
 */
function refuseCoding(marker: number): void {
  const coding =
    marker >= 0xc9 ? 'arithmetic coding' : marker >= 0xc5 ? 'hierarchical coding' : undefined
  if (coding !== undefined)
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `a JPEG file with ${coding}; the sharp backend may read it`,
    )
}

/**
 * @throws MediaError `ERR_UNSUPPORTED` where FFmpeg took the four components of a JPEG for others
 * than they are
 */
export function refuseOtherInks(colours: JpegColours, pixelFormat: string): void {
  if (colours !== 'cmyk' && colours !== 'ycck') return
  if (pixelFormat.startsWith('yuva') === (colours === 'ycck')) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `a JPEG file of ${colours.toUpperCase()} in an unusual form; the sharp backend reads it`,
  )
}

import type { Frame } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import { type RawPixels, tiffColours } from '../formats/tiff-colours.ts'
import type { TiffLayout } from '../formats/tiff-layout.ts'
import { unpackTiff } from '../formats/tiff-pixels.ts'
import { checkPixels } from '../image-limits.ts'
import type { Tools } from './tools.ts'

/**
 * Uses the picture of a TIFF file that FFmpeg's decoder would get wrong.
 *
 * @throws MediaError `ERR_UNSUPPORTED` for kinds that are not known here either
 */
export function useTiffFrame(
  { ffmpeg, made, limits }: Tools,
  bytes: Buffer,
  layout: TiffLayout,
  use: (frame: Frame) => void,
): void {
  checkPixels(layout.piece, limits) // a tile may be larger than the picture
  const { data, channels } = pixelsOf(bytes, layout)
  const format = ffmpeg.constants[(data.BYTES_PER_ELEMENT === 2 ? WIDE : NARROW)[channels - 1]!]
  const memory = Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
  made.use(memory, layout, format, use)
}

function pixelsOf(bytes: Buffer, layout: TiffLayout): RawPixels {
  try {
    return tiffColours(unpackTiff(bytes, layout), layout)
  } catch (error) {
    if (error instanceof MediaError) throw error
    const { code = '', message } = error as NodeJS.ErrnoException
    if (!code.startsWith('Z_') && !code.startsWith('ERR_')) throw error
    throw new Error(`the TIFF file is damaged: ${message}`, { cause: error })
  }
}

/** Of one to four channels, of 8 bits and of 16. */
const NARROW = [
  'AV_PIX_FMT_GRAY8',
  'AV_PIX_FMT_YA8',
  'AV_PIX_FMT_RGB24',
  'AV_PIX_FMT_RGBA',
] as const
const WIDE = [
  'AV_PIX_FMT_GRAY16LE',
  'AV_PIX_FMT_YA16LE',
  'AV_PIX_FMT_RGB48LE',
  'AV_PIX_FMT_RGBA64LE',
] as const

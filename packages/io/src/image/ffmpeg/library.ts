import { MediaError } from '../../errors.ts'
import type { ImageFormat } from '../format.ts'

/** The low-level half of `node-av` (the other half costs 70 ms more to import) and its constants. */
export type Av = typeof import('node-av/lib')
export type Constants = typeof import('node-av/constants')

/** `node-av`, ready for use. */
export interface FFmpeg {
  readonly av: Av
  readonly constants: Constants
}

/**
 * FFmpeg writes to stderr about every damaged file; what it says comes as errors here. Unless the program has chosen a level,
 * only its fatal messages are left.
 */
export function quieten({ av, constants }: FFmpeg): void {
  if (av.Log.getLevel() === constants.AV_LOG_INFO) av.Log.setLevel(constants.AV_LOG_FATAL)
}

/** Throws what FFmpeg says of a negative result, as `ERR_UNSUPPORTED` where it says that nobody has written that yet. */
export function check({ av, constants }: FFmpeg, result: number, doing: string): void {
  if (result >= 0) return
  const message = `FFmpeg, ${doing}: ${av.FFmpegError.strerror(result)}`
  if (result === constants.AVERROR_PATCHWELCOME) throw new MediaError('ERR_UNSUPPORTED', message)
  throw new Error(message)
}

/** The decoder of a format, and how strict it can be. */
export interface DecoderChoice {
  readonly id: Parameters<Av['Codec']['findDecoder']>[0]
  /** FFmpeg's `err_detect` flags. Without `explode` a truncated JPEG decodes, its lower part grey. */
  readonly strictness: string
}

/** TIFF is decoded leniently: with `explode`, tags that the decoder does not know would be errors. */
export function decoderFor(format: ImageFormat, c: Constants): DecoderChoice {
  switch (format) {
    case 'jpeg':
      return { id: c.AV_CODEC_ID_MJPEG, strictness: 'explode' }
    case 'png':
      return { id: c.AV_CODEC_ID_PNG, strictness: 'crccheck+explode' }
    case 'webp':
      return { id: c.AV_CODEC_ID_WEBP, strictness: 'explode' }
    case 'gif':
      return { id: c.AV_CODEC_ID_GIF, strictness: 'explode' }
    case 'bmp':
      return { id: c.AV_CODEC_ID_BMP, strictness: 'explode' }
    case 'tiff':
      return { id: c.AV_CODEC_ID_TIFF, strictness: '' }
    case 'avif':
      return { id: c.AV_CODEC_ID_AV1, strictness: 'explode' }
  }
}

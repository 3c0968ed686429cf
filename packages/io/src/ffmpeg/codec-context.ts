import type { Codec, CodecContext, CodecParameters } from 'node-av/lib'
import { badOption } from '../base/errors.ts'
import { check, type FFmpeg } from './library.ts'
import { type Limits, maxPixelsOption } from './video-limits.ts'

/** How a decoder is opened. */
export interface DecoderSetup {
  /** What the container says of the stream; images have none. */
  readonly parameters?: CodecParameters
  /** Of its packets. Without it priming is cut off, but time stamps are not moved. */
  readonly timeBase?: CodecContext['pktTimebase']
  /** Default 1: many files at a time use the cores better than many threads on one. */
  readonly threads?: number
  readonly limits?: Pick<Limits, 'maxPixels'>
  /** What counts as damage: FFmpeg's flags. Default: the decoder's. */
  readonly errDetect?: string | undefined
  /** Does what else must be done before it is open. */
  readonly prepare?: (context: CodecContext) => void
}

/** Opens a decoder, which is the caller's to free. @throws Error of FFmpeg's, or of `prepare` */
export function openDecoder(ffmpeg: FFmpeg, codec: Codec, setup: DecoderSetup): CodecContext {
  const { parameters, timeBase, threads = 1, limits, errDetect, prepare } = setup
  const context = new ffmpeg.av.CodecContext()
  try {
    context.allocContext3(codec)
    if (parameters !== undefined)
      check(ffmpeg, parameters.toContext(context), 'preparing the decoder')
    context.threadCount = threads
    if (timeBase !== undefined) context.pktTimebase = timeBase
    if (limits !== undefined) context.setOption('max_pixels', maxPixelsOption(limits))
    if (errDetect !== undefined) context.setOption('err_detect', errDetect)
    prepare?.(context)
    check(ffmpeg, context.open2Sync(codec, null), 'opening the decoder')
    return context
  } catch (error) {
    context.freeContext()
    throw error
  }
}

/** Sets a user's options. @throws MediaError `ERR_BAD_OPTION` for one that `owner` does not have */
export function setOptions(
  object: { setOption(name: string, value: string): number },
  options: Readonly<Record<string, string>>,
  name: string,
  owner: string,
): void {
  for (const [option, value] of Object.entries(options))
    if (object.setOption(option, value) < 0)
      throw badOption(name, `made of options of ${owner} and their values`, `${option}=${value}`)
}

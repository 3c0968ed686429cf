import type { Codec, CodecContext, CodecParameters } from 'node-av/lib'
import { badOption } from '../base/errors.ts'
import { check, type FFmpeg } from './library.ts'
import { type Limits, maxPixelsOption } from './video-limits.ts'

/** Options for opening a decoder. */
export interface DecoderSetup {
  /** The container's parameters of the stream; images have none. */
  readonly parameters?: CodecParameters
  /** Time base of its packets. Without it, priming is cut off but time stamps are not shifted. */
  readonly timeBase?: CodecContext['pktTimebase']
  /**
   * Threads of the decoder. Default 1: many files in parallel use the cores better than many
   * threads on one.
   */
  readonly threads?: number
  readonly limits?: Pick<Limits, 'maxPixels'>
  /** FFmpeg's flags that define damage. Default: the decoder's. */
  readonly errDetect?: string | undefined
  /** Further preparation before the decoder is opened. */
  readonly prepare?: (context: CodecContext) => void
}

/**
 * Opens a decoder. The caller frees it.
 *
 * @throws Error of FFmpeg, or of `prepare`
 */
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

/**
 * Sets the user's options.
 *
 * @throws MediaError `ERR_BAD_OPTION` for an option that `owner` lacks
 */
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

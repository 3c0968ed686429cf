import type { FormatContext, InputFormat, Stream } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
import type { SyncReader } from '../files/routine.ts'
import { codecWhitelist } from './decoders.ts'
import { check, type FFmpeg } from './library.ts'
import { refuseBombs } from './refuse-bombs.ts'
import { FORMAT_WHITELIST, formatOf, opensOthers } from './refused-formats.ts'

/** An input for FFmpeg. */
export interface ContextInput {
  /** The URL to open: `file:` and a path, or another URL. */
  readonly url: string
  /**
   * Allowed protocols, separated by commas; `undefined` for no restriction, if the input is not a
   * file.
   */
  readonly protocols: string | undefined
  /** The format, if the caller names one; it may be any format then. */
  readonly format?: InputFormat | undefined
  readonly options?: Readonly<Record<string, string>>
  /**
   * Reads the file, because its name and its announced sizes may mislead FFmpeg. `undefined` for
   * streams.
   */
  readonly inspect: (<T>(work: (reader: SyncReader) => T) => T) | undefined
}

/** Largest number of streams in a container, because a damaged file may have many. */
const MAX_STREAMS = 100

/** Number of bytes that are read to detect the format, if the name must not decide it. */
const HEAD_BYTES = 65_536

/** Names that FFmpeg would read as patterns for several files. */
const PATTERN = /[%*?{[]/

/**
 * Lets FFmpeg open a container. Only this function opens inputs. FFmpeg opens no file that the
 * input names, and no format that would (see `formats.ts`), unless the caller has named that
 * format. The caller closes the container.
 *
 * @throws Error of FFmpeg, or MediaError without a source
 */
export function openContext(ffmpeg: FFmpeg, input: ContextInput): FormatContext {
  const { av } = ffmpeg
  const { url, protocols, inspect, options = {} } = input
  const isPattern = input.format === undefined && inspect !== undefined && PATTERN.test(url)
  if (input.format === undefined) inspect?.(refuseBombs)
  // This comes first: node-av crashes at the end of the process if a context was made and never
  // opened.
  const format = input.format ?? (isPattern ? formatOf(ffmpeg, inspect(headOf)) : null)
  const given = av.Dictionary.fromObject({
    ...(protocols === undefined ? {} : { protocol_whitelist: protocols }),
    ...(input.format === undefined ? { format_whitelist: FORMAT_WHITELIST } : {}),
    codec_whitelist: codecWhitelist(ffmpeg),
    ...options,
  })
  const context = new av.FormatContext()
  context.allocContext()
  context.maxStreams = MAX_STREAMS
  try {
    const result = context.openInputSync(url, format, given)
    if (result < 0 && input.format === undefined && inspect !== undefined)
      refuseList(ffmpeg, inspect(headOf))
    check(ffmpeg, result, 'opening it')
    return context
  } catch (error) {
    context.closeInputSync()
    throw error
  } finally {
    given.free()
  }
}

/**
 * Lets FFmpeg decode a little if headers say too little to decode the streams, as in MP3, FLAC,
 * MPEG-TS and raw streams.
 *
 * @param isForced whether FFmpeg reads all that it can, which may cost more than decoding
 */
export function findFacts(
  ffmpeg: FFmpeg,
  context: FormatContext,
  streams: readonly Stream[],
  isForced: boolean,
): void {
  const { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } = ffmpeg.constants
  const lacks = ({ codecpar }: Stream): boolean => {
    if (codecpar.codecType === AVMEDIA_TYPE_AUDIO)
      return codecpar.sampleRate === 0 || codecpar.channels === 0
    return (
      codecpar.codecType === AVMEDIA_TYPE_VIDEO && (codecpar.width === 0 || codecpar.height === 0)
    )
  }
  if (isForced || streams.length === 0 || streams.some(lacks))
    check(ffmpeg, context.findStreamInfoSync(null), 'looking for its streams')
}

function headOf(reader: SyncReader): Uint8Array {
  return reader.read(0, Math.min(HEAD_BYTES, reader.size))
}

/** @throws MediaError `ERR_UNSUPPORTED` if FFmpeg would open other files for this one */
function refuseList(ffmpeg: FFmpeg, head: Uint8Array): void {
  // FFmpeg recognises this format only by its name.
  const isPlaylist = Buffer.from(head.subarray(0, 10)).toString('latin1').includes('#EXTM3U')
  const name = isPlaylist ? 'hls' : formatOf(ffmpeg, head)?.name
  if (typeof name === 'string' && opensOthers(name))
    throw new MediaError('ERR_UNSUPPORTED', `a list of other files (${name}), which are not opened`)
}

import type { FormatContext, InputFormat, Stream } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
import type { SyncReader } from '../files/routine.ts'
import { codecWhitelist } from './decoders.ts'
import { check, type FFmpeg } from './library.ts'
import { refuseBombs } from './refuse-bombs.ts'
import { FORMAT_WHITELIST, formatOf, opensOthers } from './refused-formats.ts'

/** What FFmpeg is to open. */
export interface ContextInput {
  /** Where it connects to: `file:` and a path, or a URL. */
  readonly url: string
  /**
   * Protocols that it may use, separated by commas; `undefined` for no limit, where the input is no
   * file.
   */
  readonly protocols: string | undefined
  /** The format, where the caller names one; it may be any then. */
  readonly format?: InputFormat | undefined
  readonly options?: Readonly<Record<string, string>>
  /**
   * Reads the file: its name may mislead FFmpeg, and what it announces. `undefined` for what comes
   * by and by.
   */
  readonly inspect: (<T>(work: (reader: SyncReader) => T) => T) | undefined
}

/** Streams that a container may have: those of damaged ones can be many. */
const MAX_STREAMS = 100

/** How many bytes of a file are looked at for its format where its name may not be. */
const HEAD_BYTES = 65_536

/** Names that FFmpeg would read as patterns for the names of several files. */
const PATTERN = /[%*?{[]/

/**
 * Has FFmpeg open a container: the one place where it opens an input. It opens nothing that the
 * input names, and no format that would (see `formats.ts`), unless the caller has named that
 * format. Closing it is the caller's.
 *
 * @throws Error of FFmpeg's, or MediaError without source
 */
export function openContext(ffmpeg: FFmpeg, input: ContextInput): FormatContext {
  const { av } = ffmpeg
  const { url, protocols, inspect, options = {} } = input
  const isPattern = input.format === undefined && inspect !== undefined && PATTERN.test(url)
  if (input.format === undefined) inspect?.(refuseBombs)
  // First of all: node-av crashes at the end of the process where a context was made and never
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
 * Has FFmpeg decode a little, where headers tell too little to decode streams: those of MP3, FLAC,
 * MPEG-TS and raw streams do.
 *
 * @param isForced whether it is to find out all it can, which may cost more than decoding
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

/** @throws MediaError `ERR_UNSUPPORTED` where the file is one that FFmpeg would open others for */
function refuseList(ffmpeg: FFmpeg, head: Uint8Array): void {
  // FFmpeg knows this one by its name only.
  const isPlaylist = Buffer.from(head.subarray(0, 10)).toString('latin1').includes('#EXTM3U')
  const name = isPlaylist ? 'hls' : formatOf(ffmpeg, head)?.name
  if (typeof name === 'string' && opensOthers(name))
    throw new MediaError('ERR_UNSUPPORTED', `a list of other files (${name}), which are not opened`)
}

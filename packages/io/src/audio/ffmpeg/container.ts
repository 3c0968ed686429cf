import type { FormatContext, Stream } from 'node-av/lib'
import { badOption, MediaError } from '../../errors.ts'
import type { SyncReader } from '../../file/routine.ts'
import { check, type FFmpeg } from '../../image/ffmpeg/library.ts'
import type { OpenFile } from '../open-file.ts'
import { removeSpilled, spill } from '../spill.ts'

/** Demuxers that would open other files. */
const PLAYLISTS: ReadonlySet<string> = new Set(['hls', 'concat', 'dash', 'imf', 'sdp', 'rtsp'])

/** Streams that a container may have: those of damaged ones can be many. */
const MAX_STREAMS = 100

/**
 * A container that FFmpeg has opened, and the audio stream in it that is wanted. FFmpeg opens files by their path, and by no other
 * protocol.
 */
export class Container {
  readonly format: FormatContext
  readonly stream: Stream
  /**
   * Length of the stream as its header tells, in its time base; `undefined` where it tells none. Looked at before FFmpeg makes estimates of its own.
   */
  readonly declared: bigint | undefined
  /** Where bytes in memory were put. */
  readonly #spilled: string | undefined

  /**
   * @param wanted the audio stream's number among those in the file; the best of them where undefined
   * @param isForProbe whether FFmpeg is to find out all it can, which may cost more than decoding
   * @throws Error of FFmpeg's, or MediaError without source
   */
  constructor(ffmpeg: FFmpeg, { reader, path }: OpenFile, wanted: number | undefined, isForProbe = false) {
    const { av, constants: c } = ffmpeg
    if (reader.size === 0) throw new Error('is empty')
    this.#spilled = path === undefined ? spill(reader) : undefined
    this.format = new av.FormatContext()
    this.format.allocContext()
    this.format.maxStreams = MAX_STREAMS
    try {
      const options = av.Dictionary.fromObject({
        protocol_whitelist: 'file',
        // Looking for DTS among the samples of a WAV file takes 30 ms, as long as decoding a minute.
        ...(isRiff(reader) ? { max_probe_packets: '1' } : {}),
      })
      try {
        const url = `file:${path ?? this.#spilled}` // else `http:` in a name would be a protocol
        check(ffmpeg, this.format.openInputSync(url, null, options), 'opening it')
      } finally {
        options.free()
        // What is open needs no name, but on Windows.
        if (this.#spilled !== undefined && process.platform !== 'win32') removeSpilled(this.#spilled)
      }
      if (PLAYLISTS.has(this.format.iformat?.name ?? '')) {
        throw new MediaError('ERR_UNSUPPORTED', 'a list of other files, which are not opened')
      }
      const declared = new Map(this.format.streams.map(({ index, duration }) => [index, duration]))
      if (isForProbe || this.#audioStreams(c).some(isUnknown) || this.#audioStreams(c).length === 0) {
        check(ffmpeg, this.format.findStreamInfoSync(null), 'looking for its streams')
      }
      this.stream = this.#choose(ffmpeg, wanted)
      const duration = declared.get(this.stream.index)
      this.declared = duration !== undefined && duration > 0n ? duration : undefined
      for (const other of this.format.streams) {
        if (other.index !== this.stream.index) other.discard = c.AVDISCARD_ALL
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.format.closeInputSync()
    if (this.#spilled !== undefined) removeSpilled(this.#spilled)
  }

  #audioStreams(c: FFmpeg['constants']): Stream[] {
    return this.format.streams.filter(({ codecpar }) => codecpar.codecType === c.AVMEDIA_TYPE_AUDIO)
  }

  #choose({ constants: c }: FFmpeg, wanted: number | undefined): Stream {
    const streams = this.#audioStreams(c)
    if (streams.length === 0) throw new Error('has no sound in it')
    if (wanted !== undefined) {
      const stream = streams[wanted]
      if (stream === undefined) {
        throw badOption('stream', `less than ${streams.length}, the number of audio streams`, wanted)
      }
      return stream
    }
    const best = streams.length === 1 ? undefined : this.format.findBestStream(c.AVMEDIA_TYPE_AUDIO)
    return streams.find(({ index }) => index === best) ?? streams[0]!
  }
}

function isRiff(reader: SyncReader): boolean {
  return Buffer.from(reader.read(0, Math.min(4, reader.size))).toString('latin1') === 'RIFF'
}

/** Whether a header tells too little to decode a stream, as those of MP3, FLAC and MPEG-TS do. */
function isUnknown({ codecpar }: Stream): boolean {
  return codecpar.sampleRate === 0 || codecpar.channels === 0
}

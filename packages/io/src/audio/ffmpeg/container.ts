import type { FormatContext, IOContext, Stream } from 'node-av/lib'
import { badOption, MediaError } from '../../errors.ts'
import type { SyncReader } from '../../file/routine.ts'
import { check, type FFmpeg } from '../../image/ffmpeg/library.ts'

/** What FFmpeg asks for at a time: a callback costs as much as reading 50 KB. */
const READ_BYTES = 1 << 17

/** Streams that a container may have: those of damaged ones can be many. */
const MAX_STREAMS = 100

/**
 * A container that FFmpeg has opened, and the audio stream in it that is wanted. FFmpeg reads through a reader of ours, so no name is taken for a
 * protocol, and a playlist cannot make it open other files or connections.
 */
export class Container {
  readonly format: FormatContext
  readonly stream: Stream
  /**
   * Length of the stream as its header tells, in its time base; `undefined` where it tells none. Looked at before FFmpeg makes estimates of its own.
   */
  readonly declared: bigint | undefined
  readonly #io: IOContext
  readonly #source: ReaderCallbacks

  /**
   * @param wanted the audio stream's number among those in the file; the best of them where undefined
   * @param isForProbe whether FFmpeg is to find out all it can, which may cost more than decoding
   * @throws Error of FFmpeg's, or MediaError without source
   */
  constructor(ffmpeg: FFmpeg, reader: SyncReader, wanted: number | undefined, isForProbe = false) {
    const { av, constants: c } = ffmpeg
    if (reader.size === 0) throw new Error('is empty')
    this.#source = new ReaderCallbacks(ffmpeg, reader)
    this.#io = this.#source.open()
    this.format = new av.FormatContext()
    this.format.allocContext()
    this.format.pb = this.#io
    this.format.maxStreams = MAX_STREAMS
    try {
      const options = av.Dictionary.fromObject({ protocol_whitelist: 'none' })
      try {
        this.check(ffmpeg, this.format.openInputSync('', null, options), 'opening it')
      } finally {
        options.free()
      }
      const declared = new Map(this.format.streams.map(({ index, duration }) => [index, duration]))
      if (isForProbe || this.#audioStreams(c).some(isUnknown) || this.#audioStreams(c).length === 0) {
        this.check(ffmpeg, this.format.findStreamInfoSync(null), 'looking for its streams')
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

  /** Throws what the reader threw, or else what FFmpeg says of a negative result. */
  check(ffmpeg: FFmpeg, result: number, doing: string): void {
    if (result >= 0) return
    this.#source.throwFault()
    check(ffmpeg, result, doing)
  }

  close(): void {
    this.format.pb = null // else it would be freed twice
    this.format.closeInputSync()
    this.#io.freeContext()
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

/** Whether a header tells too little to decode a stream, as those of MP3, FLAC and MPEG-TS do. */
function isUnknown({ codecpar }: Stream): boolean {
  return codecpar.sampleRate === 0 || codecpar.channels === 0
}

/** FFmpeg's reads and seeks, answered by a reader. What it throws is kept, for no exception passes through FFmpeg. */
class ReaderCallbacks {
  readonly #ffmpeg: FFmpeg
  readonly #reader: SyncReader
  #at = 0
  #fault: unknown

  constructor(ffmpeg: FFmpeg, reader: SyncReader) {
    this.#ffmpeg = ffmpeg
    this.#reader = reader
  }

  open(): IOContext {
    const io = new this.#ffmpeg.av.IOContext()
    io.allocContextWithCallbacks(
      READ_BYTES,
      0,
      (size) => this.#read(size),
      null,
      (offset, whence) => this.#seek(offset, whence),
    )
    return io
  }

  throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault
  }

  #read(size: number): Buffer | number {
    const { constants: c } = this.#ffmpeg
    const length = Math.min(size, this.#reader.size - this.#at)
    if (length <= 0) return c.AVERROR_EOF
    try {
      const { buffer, byteOffset } = this.#reader.read(this.#at, length)
      this.#at += length
      // Native code takes no shared memory.
      if (buffer instanceof SharedArrayBuffer) {
        return Buffer.from(new Uint8Array(buffer, byteOffset, length))
      }
      return Buffer.from(buffer, byteOffset, length)
    } catch (error) {
      this.#fault = error
      return c.AVERROR_EIO
    }
  }

  #seek(offset: bigint, whence: number): bigint {
    const { constants: c } = this.#ffmpeg
    if ((whence & c.AVSEEK_SIZE) !== 0) return BigInt(this.#reader.size)
    const base = [0, this.#at, this.#reader.size][whence & 3] ?? 0
    const at = base + Number(offset)
    if (!(at >= 0)) return BigInt(c.AVERROR_EINVAL)
    this.#at = at
    return BigInt(at)
  }
}

/** The same fault without the name of the source, which whoever knows it adds. */
export function withoutSource(error: unknown): unknown {
  if (!(error instanceof MediaError) || error.source === undefined || error.cause === undefined) return error
  return new MediaError(error.code, (error.cause as Error).message, { cause: error.cause })
}

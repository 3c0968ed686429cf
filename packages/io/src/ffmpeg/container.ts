import type { FormatContext, Stream } from 'node-av/lib'
import { badOption, MediaError } from '../base/errors.ts'
import type { OpenFile, StreamInput } from '../files/open-file.ts'
import type { SyncReader } from '../files/routine.ts'
import { removeSpilled, spill } from '../files/spill.ts'
import { mp3End } from './containers/mp3.ts'
import { isOpenEnded, isStreamOpenEnded } from './containers/open-ended.ts'
import { refuseEncryptedStream } from './encrypted.ts'
import type { FFmpeg } from './library.ts'
import { findFacts, openContext } from './open-context.ts'

/**
 * Which stream of a container is wanted: the best of the pictures where there are any, for `'any'`.
 */
export type StreamKind = 'audio' | 'video' | 'any'

/** What a container is opened for. */
export interface ContainerOptions {
  /** Default `'audio'`. */
  readonly kind?: StreamKind
  /** The stream's number among those of its kind; the best of them where undefined. */
  readonly wanted?: number | undefined
  /** Whether FFmpeg is to find out all it can, which may cost more than decoding. */
  readonly isForProbe?: boolean
}

/**
 * A container that FFmpeg has opened, and the stream in it that is wanted. FFmpeg opens files by
 * their path, and by no other protocol, but for byte streams, which come through a socket of this
 * process.
 */
export class Container {
  readonly format: FormatContext
  readonly stream: Stream
  /**
   * Length of the stream as its header tells, in its time base; `undefined` where it tells none.
   * Looked at before FFmpeg makes estimates of its own.
   */
  readonly declared: bigint | undefined
  /** Whether the file ends where its bytes end, since its header does not tell. */
  readonly isOpenEnded: boolean
  /** Bytes of the file; `undefined` for byte streams. */
  readonly size: number | undefined
  /** Where bytes in memory were put. */
  readonly #spilled: string | undefined

  readonly #kind: StreamKind

  /** @throws Error of FFmpeg's, or MediaError without source */
  constructor(ffmpeg: FFmpeg, file: OpenFile | StreamInput, options: ContainerOptions = {}) {
    const { constants: c } = ffmpeg
    const { kind = 'audio', wanted, isForProbe = false } = options
    this.#kind = kind
    const streamUrl = 'url' in file ? file.url : undefined
    const reader = 'url' in file ? undefined : file.reader
    if (reader?.size === 0) throw new Error('is empty')
    if (reader !== undefined) refuseUnsupported(reader)
    this.size = reader?.size
    const path = 'url' in file ? undefined : file.path
    this.#spilled = reader !== undefined && path === undefined ? spill(reader) : undefined
    const end = reader === undefined ? undefined : mp3End(reader)
    const url = streamUrl ?? `file:${path ?? this.#spilled}` // else `http:` in a name would be a protocol
    try {
      this.format = openContext(ffmpeg, {
        url: end === undefined ? url : `subfile,,start,0,end,${end},,:${url}`,
        // Of byte streams: unix, or tcp.
        protocols:
          streamUrl !== undefined
            ? streamUrl.slice(0, streamUrl.indexOf(':'))
            : end === undefined
              ? 'file'
              : 'file,subfile',
        // Looking for DTS among the samples of a WAV file takes 30 ms, as long as decoding a
        // minute.
        options: reader !== undefined && isWav(reader) ? { max_probe_packets: '1' } : {},
        inspect: reader && ((work) => work(reader)),
      })
    } finally {
      // What is open needs no name, but on Windows.
      if (this.#spilled !== undefined && process.platform !== 'win32') removeSpilled(this.#spilled)
    }
    try {
      const declared = new Map(this.format.streams.map(({ index, duration }) => [index, duration]))
      findFacts(ffmpeg, this.format, this.streamsOf(ffmpeg), isForProbe)
      this.stream = this.#choose(ffmpeg, wanted)
      const duration = declared.get(this.stream.index)
      this.isOpenEnded = reader === undefined ? isStreamOpenEnded(this.format) : isOpenEnded(reader)
      const isTold = duration !== undefined && duration > 0n && !this.isOpenEnded
      this.declared = isTold ? duration : undefined
      refuseEncryptedStream(this.stream)
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

  /**
   * The streams of a kind, of the one wanted unless another is given. A picture that goes with a
   * sound is no video.
   */
  streamsOf({ constants: c }: FFmpeg, kind: StreamKind = this.#kind): Stream[] {
    const of = (type: number): Stream[] =>
      this.format.streams.filter(
        ({ codecpar, disposition }) =>
          codecpar.codecType === type && (disposition & c.AV_DISPOSITION_ATTACHED_PIC) === 0,
      )
    if (kind === 'audio') return of(c.AVMEDIA_TYPE_AUDIO)
    const video = of(c.AVMEDIA_TYPE_VIDEO)
    return kind === 'video' || video.length > 0 ? video : of(c.AVMEDIA_TYPE_AUDIO)
  }

  #choose(ffmpeg: FFmpeg, wanted: number | undefined): Stream {
    const streams = this.streamsOf(ffmpeg)
    const name = this.#kind === 'any' ? 'media' : this.#kind
    if (streams.length === 0) throw new Error(`has no ${name === 'audio' ? 'sound' : name} in it`)
    if (wanted !== undefined) {
      const stream = streams[wanted]
      if (stream === undefined) {
        throw badOption(
          'stream',
          `less than ${streams.length}, the number of ${name} streams`,
          wanted,
        )
      }
      return stream
    }
    const type = streams[0]!.codecpar.codecType
    const best = streams.length === 1 ? undefined : this.format.findBestStream(type)
    return streams.find(({ index }) => index === best) ?? streams[0]!
  }
}

function isWav(reader: SyncReader): boolean {
  return /^RIFF....WAVE/s.test(headOf(reader))
}

/**
 * Refuses what FFmpeg makes noise of, and what has no samples in it. @throws MediaError
 * `ERR_UNSUPPORTED`
 */
function refuseUnsupported(reader: SyncReader): void {
  const head = headOf(reader)
  if (/^RIFX....WAVE/s.test(head))
    throw new MediaError(
      'ERR_UNSUPPORTED',
      'a big-endian WAV file (RIFX) of compressed samples; `sox in.wav -L out.wav` makes it a little-endian one',
    )
  if (head.startsWith('MThd'))
    throw new MediaError(
      'ERR_UNSUPPORTED',
      'a MIDI file, which has notes and no samples; a synthesizer makes those',
    )
}

function headOf(reader: SyncReader): string {
  return Buffer.from(reader.read(0, Math.min(12, reader.size))).toString('latin1')
}

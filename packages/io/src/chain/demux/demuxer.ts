import type { Packet as AvPacket, FormatContext } from 'node-av/lib'
import {
  boolean,
  durationMs,
  is,
  type Options,
  type Rules,
  type RulesOf,
  text,
} from 'spindle/options'
import { badOption, MediaError, nameSource } from '../../base/errors.ts'
import { mediaOptions, stringsRule } from '../../base/options.ts'
import { comesInOrder } from '../../ffmpeg/containers/edits.ts'
import { type FFmpeg, loadFFmpeg, problemOf } from '../../ffmpeg/library.ts'
import { readPacket } from '../../ffmpeg/stream-decoder.ts'
import { withFile } from '../../files/open-file.ts'
import { checkSource, describeSource } from '../../files/source.ts'
import type { StreamKind } from '../codec-parameters.ts'
import { type ChainFailure, Failures } from '../failure.ts'
import { Handle } from '../handle.ts'
import type { PacketData } from '../packets/blob.ts'
import { takePacket } from '../packets/native-packet.ts'
import { Packets } from '../packets/packets.ts'
import { describeStream, type StreamInfo } from '../stream-info.ts'
import { secondsOfTick, type TimeWindow, windowRule } from '../time.ts'
import {
  type ChunkOptions,
  chunkOptions,
  chunksOf,
  type ManyChunkOptions,
  manyChunkOptions,
  streamChoiceRule,
  streamsRule,
} from './chunks.ts'
import {
  type DemuxSource,
  endsAnywhere,
  isFileSource,
  type OpenOptions,
  openInput,
  refuseBigEndian,
} from './open-input.ts'
import { readWindow } from './read-window.ts'

/** Options of `Demuxer`. */
export interface DemuxerOptions {
  /**
   * Format, if the bytes do not identify it (raw samples, devices), by FFmpeg's name: `'s16le'`,
   * `'rawvideo'`, `'lavfi'`. Default: detected from the bytes.
   */
  readonly format?: string
  /** Options of the format, by FFmpeg's names; an unknown option is an error. */
  readonly formatOptions?: Readonly<Record<string, string>>
  /**
   * Whether to decode a little, to learn what the header does not say, such as the pixel format. It
   * costs some milliseconds. Default `'auto'`: only if size, rate or channels are unknown.
   */
  readonly probe?: boolean | 'auto'
  /** Whether damage in the container is an error (default), or is counted in `failures`. */
  readonly strict?: boolean
  /** Longest wait for bytes from a web server, in milliseconds, or `Infinity`. Default 30 000. */
  readonly timeoutMs?: number
  /** Name of the source in messages. Default: its path, its URL, or its number of bytes. */
  readonly name?: string
}

/** The packets of one stream to read. */
export interface DemuxOptions {
  /**
   * Index of the stream, or the best of a kind. Default: the best video stream, or the best audio
   * stream if there is no video.
   */
  readonly stream?: number | 'video' | 'audio'
  /** `[start, end)` in seconds, in the container's own time. Default: all. */
  readonly window?: TimeWindow
}

/** The packets of several streams to read. */
export interface DemuxManyOptions {
  /** Indices of the streams. Default: all video and audio streams. */
  readonly streams?: readonly number[]
  /** `[start, end)` in seconds, in the container's own time. Default: all. */
  readonly window?: TimeWindow
}

/** The rules of {@link DemuxerOptions}. */
export const demuxerRules: RulesOf<DemuxerOptions, 'strict' | 'timeoutMs'> = {
  format: text(),
  formatOptions: stringsRule,
  probe: is("true or false or 'auto'", (value) => typeof value === 'boolean' || value === 'auto'),
  strict: boolean({ default: true }),
  timeoutMs: durationMs({ orInfinity: true, default: 30_000 }),
  name: text(),
}

/** The declaration of {@link DemuxerOptions}. */
export const demuxerOptions: Options<typeof demuxerRules> = mediaOptions(
  'DemuxerOptions',
  demuxerRules,
)

const demuxOptions = mediaOptions('DemuxOptions', {
  stream: streamChoiceRule,
  window: windowRule,
} satisfies Rules<DemuxOptions>)
const manyOptions = mediaOptions('DemuxManyOptions', {
  streams: streamsRule,
  window: windowRule,
} satisfies Rules<DemuxManyOptions>)

/**
 * An open container: its streams, and their packets as a whole, by any number of windows, or chunk
 * by chunk. FFmpeg reads it in the calling thread and blocks it: for ops that run in worker
 * threads. Only the requested parts of a file are read. Bytes in memory are written to a file for
 * FFmpeg, in `/dev/shm` if it exists; the file is unlinked before the constructor returns.
 *
 * States: `open -> closed`, by `[Symbol.dispose]()`.
 *
 * @throws MediaError from the constructor: `ERR_DECODE` if it cannot be opened, `ERR_UNSUPPORTED`
 *   for lists of other files, `ERR_BACKEND_MISSING`, `ERR_BAD_OPTION`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { Demuxer } from '@spindle/io/media'
 *
 * const demuxer = new Demuxer('testsrc=size=64x48:rate=10:duration=3', { format: 'lavfi' })
 * try {
 *   assert.equal(demuxer.streams[0]?.width, 64)
 *   assert.equal(demuxer.demux().length, 30)
 * } finally {
 *   demuxer[Symbol.dispose]()
 * }
 * ```
 */
export class Demuxer implements Disposable {
  /** The source, for messages. */
  readonly name: string
  /** The streams, in the order of the file. */
  readonly streams: readonly StreamInfo[]
  /** FFmpeg's names of the format, such as `'mov,mp4,m4a,3gp,3g2,mj2'`. */
  readonly format: string
  /** Tags of the container: `title`, `encoder`, … */
  readonly metadata: Readonly<Record<string, string>>
  readonly #ffmpeg: FFmpeg
  readonly #source: DemuxSource
  readonly #options: OpenOptions
  readonly #failures: Failures
  readonly #handle: Handle
  readonly #packet: AvPacket
  #context: FormatContext
  /** Whether nothing has been read yet. */
  #isAtStart = true

  constructor(source: DemuxSource, options: DemuxerOptions = {}) {
    checkSource(source, 'source')
    const checked = demuxerOptions.check(options)
    const { format, formatOptions = {}, probe = 'auto', strict, name, timeoutMs } = checked
    this.name = name ?? describeSource(source)
    this.#source = source
    this.#options = { format, formatOptions, probe, timeoutMs }
    this.#failures = new Failures(strict)
    this.#ffmpeg = loadFFmpeg()
    this.#context = this.#open()
    this.#packet = new this.#ffmpeg.av.Packet()
    this.#packet.alloc()
    this.#handle = new Handle('Demuxer', () => {
      this.#packet.free()
      this.#context.closeInputSync()
    })
    this.streams = this.#context.streams.map((stream) => describeStream(this.#ffmpeg, stream))
    this.format = this.#context.iformat?.name ?? ''
    this.metadata = this.#context.metadata?.getAll() ?? {}
  }

  /** Duration of the longest stream in seconds, from the header; `undefined` if unknown. */
  get durationSec(): number | undefined {
    this.#handle.check()
    const { duration } = this.#context
    if (duration > 0n) return Number(duration) / MICROSECONDS
    const lengths = this.streams.map((stream) =>
      secondsOfTick(stream.duration ?? 0n, stream.timeBase),
    )
    const longest = Math.max(0, ...lengths)
    return longest > 0 ? longest : undefined
  }

  /** Damage that was found while reading, with `strict: false`; the first hundred. */
  get failures(): readonly ChainFailure[] {
    return this.#failures.kept
  }

  /** Number of all failures. */
  get failureCount(): number {
    return this.#failures.count
  }

  /** FFmpeg's choice among the streams of a kind: the one marked as default, or the largest. */
  best(kind: 'video' | 'audio'): StreamInfo | undefined {
    this.#handle.check()
    const { constants: c } = this.#ffmpeg
    const type = kind === 'video' ? c.AVMEDIA_TYPE_VIDEO : c.AVMEDIA_TYPE_AUDIO
    const found = this.#context.findBestStream(type)
    return (
      this.streams.find(({ index }) => index === found) ??
      this.streams.find((stream) => stream.kind === kind)
    )
  }

  /**
   * Reads the packets of one stream, all or those of a window; further calls may read other
   * windows. Memory: the bytes of the packets.
   *
   * @throws MediaError `ERR_BAD_OPTION` if there is no such stream; if strict, `ERR_DECODE` if the
   *   container is damaged
   */
  demux(options: DemuxOptions = {}): Packets {
    this.#handle.check()
    const { window, ...given } = demuxOptions.check(options)
    const stream = this.#choose(given.stream)
    if (window === undefined) return this.#whole([stream])[0]!
    const data = readWindow(this.#window(stream), stream, window)
    return Packets.of({ stream, window, source: this.name }, data)
  }

  /**
   * Reads the packets of several streams, in the order of the request.
   *
   * @throws MediaError as `demux`
   */
  demuxMany(options: DemuxManyOptions = {}): Packets[] {
    this.#handle.check()
    const { streams: wanted, window } = manyOptions.check(options)
    const streams = this.#several(wanted)
    if (window === undefined) return this.#whole(streams)
    return streams.map(({ index }) => this.demux({ stream: index, window }))
  }

  /**
   * Reads the packets of one stream chunk by chunk; together they are exactly those of `demux()`.
   * One chunk is in memory at a time.
   *
   * @throws MediaError as `demux`; `ERR_BAD_STATE` if another method has moved the container's
   *   position
   */
  *chunks(options: ChunkOptions): Generator<Packets> {
    const size = chunkOptions.check(options)
    const stream = this.#choose(size.stream)
    for (const [packets] of chunksOf(this.#packets([stream]), [stream], size, this.name))
      if (packets!.stored > 0) yield packets!
  }

  /**
   * Reads several streams in chunks. A chunk is an array with the packets of each stream, in the
   * order of the request; a stream may have none in a chunk.
   */
  *chunksOfMany(options: ManyChunkOptions): Generator<Packets[]> {
    const size = manyChunkOptions.check(options)
    const streams = this.#several(size.streams)
    yield* chunksOf(this.#packets(streams), streams, size, this.name)
  }

  /** Closes the container. Its packets stay valid. */
  [Symbol.dispose](): void {
    this.#handle.close()
  }

  #whole(streams: readonly StreamInfo[]): Packets[] {
    const found = new Map<number, PacketData[]>(streams.map(({ index }) => [index, []]))
    for (const { index, data } of this.#packets(streams)) found.get(index)!.push(data)
    return streams.map((stream) =>
      Packets.of({ stream, window: undefined, source: this.name }, found.get(stream.index)!),
    )
  }

  /** All packets of some streams, from the beginning. */
  *#packets(streams: readonly StreamInfo[]): Generator<{ index: number; data: PacketData }> {
    this.#handle.check()
    this.#rewind()
    this.#select(streams)
    const context = this.#context
    for (;;) {
      this.#handle.check()
      if (context !== this.#context)
        throw new MediaError('ERR_BAD_STATE', `${this.name}: it was read from elsewhere`)
      const next = this.#read()
      if (next === undefined) return
      yield next
    }
  }

  /** The parts of a container that a window needs. */
  #window(stream: StreamInfo): Parameters<typeof readWindow>[0] {
    return {
      formats: this.format,
      isInOrder: this.#isInOrder(stream),
      rewind: () => {
        this.#rewind()
        this.#select([stream])
      },
      seek: (tick) => {
        const { constants: c } = this.#ffmpeg
        this.#select([stream])
        this.#isAtStart = false
        return this.#context.seekFrameSync(stream.index, tick, c.AVSEEK_FLAG_BACKWARD) >= 0
      },
      read: () => this.#read()?.data,
    }
  }

  /** Whether pieces are in order: an edit list may show them in another order, or twice. */
  #isInOrder({ index, kind }: StreamInfo): boolean {
    const source = this.#source
    if (kind !== 'video' || !isFileSource(source) || !this.format.startsWith('mov')) return true
    const { id } = this.#context.streams[index]!
    return withFile(source, ({ reader }) => comesInOrder(reader, id))
  }

  #read(): { index: number; data: PacketData } | undefined {
    const { constants: c } = this.#ffmpeg
    const packet = this.#packet
    this.#isAtStart = false
    for (;;) {
      const result = readPacket(this.#ffmpeg, this.#context, packet)
      if (result < 0) {
        if (result !== c.AVERROR_EOF) {
          const problem = problemOf(this.#ffmpeg, result, 'reading a packet')
          this.#failures.tell({ timeSec: undefined, problem }, this.name)
        }
        return undefined
      }
      const stream = this.streams[packet.streamIndex]
      if (stream === undefined || !this.#selected.has(stream.index)) continue
      const data = takePacket(packet)
      if ((data.flags & c.AV_PKT_FLAG_CORRUPT) !== 0 && !endsAnywhere(this.format, this.#source)) {
        const time = data.pts ?? data.dts
        const timeSec = time === undefined ? undefined : secondsOfTick(time, stream.timeBase)
        this.#failures.tell({ timeSec, problem: 'a packet is damaged or cut off' }, this.name)
      }
      return { index: stream.index, data }
    }
  }

  #selected: ReadonlySet<number> = new Set()

  #select(streams: readonly StreamInfo[]): void {
    const { constants: c } = this.#ffmpeg
    this.#selected = new Set(streams.map(({ index }) => index))
    for (const stream of this.#context.streams) {
      stream.discard = this.#selected.has(stream.index) ? c.AVDISCARD_DEFAULT : c.AVDISCARD_ALL
    }
  }

  /** Goes to the beginning by opening the container again, which always works. */
  #rewind(): void {
    if (this.#isAtStart) return
    const again = this.#open()
    this.#context.closeInputSync()
    this.#context = again
    this.#isAtStart = true
  }

  #open(): FormatContext {
    let context: FormatContext | undefined
    try {
      context = openInput(this.#ffmpeg, this.#source, this.#options)
      refuseBigEndian(context.iformat?.name, this.#source)
      return context
    } catch (error) {
      context?.closeInputSync()
      const named = nameSource(error, this.name)
      if (named.code !== 'ERR_DECODE') throw named
      throw new MediaError('ERR_DECODE', named.message.replace(': ', ': cannot be opened: '), {
        source: this.name,
        cause: named.cause,
      })
    }
  }

  #choose(
    wanted: number | 'video' | 'audio' = this.best('video') === undefined ? 'audio' : 'video',
  ): StreamInfo {
    const stream = typeof wanted === 'number' ? this.streams[wanted] : this.best(wanted)
    if (stream !== undefined && isCoded(stream.kind)) return stream
    if (typeof wanted !== 'number')
      throw new MediaError('ERR_DECODE', `${this.name}: has no ${wanted} stream`, {
        source: this.name,
      })
    throw badOption(
      'stream',
      `the index of a video or audio stream among ${this.streams.length}`,
      wanted,
    )
  }

  #several(wanted: readonly number[] | undefined): StreamInfo[] {
    this.#handle.check()
    if (wanted === undefined)
      return this.streams.filter(({ kind }) => kind === 'video' || kind === 'audio')
    return wanted.map((index) => this.#choose(index))
  }
}

/** FFmpeg's unit for the length of a container: ticks per second. */
const MICROSECONDS = 1e6

function isCoded(kind: StreamKind): boolean {
  return kind !== 'unknown' && kind !== 'attachment'
}

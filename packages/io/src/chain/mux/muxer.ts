import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Packet as AvPacket, FormatContext, Stream } from 'node-av/lib'
import { boolean, object, type Rules, text } from 'spindle/options'
import { badOption, MediaError } from '../../base/errors.ts'
import { mediaOptions, stringsRule } from '../../base/options.ts'
import { setOptions } from '../../ffmpeg/codec-context.ts'
import { check, type FFmpeg, loadFFmpeg, problemOf } from '../../ffmpeg/library.ts'
import { checkPath } from '../../files/atomic-file.ts'
import { removeSpilled, spillPath } from '../../files/spill.ts'
import { fillParameters } from '../codec-parameters.ts'
import { Handle } from '../handle.ts'
import type { PacketData } from '../packets/blob.ts'
import { fillPacket } from '../packets/native-packet.ts'
import { Packets } from '../packets/packets.ts'
import type { StreamInfo } from '../stream-info.ts'
import { lacksDecodingTime, withDecodingTimes } from './decoding-times.ts'

/** How a container is written. */
export interface MuxerOptions {
  /**
   * FFmpeg's name of the format: `'mp4'`, `'matroska'`, `'mpegts'`. Default: as the path ends;
   * needed without a path.
   */
  readonly format?: string
  /** Options of the format, as FFmpeg names them: `{ movflags: '+faststart' }`. */
  readonly formatOptions?: Readonly<Record<string, string>>
  /** Tags: `{ title: … }`. */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * Whether the same packets give the same bytes: no date, no version of FFmpeg, no random numbers.
   * Default `true`.
   */
  readonly reproducible?: boolean
}

const muxerOptions = mediaOptions('MuxerOptions', {
  format: text(),
  formatOptions: stringsRule,
  metadata: object(),
  reproducible: boolean({ default: true }),
} satisfies Rules<MuxerOptions>)

interface Track {
  stream: StreamInfo | undefined
  av: Stream | undefined
  readonly waiting: Packets[]
  /** Packets of which it is not told when they are decoded: they wait for the end. */
  readonly untold: PacketData[]
}

/**
 * Puts packets of several streams into a container: from encoders, or from other files without
 * decoding. `addStream` for each, `write` in any order, `finish` at the end. The file has its name
 * from `finish` on, as a whole; disposed of before, nothing is left of it. Without a path `finish`
 * gives the bytes.
 *
 * States: `waiting` until it is known what all streams are, `writing`, `finished`, `closed` by
 * `[Symbol.dispose]()`.
 *
 * @throws MediaError from the constructor: `ERR_BAD_OPTION` where there is no such format,
 *   `ERR_WRITE`, `ERR_BACKEND_MISSING`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { Encoder, Muxer } from '@spindle/io/media'
 *
 * const clip = { data: new Uint8Array(10 * 32 * 32 * 3), dtype: 'uint8', shape: [10, 32, 32, 3] } as const
 * const encoder = new Encoder({ codec: 'h264', frameRate: 25 })
 * const muxer = new Muxer(undefined, { format: 'mp4' })
 * const index = muxer.addStream()
 * muxer.write(index, encoder.encode(clip))
 * muxer.write(index, encoder.flush())
 * assert.equal(Buffer.from(muxer.finish()!).toString('latin1', 4, 8), 'ftyp')
 * for (const one of [encoder, muxer]) one[Symbol.dispose]()
 * ```
 */
export class Muxer implements Disposable {
  readonly #ffmpeg: FFmpeg
  readonly #context: FormatContext
  readonly #packet: AvPacket
  readonly #handle: Handle
  readonly #tracks: Track[] = []
  readonly #options: MuxerOptions
  /** Where the file shall be; `undefined` for bytes. */
  readonly #target: string | undefined
  /** Where it is until it is finished. */
  readonly #place: string
  #state: 'waiting' | 'writing' | 'finished' = 'waiting'

  constructor(path: string | URL | undefined, options: MuxerOptions = {}) {
    if (path !== undefined) checkPath(path)
    muxerOptions.check(options)
    this.#options = options
    this.#ffmpeg = loadFFmpeg()
    const { av, constants: c } = this.#ffmpeg
    this.#target = path instanceof URL ? fileURLToPath(path) : path
    const format = av.OutputFormat.guessFormat(options.format ?? null, this.#target ?? null, null)
    if (format === null || (path === undefined && options.format === undefined)) {
      throw badOption('format', 'a format that FFmpeg can write', options.format ?? path)
    }
    const isOwnFile = (format.flags & c.AVFMT_NOFILE) === 0
    if (this.#target === undefined) {
      if (!isOwnFile) throw badOption('path', `given: ${format.name} writes files of its own`, path)
      this.#place = spillPath()
    } else
      this.#place = isOwnFile
        ? `${this.#target}.${randomBytes(6).toString('hex')}.tmp`
        : this.#target
    this.#context = new av.FormatContext()
    this.#packet = new av.Packet()
    this.#packet.alloc()
    try {
      check(
        this.#ffmpeg,
        this.#context.allocOutputContext2(format, null, `file:${this.#place}`),
        'making the file',
      )
      if (isOwnFile) check(this.#ffmpeg, this.#context.openOutputSync(), 'making the file')
      if (options.reproducible ?? true) this.#context.setFlags(c.AVFMT_FLAG_BITEXACT)
    } catch (error) {
      this.#free()
      throw new MediaError('ERR_WRITE', `${this.#name}: ${(error as Error).message}`, {
        cause: error,
      })
    }
    this.#handle = new Handle('Muxer', () => this.#free())
  }

  /** Whether this format wants encoders with `globalHeader`. */
  get wantsGlobalHeader(): boolean {
    this.#handle.check()
    return ((this.#context.oformat?.flags ?? 0) & this.#ffmpeg.constants.AVFMT_GLOBALHEADER) !== 0
  }

  /**
   * Adds a stream; its number, for `write`.
   *
   * @param stream what it is; without it, what the first packets say: packets of all streams wait
   *   until that is known of each
   * @throws MediaError `ERR_BAD_STATE` once packets were written
   */
  addStream(stream?: StreamInfo): number {
    this.#handle.check()
    if (this.#state !== 'waiting') {
      const problem = 'all streams must be added before packets of all are written'
      throw new MediaError('ERR_BAD_STATE', `${this.#name}: ${problem}`)
    }
    return this.#tracks.push({ stream, av: undefined, waiting: [], untold: [] }) - 1
  }

  /**
   * Writes packets of a stream, among those of the others by their time.
   *
   * @throws MediaError `ERR_BAD_OPTION` where there is no such stream or the packets are of another
   *   kind, `ERR_WRITE`
   */
  write(index: number, packets: Packets): void {
    this.#check()
    const track = this.#tracks[index]
    if (track === undefined)
      throw badOption('index', `a number that addStream gave, of ${this.#tracks.length}`, index)
    if (!(packets instanceof Packets)) throw badOption('packets', 'Packets', packets)
    track.stream ??= packets.stream
    if (packets.stream.parameters.codecId !== track.stream.parameters.codecId) {
      throw badOption('packets', `of ${track.stream.codec}, as the stream`, packets.stream.codec)
    }
    track.waiting.push(packets)
    if (this.#state === 'waiting' && this.#tracks.some(({ stream }) => stream === undefined)) return
    this.#begin(false)
  }

  /**
   * Writes what is left, and the end of the file. A stream of which nothing is known is left out.
   *
   * @returns the bytes, where there is no path
   * @throws MediaError `ERR_WRITE`; `ERR_BAD_STATE` where there is nothing to write
   */
  finish(): Uint8Array | undefined {
    this.#check()
    if (this.#tracks.every(({ stream }) => stream === undefined)) {
      throw new MediaError(
        'ERR_BAD_STATE',
        `${this.#name}: no stream was added, or none had packets`,
      )
    }
    this.#begin(true)
    this.#expect(this.#context.writeTrailerSync(), 'finishing the file')
    this.#context.closeOutputSync()
    this.#state = 'finished'
    try {
      if (this.#target === undefined) {
        const { buffer, byteOffset, length } = readFileSync(this.#place)
        return new Uint8Array(buffer, byteOffset, length)
      }
      if (this.#place !== this.#target) renameSync(this.#place, this.#target)
      return undefined
    } catch (error) {
      throw new MediaError('ERR_WRITE', `${this.#name}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }

  /** Frees the muxer; what was not finished is removed. */
  [Symbol.dispose](): void {
    this.#handle.close()
  }

  get #name(): string {
    return this.#target ?? `${this.#options.format} in memory`
  }

  #check(): void {
    this.#handle.check()
    if (this.#state !== 'finished') return
    throw new MediaError('ERR_BAD_STATE', `${this.#name} is finished already`)
  }

  /** Writes the header once, and all that waits. */
  #begin(isLast: boolean): void {
    const { av } = this.#ffmpeg
    if (this.#state === 'waiting') {
      for (const track of this.#tracks)
        if (track.stream !== undefined) track.av = this.#declare(track.stream)
      const { metadata, formatOptions = {} } = this.#options
      if (metadata !== undefined) this.#context.metadata = av.Dictionary.fromObject(metadata)
      setOptions(this.#context, formatOptions, 'formatOptions', `${this.#context.oformat?.name}`)
      this.#expect(this.#context.writeHeaderSync(null), 'writing the header')
      this.#state = 'writing'
    }
    for (const track of this.#tracks) {
      if (track.av === undefined) continue
      for (const packets of track.waiting.splice(0)) {
        // All of them are needed to tell; sound is decoded in the order in which it is heard.
        const isUntold = track.untold.length > 0 || [...packets].some(lacksDecodingTime)
        if (isUntold && !isLast) track.untold.push(...packets)
        else this.#write([...track.untold.splice(0), ...packets], track, isUntold)
      }
      if (isLast && track.untold.length > 0) this.#write(track.untold.splice(0), track, true)
    }
  }

  #declare(info: StreamInfo): Stream {
    const { av } = this.#ffmpeg
    const stream = this.#context.newStream(null)
    // The format's own tag: that of another container may have no meaning here. That of raw
    // pictures tells what they are.
    const codecTag = info.codec === 'rawvideo' ? info.parameters.codecTag : 0
    fillParameters(this.#ffmpeg, stream.codecpar, { ...info.parameters, codecTag })
    stream.timeBase = new av.Rational(info.timeBase.num, info.timeBase.den)
    if (info.frameRate !== undefined)
      stream.avgFrameRate = new av.Rational(info.frameRate.num, info.frameRate.den)
    const { language, title } = info.metadata
    const tags = {
      ...(language === undefined ? {} : { language }),
      ...(title === undefined ? {} : { title }),
    }
    if (Object.keys(tags).length > 0) stream.metadata = av.Dictionary.fromObject(tags)
    if (info.sampleAspectRatio !== undefined) {
      stream.sampleAspectRatio = new av.Rational(
        info.sampleAspectRatio.num,
        info.sampleAspectRatio.den,
      )
    }
    return stream
  }

  #write(packets: readonly PacketData[], { stream, av: to }: Track, isUntold: boolean): void {
    for (const packet of isUntold ? withDecodingTimes(packets) : packets) {
      fillPacket(this.#ffmpeg, this.#packet, packet)
      this.#packet.streamIndex = to!.index
      this.#packet.rescaleTs(stream!.timeBase, to!.timeBase)
      this.#expect(this.#context.interleavedWriteFrameSync(this.#packet), 'writing a packet')
    }
  }

  #expect(result: number, doing: string): void {
    if (result >= 0) return
    throw new MediaError('ERR_WRITE', `${this.#name}: ${problemOf(this.#ffmpeg, result, doing)}`)
  }

  #free(): void {
    this.#packet.free()
    this.#context.closeOutputSync()
    this.#context.freeContext()
    if (this.#target === undefined) removeSpilled(this.#place)
    else if (this.#place !== this.#target) rmSync(this.#place, { force: true })
  }
}

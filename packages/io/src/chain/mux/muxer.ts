import { readFileSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Packet as AvPacket, FormatContext, Stream } from 'node-av/lib'
import { boolean, type Rules, text } from 'spindle/options'
import { badOption, MediaError } from '../../base/errors.ts'
import { mediaOptions, stringsRule } from '../../base/options.ts'
import { nodeCrypto } from '../../builtins.ts'
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

/** Options of `Muxer`. */
export interface MuxerOptions {
  /**
   * Format, by FFmpeg's name: `'mp4'`, `'matroska'`, `'mpegts'`. Default: from the extension of the
   * path; required without a path.
   */
  readonly format?: string
  /** Options of the format, by FFmpeg's names: `{ movflags: '+faststart' }`. */
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
  metadata: stringsRule,
  reproducible: boolean({ default: true }),
} satisfies Rules<MuxerOptions>)

/** @throws MediaError `ERR_BAD_OPTION` with the option that breaks its rule */
export function checkedMuxerOptions(options: MuxerOptions): MuxerOptions {
  muxerOptions.check(options)
  return options
}

interface Track {
  stream: StreamInfo | undefined
  av: Stream | undefined
  readonly waiting: Packets[]
  /** Packets without a decoding time, which wait for the end. */
  readonly untold: PacketData[]
}

/**
 * Writes packets of several streams into a container: from encoders, or from other files without
 * decoding. Call `addStream` for each stream, `write` in any order, and `finish` at the end. The
 * file has its name only after `finish`, complete; if you dispose of the muxer earlier, nothing
 * remains. Without a path, `finish` returns the bytes.
 *
 * States: `waiting` until all streams are known, `writing`, `finished`, and `closed` by
 * `[Symbol.dispose]()`.
 *
 * @throws MediaError from the constructor: `ERR_BAD_OPTION` for an unknown format, `ERR_WRITE`,
 *   `ERR_BACKEND_MISSING`
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
  /** Path of the finished file; `undefined` for bytes. */
  readonly #target: string | undefined
  /** Path until it is finished. */
  readonly #place: string
  #state: 'waiting' | 'writing' | 'finished' = 'waiting'

  constructor(path: string | URL | undefined, options: MuxerOptions = {}) {
    if (path !== undefined) checkPath(path)
    this.#options = checkedMuxerOptions(options)
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
        ? `${this.#target}.${nodeCrypto().randomBytes(6).toString('hex')}.tmp`
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

  /** Whether this format needs encoders with `globalHeader`. */
  get wantsGlobalHeader(): boolean {
    this.#handle.check()
    return ((this.#context.oformat?.flags ?? 0) & this.#ffmpeg.constants.AVFMT_GLOBALHEADER) !== 0
  }

  /**
   * Adds a stream. Returns its index for `write`.
   *
   * @param stream its description. Without it, the first packets describe the stream; packets of
   *   all streams wait until each is described
   * @throws MediaError `ERR_BAD_STATE` after packets were written
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
   * Writes packets of a stream, interleaved with those of other streams by time.
   *
   * @throws MediaError `ERR_BAD_OPTION` if there is no such stream or the packets are of another
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
   * Writes the remaining packets and the end of the file. A stream without a description is left
   * out.
   *
   * @returns the bytes, if there is no path
   * @throws MediaError `ERR_WRITE`; `ERR_BAD_STATE` if there is nothing to write
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

  /** Frees the muxer. An unfinished file is removed. */
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

  /** Writes the header once, and all waiting packets. */
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
        // All packets are needed to compute the times; sound is decoded in the order of
        // presentation.
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
    // The format's own tag, because that of another container may have no meaning here. The tag of
    // raw pictures names their format.
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

/**
 * Adds decoding times to packets in decoding order whose container (Matroska) has only presentation
 * times. The presentation times, sorted, are shifted back as far as the picture that is shown
 * earliest for its position needs. Packets without any time stay unchanged.
 */
function withDecodingTimes(packets: readonly PacketData[]): readonly PacketData[] {
  if (packets.some(({ pts }) => pts === undefined)) return packets
  const shown = packets.map(({ pts }) => pts!).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  let late = 0n
  for (const [i, { pts }] of packets.entries()) {
    if (shown[i]! - pts! > late) late = shown[i]! - pts!
  }
  return packets.map((packet, i) => ({ ...packet, dts: shown[i]! - late }))
}

/** Whether a packet has a presentation time but no decoding time. */
function lacksDecodingTime({ pts, dts }: PacketData): boolean {
  return dts === undefined && pts !== undefined
}

import type { CodecContext, Frame, Packet } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import type { Container } from '../../ffmpeg/container.ts'
import { isTag, mayBeFrame } from '../../ffmpeg/containers/stray-bytes.ts'
import { findDecoder } from '../../ffmpeg/decoders.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { refuseEncrypted } from '../../ffmpeg/refuse-features.ts'

/** Faults in a row without a frame between, after which the rest is given up. */
const HOPELESS = 10_000

const NOTHING = new Uint8Array(0)

/** Bytes that are less than the header of a frame, in ADTS. */
const LESS_THAN_FRAME = 7

/** What a decoder could not make sense of. */
export interface PacketFault {
  readonly error: Error
  /**
   * Whether it is no frame that is damaged or cut off, as far as its first bytes tell: something
   * that was put behind the sound.
   */
  readonly isStray: boolean
}

/** Times of packets, in the time base of their stream. */
export interface PacketSpan {
  readonly start: bigint
  readonly end: bigint
  readonly total: bigint
}

/**
 * The frames of a container's audio stream, one after the other. Priming and padding, which MP3,
 * AAC and Opus have, are cut off by FFmpeg, as the file tells them.
 */
export class AudioDecoder {
  readonly #ffmpeg: FFmpeg
  readonly #container: Container
  /** Of the stream among the container's. */
  readonly #index: number
  readonly #decoder: CodecContext
  readonly #packet: Packet
  readonly #frame: Frame
  readonly #tellFault: (fault: PacketFault) => void
  readonly #codecName: string
  /** Of which half a packet is as good as a whole. */
  readonly #isPcm: boolean
  /** Whether a frame came of the packet. */
  #hasGiven = false
  #packetEnd: bigint | undefined
  #packetStart: bigint | undefined
  /** Durations of all packets together. */
  #packetTime = 0n
  /** Where the last packet ended in the file. */
  #byteEnd = 0
  #isPiece = false
  #isFirst = true
  /** Whether times of packets are asked for at the end: each question goes through N-API. */
  readonly #hasTimes: boolean

  /** @param tellFault hears of damage; decoding goes on, unless it throws */
  constructor(ffmpeg: FFmpeg, container: Container, tellFault: (fault: PacketFault) => void) {
    this.#ffmpeg = ffmpeg
    this.#container = container
    this.#index = container.stream.index
    this.#tellFault = tellFault
    const { av } = ffmpeg
    const { codecpar, timeBase } = container.stream
    const name = container.format.iformat?.name
    this.#hasTimes =
      name === 'aac' || (container.declared !== undefined && name !== 'mp3' && name !== 'flac')
    const codec = findDecoder(ffmpeg, codecpar.codecId)
    this.#codecName = av.avGetCodecName(codecpar.codecId) ?? 'an unknown codec'
    this.#isPcm = this.#codecName.startsWith('pcm_')
    if (codec === undefined)
      throw new MediaError('ERR_UNSUPPORTED', `this FFmpeg has no decoder for ${this.#codecName}`)
    this.#decoder = new av.CodecContext()
    this.#packet = new av.Packet()
    this.#frame = new av.Frame()
    try {
      this.#decoder.allocContext3(codec)
      check(ffmpeg, codecpar.toContext(this.#decoder), 'preparing the decoder')
      this.#decoder.threadCount = 1 // many sounds at a time use the cores better than many threads on one
      this.#decoder.pktTimebase = timeBase // else priming is cut off, but time stamps are not moved
      this.#decoder.setOption('err_detect', 'crccheck+explode')
      check(ffmpeg, this.#decoder.open2Sync(codec, null), 'opening the decoder')
      this.#packet.alloc()
      this.#frame.alloc()
    } catch (error) {
      this.free()
      throw error
    }
  }

  /**
   * From where the container stands to its end. Each frame is valid until the next is asked for.
   */
  *frames(): Generator<Frame> {
    const { constants: c } = this.#ffmpeg
    const [decoder, frame] = [this.#decoder, this.#frame]
    let faults = 0
    for (let isAtEnd = false; ; ) {
      const result = decoder.receiveFrameSync(frame)
      if (result >= 0) {
        if (frame.decodeErrorFlags === 0) faults = 0
        else
          this.#tellFault({
            error: new Error('FFmpeg, decoding: a frame is damaged'),
            isStray: false,
          })
        this.#hasGiven = true
        yield frame
        continue
      }
      if (result === c.AVERROR_EOF) return
      if (result !== c.AVERROR_EAGAIN) {
        this.#complain(result)
        faults += 1
      }
      if (isAtEnd || faults > HOPELESS) return
      isAtEnd = !this.#feed(() => faults++)
    }
  }

  /**
   * Goes to a packet at or before a time, in the stream's time base. Whether that was possible;
   * otherwise where the container stands is not known.
   */
  seek(time: bigint): boolean {
    const { format, stream } = this.#container
    const { constants: c } = this.#ffmpeg
    const isDone = format.seekFrameSync(stream.index, time, c.AVSEEK_FLAG_BACKWARD) >= 0
    this.#decoder.flushBuffers()
    return isDone
  }

  /**
   * When packets were, by their time stamps in the stream's time base, and how long they are
   * together; `undefined` where they do not tell. Priming and padding are in it.
   */
  get packetSpan(): PacketSpan | undefined {
    const [start, end] = [this.#packetStart, this.#packetEnd]
    return start === undefined || end === undefined
      ? undefined
      : { start, end, total: this.#packetTime }
  }

  /**
   * Whether it is cut out of a longer sound, without another header: what that says of the length
   * is not true.
   */
  get isPiece(): boolean {
    return this.#isPiece
  }

  free(): void {
    this.#decoder.freeContext()
    this.#packet.free()
    this.#frame.free()
  }

  /** Gives the decoder the next packet, or tells it that there is none: then `false`. */
  #feed(countFault: () => void): boolean {
    const { constants: c } = this.#ffmpeg
    const { format } = this.#container
    const packet = this.#packet
    for (let tries = 0; ; ) {
      packet.unref() // of the last one, or one of another stream
      const result = format.readFrameSync(packet)
      // MPEG-TS says so where it has looked for a packet in vain for a while.
      if (result === c.AVERROR_EAGAIN && tries++ < HOPELESS) continue
      if (result < 0) {
        if (result !== c.AVERROR_EOF) this.#complain(result, 'reading a packet')
        this.#decoder.sendPacketSync(null)
        return false
      }
      if (packet.streamIndex !== this.#index) continue
      this.#hasGiven = false
      const isCut = (packet.flags & c.AV_PKT_FLAG_CORRUPT) !== 0 && !this.#container.isOpenEnded
      if (isCut) {
        countFault()
        this.#tellFault({ error: new Error('a packet is damaged or cut off'), isStray: false })
        if (!this.#isPcm) continue
      }
      if (this.#isFirst) {
        this.#isFirst = false
        refuseEncrypted(this.#ffmpeg, packet)
        this.#isPiece = isPieceOfFlac(this.#codecName, packet)
      }
      const sent = this.#decoder.sendPacketSync(packet)
      if (this.#hasTimes) this.#takeTime(packet)
      if (sent >= 0) return true
      if (packet.size === 0) continue // the last one of some Ogg files
      countFault()
      this.#complain(sent)
      return true
    }
  }

  #takeTime(packet: Packet): void {
    const { pts, duration } = packet
    if (this.#codecName === 'aac') this.#byteEnd = Number(packet.pos) + packet.size
    if (pts === this.#ffmpeg.constants.AV_NOPTS_VALUE) return
    this.#packetStart ??= pts
    this.#packetEnd = pts + duration
    this.#packetTime += duration
  }

  #complain(result: number, doing = 'decoding'): void {
    try {
      check(this.#ffmpeg, result, doing)
    } catch (error) {
      if (doing === 'decoding' && isTag(this.#packet.data ?? NOTHING)) return // no sound, wherever it stands
      const isStray = doing === 'decoding' ? this.#isStray() : this.#isAtEnd()
      this.#tellFault({ error: error as Error, isStray })
    }
  }

  /** Whether there is no frame in what is left of the file. */
  #isAtEnd(): boolean {
    const { size } = this.#container
    return size !== undefined && this.#codecName === 'aac' && size - this.#byteEnd < LESS_THAN_FRAME
  }

  /** Whether what is left of the packet is no frame. */
  #isStray(): boolean {
    if (this.#container.isOpenEnded) return true
    const bytes = this.#packet.data
    if (bytes === null || bytes.length === 0) return false
    return this.#hasGiven || !mayBeFrame(this.#codecName, bytes)
  }
}

/** Frames of FLAC are numbered from the beginning of the sound that they were cut out of. */
function isPieceOfFlac(codec: string, { data }: Packet): boolean {
  return codec === 'flac' && (data?.[4] ?? 0) !== 0
}

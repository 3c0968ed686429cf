import type { Frame, Packet } from 'node-av/lib'
import type { Container } from '../../ffmpeg/container.ts'
import { isTag, mayBeFrame } from '../../ffmpeg/containers/stray-bytes.ts'
import { refuseEncryptedPacket } from '../../ffmpeg/encrypted.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { StreamDecoder } from '../../ffmpeg/stream-decoder.ts'

/** Number of consecutive faults without a frame after which decoding gives up. */
const HOPELESS = 10_000

const NOTHING = new Uint8Array(0)

/** Number of bytes that is too small for a frame's header, in ADTS. */
const LESS_THAN_FRAME = 7

/** A packet that could not be decoded. */
export interface PacketFault {
  readonly error: Error
  /**
   * Whether the first bytes show that it is not a damaged or truncated frame, but data that were
   * appended to the sound.
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
 * Decodes the audio stream of a container, frame after frame. FFmpeg cuts off the priming and
 * padding of MP3, AAC and Opus, as far as the file declares them.
 */
export class AudioDecoder {
  readonly #ffmpeg: FFmpeg
  readonly #container: Container
  readonly #decoder: StreamDecoder
  readonly #packet: Packet
  readonly #tellFault: (fault: PacketFault) => void
  /** For PCM, half a packet is as good as a whole. */
  readonly #isPcm: boolean
  /** Whether the packet gave a frame. */
  #hasGiven = false
  #packetEnd: bigint | undefined
  #packetStart: bigint | undefined
  /** Total duration of all packets. */
  #packetTime = 0n
  /** Offset of the end of the last packet in the file. */
  #byteEnd = 0
  #isPiece = false
  #isFirst = true
  /** Whether times of packets are needed at the end: each query goes through N-API. */
  readonly #hasTimes: boolean

  /** @param tellFault is called for each fault; decoding continues unless it throws */
  constructor(ffmpeg: FFmpeg, container: Container, tellFault: (fault: PacketFault) => void) {
    this.#ffmpeg = ffmpeg
    this.#container = container
    this.#tellFault = tellFault
    const name = container.format.iformat?.name
    this.#hasTimes =
      name === 'aac' || (container.declared !== undefined && name !== 'mp3' && name !== 'flac')
    const setup = { errDetect: 'crccheck+explode' }
    this.#decoder = new StreamDecoder(ffmpeg, container, () => setup)
    this.#packet = this.#decoder.packet
    this.#isPcm = this.#decoder.codec.startsWith('pcm_')
  }

  /**
   * Decodes from the container's position to its end. A frame is valid until the next one is
   * requested.
   */
  *frames(): Generator<Frame> {
    const { constants: c } = this.#ffmpeg
    const { frame } = this.#decoder
    let faults = 0
    for (let isAtEnd = false; ; ) {
      const result = this.#decoder.receive()
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
   * Seeks to a packet at or before a time, in the stream's time base. Returns whether that
   * succeeded; if not, the container's position is unknown.
   */
  seek(time: bigint): boolean {
    return this.#decoder.seek(time)
  }

  /**
   * The time span of the packets, by their time stamps in the stream's time base, and their total
   * length; `undefined` if they have no times. Includes priming and padding.
   */
  get packetSpan(): PacketSpan | undefined {
    const [start, end] = [this.#packetStart, this.#packetEnd]
    return start === undefined || end === undefined
      ? undefined
      : { start, end, total: this.#packetTime }
  }

  /**
   * Whether the sound was cut out of a longer one and kept its header: then the header's length is
   * wrong.
   */
  get isPiece(): boolean {
    return this.#isPiece
  }

  free(): void {
    this.#decoder.free()
  }

  /** Sends the decoder the next packet. At the end, it flushes the decoder and returns `false`. */
  #feed(countFault: () => void): boolean {
    const { constants: c } = this.#ffmpeg
    const packet = this.#packet
    for (;;) {
      const result = this.#decoder.read()
      if (result < 0) {
        if (result !== c.AVERROR_EOF) this.#complain(result, 'reading a packet')
        this.#decoder.sendEnd()
        return false
      }
      this.#hasGiven = false
      const isCut = (packet.flags & c.AV_PKT_FLAG_CORRUPT) !== 0 && !this.#container.isOpenEnded
      if (isCut) {
        countFault()
        this.#tellFault({ error: new Error('a packet is damaged or cut off'), isStray: false })
        if (!this.#isPcm) continue
      }
      if (this.#isFirst) {
        this.#isFirst = false
        refuseEncryptedPacket(this.#ffmpeg, packet)
        this.#isPiece = isPieceOfFlac(this.#decoder.codec, packet)
      }
      const sent = this.#decoder.send()
      if (this.#hasTimes) this.#takeTime(packet)
      if (sent >= 0) return true
      if (packet.size === 0) continue // the last packet of some Ogg files
      countFault()
      this.#complain(sent)
      return true
    }
  }

  #takeTime(packet: Packet): void {
    const { pts, duration } = packet
    if (this.#decoder.codec === 'aac') this.#byteEnd = Number(packet.pos) + packet.size
    if (pts === this.#ffmpeg.constants.AV_NOPTS_VALUE) return
    this.#packetStart ??= pts
    this.#packetEnd = pts + duration
    this.#packetTime += duration
  }

  #complain(result: number, doing = 'decoding'): void {
    try {
      check(this.#ffmpeg, result, doing)
    } catch (error) {
      // a tag is no sound, wherever it is
      if (doing === 'decoding' && isTag(this.#packet.data ?? NOTHING)) return
      const isStray = doing === 'decoding' ? this.#isStray() : this.#isAtEnd()
      this.#tellFault({ error: error as Error, isStray })
    }
  }

  /** Whether the rest of the file has no frame. */
  #isAtEnd(): boolean {
    const { size } = this.#container
    return (
      size !== undefined && this.#decoder.codec === 'aac' && size - this.#byteEnd < LESS_THAN_FRAME
    )
  }

  /** Whether the rest of the packet is no frame. */
  #isStray(): boolean {
    if (this.#container.isOpenEnded) return true
    const bytes = this.#packet.data
    if (bytes === null || bytes.length === 0) return false
    return this.#hasGiven || !mayBeFrame(this.#decoder.codec, bytes)
  }
}

/** FLAC frames are numbered from the beginning of the original sound. */
function isPieceOfFlac(codec: string, { data }: Packet): boolean {
  return codec === 'flac' && (data?.[4] ?? 0) !== 0
}

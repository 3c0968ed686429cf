import type { Frame, Packet } from 'node-av/lib'
import type { Container } from '../../ffmpeg/container.ts'
import { isTag, mayBeFrame } from '../../ffmpeg/containers/stray-bytes.ts'
import { refuseEncryptedPacket } from '../../ffmpeg/encrypted.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { StreamDecoder } from '../../ffmpeg/stream-decoder.ts'

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
  readonly #decoder: StreamDecoder
  readonly #packet: Packet
  readonly #tellFault: (fault: PacketFault) => void
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
   * From where the container stands to its end. Each frame is valid until the next is asked for.
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
   * Goes to a packet at or before a time, in the stream's time base. Whether that was possible;
   * otherwise where the container stands is not known.
   */
  seek(time: bigint): boolean {
    return this.#decoder.seek(time)
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
    this.#decoder.free()
  }

  /** Gives the decoder the next packet, or tells it that there is none: then `false`. */
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
      if (packet.size === 0) continue // the last one of some Ogg files
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
      if (doing === 'decoding' && isTag(this.#packet.data ?? NOTHING)) return // no sound, wherever it stands
      const isStray = doing === 'decoding' ? this.#isStray() : this.#isAtEnd()
      this.#tellFault({ error: error as Error, isStray })
    }
  }

  /** Whether there is no frame in what is left of the file. */
  #isAtEnd(): boolean {
    const { size } = this.#container
    return (
      size !== undefined && this.#decoder.codec === 'aac' && size - this.#byteEnd < LESS_THAN_FRAME
    )
  }

  /** Whether what is left of the packet is no frame. */
  #isStray(): boolean {
    if (this.#container.isOpenEnded) return true
    const bytes = this.#packet.data
    if (bytes === null || bytes.length === 0) return false
    return this.#hasGiven || !mayBeFrame(this.#decoder.codec, bytes)
  }
}

/** Frames of FLAC are numbered from the beginning of the sound that they were cut out of. */
function isPieceOfFlac(codec: string, { data }: Packet): boolean {
  return codec === 'flac' && (data?.[4] ?? 0) !== 0
}

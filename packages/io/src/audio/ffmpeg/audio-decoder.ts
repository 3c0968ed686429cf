import type { CodecContext, Frame, Packet } from 'node-av/lib'
import { findDecoder } from '../../ffmpeg/decoders.ts'
import { check, type FFmpeg } from '../../image/ffmpeg/library.ts'
import type { Container } from './container.ts'

/** Faults in a row without a frame between, after which the rest is given up. */
const HOPELESS = 10_000

/**
 * The frames of a container's audio stream, one after the other. Priming and padding, which MP3, AAC and Opus have, are cut off by FFmpeg, as the file
 * tells them.
 */
export class AudioDecoder {
  readonly #ffmpeg: FFmpeg
  readonly #container: Container
  /** Of the stream among the container's. */
  readonly #index: number
  readonly #decoder: CodecContext
  readonly #packet: Packet
  readonly #frame: Frame
  readonly #tellFault: (error: Error) => void
  /** Of which half a packet is as good as a whole. */
  readonly #isPcm: boolean

  /** @param tellFault hears of damage; decoding goes on, unless it throws */
  constructor(ffmpeg: FFmpeg, container: Container, tellFault: (error: Error) => void) {
    this.#ffmpeg = ffmpeg
    this.#container = container
    this.#index = container.stream.index
    this.#tellFault = tellFault
    const { av } = ffmpeg
    const { codecpar, timeBase } = container.stream
    const codec = findDecoder(ffmpeg, codecpar.codecId)
    this.#isPcm = codec?.name?.startsWith('pcm_') ?? false
    if (codec === undefined) throw new Error('this FFmpeg has no decoder for it')
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

  /** From where the container stands to its end. Each frame is valid until the next is asked for. */
  *frames(): Generator<Frame> {
    const { constants: c } = this.#ffmpeg
    const [decoder, frame] = [this.#decoder, this.#frame]
    let faults = 0
    for (let isAtEnd = false; ; ) {
      const result = decoder.receiveFrameSync(frame)
      if (result >= 0) {
        if (frame.decodeErrorFlags === 0) faults = 0
        else this.#tell(new Error('FFmpeg, decoding: a frame is damaged'))
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
   * Goes to a packet at or before a time, in the stream's time base. Whether that was possible; otherwise where the container stands is not
   * known.
   */
  seek(time: bigint): boolean {
    const { format, stream } = this.#container
    const { constants: c } = this.#ffmpeg
    const isDone = format.seekFrameSync(stream.index, time, c.AVSEEK_FLAG_BACKWARD) >= 0
    this.#decoder.flushBuffers()
    return isDone
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
    for (;;) {
      packet.unref() // of the last one, or one of another stream
      const result = format.readFrameSync(packet)
      if (result < 0) {
        if (result !== c.AVERROR_EOF) this.#complain(result, 'reading a packet')
        this.#decoder.sendPacketSync(null)
        return false
      }
      if (packet.streamIndex !== this.#index) continue
      if ((packet.flags & c.AV_PKT_FLAG_CORRUPT) !== 0) {
        countFault()
        this.#tell(new Error('a packet is damaged or cut off'))
        if (!this.#isPcm) continue
      }
      const sent = this.#decoder.sendPacketSync(packet)
      if (sent >= 0) return true
      countFault()
      this.#complain(sent)
      return true
    }
  }

  #complain(result: number, doing = 'decoding'): void {
    try {
      check(this.#ffmpeg, result, doing)
    } catch (error) {
      this.#tell(error as Error)
    }
  }

  #tell(error: Error): void {
    this.#tellFault(error)
  }
}

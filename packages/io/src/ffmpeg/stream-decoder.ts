import type { CodecContext, FormatContext, Frame, Packet, Stream } from 'node-av/lib'
import { type DecoderSetup, openDecoder } from './codec-context.ts'
import { codecName, findDecoder } from './decoders.ts'
import { emptyFrame } from './frames.ts'
import type { FFmpeg } from './library.ts'

/** An open container, and the stream in it that is wanted. */
export interface OpenStream {
  readonly format: FormatContext
  readonly stream: Stream
}

/** Times that a packet is asked for where there is none yet. */
const MOST_TRIES = 10_000

/** Reads the next packet of a container; FFmpeg's result, negative where there is none. */
export function readPacket(
  { constants: c }: FFmpeg,
  format: FormatContext,
  packet: Packet,
): number {
  for (let tries = 0; ; tries++) {
    packet.unref() // the one before
    const result = format.readFrameSync(packet)
    // MPEG-TS says so where it has looked for a packet in vain for a while.
    if (result !== c.AVERROR_EAGAIN || tries === MOST_TRIES) return result
  }
}

/**
 * The packets of a container's stream and the frames in them, one at a time: each method is a call
 * of FFmpeg's, whose result it gives. What of that is damage, its users decide.
 */
export class StreamDecoder {
  /** The packet read last. */
  readonly packet: Packet
  /** The frame received last, valid until the next is asked for. */
  readonly frame: Frame
  readonly context: CodecContext
  /** FFmpeg's name of the codec. */
  readonly codec: string
  readonly #ffmpeg: FFmpeg
  readonly #format: FormatContext
  /** Of the stream among the container's: kept, because each question goes through N-API. */
  readonly #index: number

  /** @throws MediaError `ERR_UNSUPPORTED` where there is no decoder; Error of FFmpeg's */
  constructor(
    ffmpeg: FFmpeg,
    { format, stream }: OpenStream,
    setup: (codec: string) => Omit<DecoderSetup, 'parameters' | 'timeBase'>,
  ) {
    const { av } = ffmpeg
    const { codecpar, timeBase, index } = stream
    this.#ffmpeg = ffmpeg
    this.#format = format
    this.#index = index
    this.codec = codecName(ffmpeg, codecpar.codecId)
    const told = this.codec === 'none' ? `its codec (${codecpar.codecTagString})` : this.codec
    const codec = findDecoder(ffmpeg, codecpar.codecId, `for ${told}`)
    const given = { ...setup(codec.name ?? ''), parameters: codecpar, timeBase }
    this.context = openDecoder(ffmpeg, codec, given)
    this.packet = new av.Packet()
    this.packet.alloc()
    this.frame = emptyFrame(ffmpeg)
  }

  /** Reads the next packet of the stream; FFmpeg's result, negative where there is none. */
  read(): number {
    for (;;) {
      const result = readPacket(this.#ffmpeg, this.#format, this.packet)
      if (result < 0 || this.packet.streamIndex === this.#index) return result
    }
  }

  /** Gives the decoder the packet that was read. */
  send(): number {
    return this.context.sendPacketSync(this.packet)
  }

  /** Tells the decoder that no packet follows, so that it gives what it still has. */
  sendEnd(): void {
    this.context.sendPacketSync(null)
  }

  /** Asks for the next frame. */
  receive(): number {
    return this.context.receiveFrameSync(this.frame)
  }

  /**
   * Goes to a packet at or before a time, in the stream's time base, if the container can. Where it
   * stands then is to be seen by what is read.
   */
  seek(time: bigint): boolean {
    this.flush()
    const { AVSEEK_FLAG_BACKWARD } = this.#ffmpeg.constants
    return this.#format.seekFrameSync(this.#index, time, AVSEEK_FLAG_BACKWARD) >= 0
  }

  /** Forgets what is being decoded. */
  flush(): void {
    this.context.flushBuffers()
  }

  free(): void {
    this.context.freeContext()
    this.packet.free()
    this.frame.free()
  }
}

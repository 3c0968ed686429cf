import type { CodecContext, FormatContext, Frame, Packet, Stream } from 'node-av/lib'
import { type DecoderSetup, openDecoder } from './codec-context.ts'
import { codecName, findDecoder } from './decoders.ts'
import { emptyFrame } from './frames.ts'
import type { FFmpeg } from './library.ts'

/** An open container and the wanted stream. */
export interface OpenStream {
  readonly format: FormatContext
  readonly stream: Stream
}

/** Number of attempts to read a packet if there is none yet. */
const MOST_TRIES = 10_000

/** Reads the next packet of a container. Returns FFmpeg's result, negative if there is none. */
export function readPacket(
  { constants: c }: FFmpeg,
  format: FormatContext,
  packet: Packet,
): number {
  for (let tries = 0; ; tries++) {
    packet.unref() // the one before
    const result = format.readFrameSync(packet)
    // MPEG-TS returns this after a while without a packet.
    if (result !== c.AVERROR_EAGAIN || tries === MOST_TRIES) return result
  }
}

/**
 * Reads the packets of a container's stream and decodes their frames, one at a time. Each method is
 * one call of FFmpeg and returns its result. The user of the class decides which results are
 * damage.
 */
export class StreamDecoder {
  /** The last packet. */
  readonly packet: Packet
  /** The last frame, valid until the next one is requested. */
  readonly frame: Frame
  readonly context: CodecContext
  /** FFmpeg's name of the codec. */
  readonly codec: string
  readonly #ffmpeg: FFmpeg
  readonly #format: FormatContext
  /** Index of the stream in the container, cached because each query goes through N-API. */
  readonly #index: number

  /** @throws MediaError `ERR_UNSUPPORTED` if there is no decoder; Error of FFmpeg */
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

  /** Reads the next packet of the stream. Returns FFmpeg's result, negative if there is none. */
  read(): number {
    for (;;) {
      const result = readPacket(this.#ffmpeg, this.#format, this.packet)
      if (result < 0 || this.packet.streamIndex === this.#index) return result
    }
  }

  /** Sends the last packet to the decoder. */
  send(): number {
    return this.context.sendPacketSync(this.packet)
  }

  /** Flushes the decoder, so that it returns its remaining frames. */
  sendEnd(): void {
    this.context.sendPacketSync(null)
  }

  /** Requests the next frame. */
  receive(): number {
    return this.context.receiveFrameSync(this.frame)
  }

  /**
   * Seeks to a packet at or before a time, in the stream's time base, if the container can. The
   * packets that follow show its position.
   */
  seek(time: bigint): boolean {
    this.flush()
    const { AVSEEK_FLAG_BACKWARD } = this.#ffmpeg.constants
    return this.#format.seekFrameSync(this.#index, time, AVSEEK_FLAG_BACKWARD) >= 0
  }

  /** Discards the decoder's state. */
  flush(): void {
    this.context.flushBuffers()
  }

  free(): void {
    this.context.freeContext()
    this.packet.free()
    this.frame.free()
  }
}

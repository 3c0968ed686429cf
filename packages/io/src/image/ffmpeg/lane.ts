import type { CodecContext, Frame, Packet, SoftwareScaleContext } from 'node-av/lib'
import { MAX_PIXELS, type Size } from '../geometry.ts'
import { check, type DecoderChoice, type FFmpeg } from './library.ts'

/** A pixel format of the output: planes of green, blue, red; or red, green, blue interleaved. */
export type OutputFormat = 'gbrp' | 'rgb24'

/** A scaled picture in memory that belongs to FFmpeg: to be copied before the lane is used again, never kept. */
export interface ScaledFrame {
  readonly frame: Frame
  readonly planes: readonly Buffer[]
  readonly linesizes: readonly number[]
}

const SCALERS_KEPT = 8
const FRAME_BYTES_KEPT = 4 << 20

/**
 * All that one image at a time needs: decoders, scalers and frames, kept from image to image because making them anew costs
 * 0.3 ms, a third of a small JPEG. Only one call may be under way in a lane, and its frames may only be read in between.
 */
export class Lane {
  readonly #ffmpeg: FFmpeg
  readonly #decoders = new Map<string, CodecContext>()
  readonly #scalers = new Map<string, SoftwareScaleContext>()
  readonly #outputs = new Map<OutputFormat, ScaledFrame & { readonly size: Size }>()
  readonly #packet: Packet
  readonly #decoded: Frame

  constructor(ffmpeg: FFmpeg) {
    this.#ffmpeg = ffmpeg
    this.#packet = new ffmpeg.av.Packet()
    this.#packet.alloc()
    this.#decoded = new ffmpeg.av.Frame()
    this.#decoded.alloc()
  }

  /** Decodes the first picture of a packet. The frame is the lane's: {@link recycle} it when it has been scaled. */
  async decode(choice: DecoderChoice, bytes: Buffer): Promise<Frame> {
    const { constants: c } = this.#ffmpeg
    const decoder = this.#decoderFor(choice)
    this.#packet.unref()
    this.#packet.data = bytes // a copy
    this.#packet.isKeyframe = true // else the PNG decoder adds the picture to the one before
    try {
      check(this.#ffmpeg, await decoder.sendPacket(this.#packet), 'decoding')
      // Still pictures are decoded while they are sent, so this only fetches the frame: not worth a thread.
      let result = decoder.receiveFrameSync(this.#decoded)
      if (result === c.AVERROR_EAGAIN) {
        check(this.#ffmpeg, await decoder.sendPacket(null), 'decoding')
        result = await decoder.receiveFrame(this.#decoded)
        decoder.flushBuffers()
      }
      check(this.#ffmpeg, result, 'decoding')
    } catch (error) {
      decoder.flushBuffers()
      throw error
    } finally {
      this.#packet.unref()
    }
    if (this.#decoded.decodeErrorFlags !== 0) throw new Error('FFmpeg, decoding: the picture is damaged')
    return this.#decoded
  }

  /** Scales a frame into one that the lane keeps, as planes. */
  async scale(from: Frame, size: Size): Promise<ScaledFrame> {
    this.#describeColours(from)
    const to = this.#outputFor('gbrp', size)
    const key = `${from.width}x${from.height}:${from.format}:${size.width}x${size.height}`
    check(this.#ffmpeg, await this.#scalerFor(key).scaleFrame(to.frame, from), 'scaling')
    return to
  }

  /** Interleaves planes: natively, in half the time that JavaScript takes. */
  interleave(from: ScaledFrame, size: Size): ScaledFrame {
    const to = this.#outputFor('rgb24', size)
    const key = `interleave:${size.width}x${size.height}`
    check(this.#ffmpeg, this.#scalerFor(key).scaleFrameSync(to.frame, from.frame), 'interleaving')
    return to
  }

  /** Lets go of the last picture's memory, where it is much. */
  recycle(): void {
    this.#decoded.unref()
    for (const [format, { frame, size }] of this.#outputs) {
      if (size.width * size.height * 3 <= FRAME_BYTES_KEPT) continue
      this.#outputs.delete(format)
      frame.free()
    }
  }

  /** Frees everything at once. The lane cannot be used any more. */
  free(): void {
    for (const decoder of this.#decoders.values()) decoder.freeContext()
    for (const scaler of this.#scalers.values()) scaler.freeContext()
    for (const { frame } of this.#outputs.values()) frame.free()
    this.#packet.free()
    this.#decoded.free()
  }

  #decoderFor({ id, strictness }: DecoderChoice): CodecContext {
    const key = String(id)
    const known = this.#decoders.get(key)
    if (known !== undefined) return known
    const { av } = this.#ffmpeg
    const codec = av.Codec.findDecoder(id)
    if (codec === null) throw new Error(`this FFmpeg has no decoder for it`)
    const decoder = new av.CodecContext()
    decoder.allocContext3(codec)
    decoder.threadCount = 1 // many images at a time use the cores better than many threads on one
    decoder.setOption('max_pixels', MAX_PIXELS)
    if (strictness !== '') decoder.setOption('err_detect', strictness)
    check(this.#ffmpeg, decoder.open2Sync(codec, null), 'opening the decoder')
    this.#decoders.set(key, decoder)
    return decoder
  }

  #scalerFor(key: string): SoftwareScaleContext {
    let scaler = this.#scalers.get(key)
    if (scaler === undefined) {
      // Not getContext(): only a context that takes everything from its frames minds their colour range and matrix.
      scaler = new this.#ffmpeg.av.SoftwareScaleContext()
      scaler.allocContext()
      // accurate_rnd, for without it libswscale converts 4:2:0 pictures of their own size by a routine that leaves the last columns of a
      // width that is no multiple of 8 unwritten.
      scaler.setOption('sws_flags', 'bilinear+accurate_rnd')
    }
    this.#scalers.delete(key)
    this.#scalers.set(key, scaler) // now the last, so the first is the one that was not used for longest
    if (this.#scalers.size > SCALERS_KEPT) {
      const [oldest, idle] = this.#scalers.entries().next().value!
      this.#scalers.delete(oldest)
      idle.freeContext()
    }
    return scaler
  }

  #outputFor(format: OutputFormat, size: Size): ScaledFrame {
    const known = this.#outputs.get(format)
    if (known?.size.width === size.width && known.size.height === size.height) return known
    this.#outputs.delete(format)
    known?.frame.free()
    const { av, constants: c } = this.#ffmpeg
    const frame = new av.Frame()
    frame.alloc()
    frame.width = size.width
    frame.height = size.height
    frame.format = format === 'gbrp' ? c.AV_PIX_FMT_GBRP : c.AV_PIX_FMT_RGB24
    check(this.#ffmpeg, frame.getBuffer(1), 'making a frame') // 1: rows without padding are copied in one go
    const output = { frame, planes: frame.data ?? [], linesizes: frame.linesize, size }
    this.#outputs.set(format, output)
    return output
  }

  /**
   * Says in today's terms what the decoder meant, so that the scaler neither warns nor converts between colour spaces, nor
   * refuses an interlaced PNG, whose lines are not fields.
   */
  #describeColours(frame: Frame): void {
    const { constants: c } = this.#ffmpeg
    const modern = new Map<number, number>([
      [c.AV_PIX_FMT_YUVJ420P, c.AV_PIX_FMT_YUV420P],
      [c.AV_PIX_FMT_YUVJ422P, c.AV_PIX_FMT_YUV422P],
      [c.AV_PIX_FMT_YUVJ444P, c.AV_PIX_FMT_YUV444P],
      [c.AV_PIX_FMT_YUVJ440P, c.AV_PIX_FMT_YUV440P],
      [c.AV_PIX_FMT_YUVJ411P, c.AV_PIX_FMT_YUV411P],
    ]).get(frame.format)
    if (modern !== undefined) {
      frame.format = modern as typeof frame.format
      frame.colorRange = c.AVCOL_RANGE_JPEG
    }
    frame.clearFlags(c.AV_FRAME_FLAG_INTERLACED)
    frame.colorPrimaries = c.AVCOL_PRI_UNSPECIFIED
    frame.colorTrc = c.AVCOL_TRC_UNSPECIFIED
  }
}

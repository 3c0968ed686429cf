import type { Frame as AvFrame, Packet as AvPacket, Codec, CodecContext } from 'node-av/lib'
import type { NdArray } from '../../base/array.ts'
import { badOption, MediaError } from '../../base/errors.ts'
import { setOptions } from '../../ffmpeg/codec-context.ts'
import { encodeFrame, openEncoder } from '../../ffmpeg/encoders.ts'
import { check, type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import { describeParameters } from '../codec-parameters.ts'
import { FilterGraph } from '../filter/filter-graph.ts'
import { Frames } from '../frames/frames.ts'
import { Handle } from '../handle.ts'
import type { PacketData } from '../packets/blob.ts'
import { takePacket } from '../packets/native-packet.ts'
import { Packets } from '../packets/packets.ts'
import { describeCoded, plain, type StreamInfo } from '../stream-info.ts'
import { type Rational, rateOf, rescale } from '../time.ts'
import { checkedEncoderOptions, type EncoderOptions } from './encoder-options.ts'
import { conversionFor, findEncoder } from './find-encoder.ts'

/**
 * Encodes frames or arrays into packets of one stream. Frames are converted to what the encoder
 * takes: pixel format, sample format, rate, channels, samples a packet. `encode` some, `flush` at
 * the end, which no encoder gives before. `stream` says what the packets are, from the first frames
 * on.
 *
 * States: `waiting` for the first frames, which tell size or rate, `open`, `flushed`, `closed` by
 * `[Symbol.dispose]()`.
 *
 * @throws MediaError from the constructor: `ERR_UNSUPPORTED` where this FFmpeg has no such encoder,
 *   `ERR_BAD_OPTION`, `ERR_BACKEND_MISSING`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { Encoder } from '@spindle/io/media'
 *
 * const clip = { data: new Uint8Array(10 * 32 * 32 * 3), dtype: 'uint8', shape: [10, 32, 32, 3] } as const
 * const encoder = new Encoder({ codec: 'h264', frameRate: 25 })
 * const [begun, rest] = [encoder.encode(clip), encoder.flush()]
 * assert.equal(begun.length + rest.length, 10)
 * assert.equal(rest.stream.width, 32)
 * encoder[Symbol.dispose]()
 * ```
 */
export class Encoder implements Disposable {
  readonly #ffmpeg: FFmpeg
  readonly #options: EncoderOptions
  readonly #codec: Codec
  readonly #packet: AvPacket
  readonly #handle: Handle
  #context: CodecContext | undefined
  #graph: FilterGraph | undefined
  #stream: StreamInfo | undefined
  #isFlushed = false
  /** Pictures or samples that came in arrays. */
  #count = 0

  constructor(options: EncoderOptions) {
    this.#options = checkedEncoderOptions(options)
    this.#ffmpeg = loadFFmpeg()
    this.#codec = findEncoder(this.#ffmpeg, options.codec)
    this.#packet = new this.#ffmpeg.av.Packet()
    this.#packet.alloc()
    this.#handle = new Handle('Encoder', () => {
      this.#graph?.[Symbol.dispose]()
      this.#context?.freeContext()
      this.#packet.free()
    })
  }

  /** FFmpeg's name of the encoder: `'libx264'`. */
  get encoder(): string {
    return this.#codec.name ?? ''
  }

  /**
   * What the packets are. @throws MediaError `ERR_BAD_STATE` before the first frames, which tell it
   */
  get stream(): StreamInfo {
    this.#handle.check()
    if (this.#stream !== undefined) return this.#stream
    throw new MediaError(
      'ERR_BAD_STATE',
      'the encoder has had no frames yet, from which it learns what it makes',
    )
  }

  /**
   * Encodes frames, which stay the caller's, or an array: pictures, with `frameRate`, or samples,
   * with `sampleRate`, that follow those before. The packets that are complete; they may be none.
   *
   * @throws MediaError `ERR_ENCODE`; `ERR_BAD_OPTION` for frames that are unlike the first;
   *   `ERR_BAD_STATE` after `flush()`
   */
  encode(frames: Frames | NdArray): Packets {
    this.#handle.check()
    if (this.#isFlushed)
      throw new MediaError('ERR_BAD_STATE', 'the encoder was flushed: make another one')
    if (frames instanceof Frames) return this.#encode(frames)
    const made = this.#fromArray(frames)
    try {
      return this.#encode(made)
    } finally {
      made[Symbol.dispose]()
    }
  }

  /** The packets that are still in the encoder; nothing can be encoded after it. */
  flush(): Packets {
    this.#handle.check()
    const out: PacketData[] = []
    if (!this.#isFlushed && this.#context !== undefined) {
      this.#graph!.flush()
      this.#take(out)
      this.#send(this.#context, null, this.#taker(out))
    }
    this.#isFlushed = true
    return Packets.of({ stream: this.stream, window: undefined, source: undefined }, out)
  }

  /** Frees the encoder. Packets that it gave stay. */
  [Symbol.dispose](): void {
    this.#handle.close()
  }

  #fromArray(array: NdArray): Frames {
    const { frameRate, inputPixelFormat, sampleRate, layout } = this.#options
    const firstPts = this.#count
    if (this.#isVideo) {
      if (frameRate === undefined) throw badOption('frameRate', 'given for arrays', frameRate)
      const pixels = inputPixelFormat === undefined ? {} : { pixelFormat: inputPixelFormat }
      const frames = Frames.fromVideo(array, { frameRate, firstPts, ...pixels })
      this.#count += frames.length
      return frames
    }
    if (sampleRate === undefined) throw badOption('sampleRate', 'given for arrays', sampleRate)
    const frames = Frames.fromAudio(array, {
      sampleRate,
      firstPts,
      ...(layout === undefined ? {} : { layout }),
    })
    this.#count += frames.samples
    return frames
  }

  get #isVideo(): boolean {
    return this.#codec.type === this.#ffmpeg.constants.AVMEDIA_TYPE_VIDEO
  }

  #encode(frames: Frames): Packets {
    const out: PacketData[] = []
    const first = frames.borrow()[0]
    if (first === undefined)
      return Packets.of({ stream: this.stream, window: undefined, source: undefined }, [])
    this.#graph ??= new FilterGraph(
      conversionFor(this.#ffmpeg, this.#codec, first, this.#options, this.#frameSize(first)),
    )
    this.#graph.push(frames)
    this.#take(out)
    if (this.#stream === undefined) {
      throw new MediaError('ERR_ENCODE', `the encoder ${this.encoder} needs more samples at first`)
    }
    return Packets.of({ stream: this.#stream, window: undefined, source: undefined }, out)
  }

  /**
   * Samples that the encoder wants in a frame; 0 for any number. It is only known once one is open.
   */
  #frameSize(first: AvFrame): number {
    if (this.#isVideo) return 0
    let probe: CodecContext | undefined
    const graph = new FilterGraph(conversionFor(this.#ffmpeg, this.#codec, first, this.#options, 0))
    const one = new Frames([first.clone()!])
    let converted: Frames | undefined
    try {
      converted = graph.run(one)
      probe = this.#open(converted.borrow()[0]!)
      return probe.frameSize
    } finally {
      converted?.[Symbol.dispose]()
      one[Symbol.dispose]()
      graph[Symbol.dispose]()
      probe?.freeContext()
    }
  }

  /** Encodes what the conversion has ready. */
  #take(out: PacketData[]): void {
    const frames = this.#graph!.pull()
    const take = this.#taker(out)
    try {
      for (const frame of frames.borrow()) {
        if (this.#context === undefined) {
          this.#context = this.#open(frame)
          this.#stream = this.#describe(this.#context)
        }
        this.#send(this.#context, frame, take)
      }
    } finally {
      frames[Symbol.dispose]()
    }
  }

  /** Puts the packet that was received into `out`. */
  #taker(out: PacketData[]): () => void {
    const hasRate = this.#options.frameRate !== undefined && this.#isVideo
    return () => {
      const packet = takePacket(this.#packet)
      out.push(hasRate && packet.duration === 0n ? { ...packet, duration: 1n } : packet)
    }
  }

  #send(context: CodecContext, frame: AvFrame | null, take: () => void): void {
    const { constants: c } = this.#ffmpeg
    const timeBase = plain(context.timeBase)
    if (frame !== null) {
      frame.pts = rescale(frame.pts, frame.timeBase, timeBase)
      frame.duration = rescale(frame.duration, frame.timeBase, timeBase)
      frame.timeBase = context.timeBase
      frame.pictType = c.AV_PICTURE_TYPE_NONE // the encoder's choice, not that of the file it came from
    }
    try {
      encodeFrame(this.#ffmpeg, context, frame, this.#packet, take, `encoding with ${this.encoder}`)
    } catch (error) {
      throw encodeFault(error)
    }
  }

  #open(frame: AvFrame): CodecContext {
    try {
      return openEncoder(this.#ffmpeg, this.#codec, (context) => this.#setUp(context, frame))
    } catch (error) {
      throw encodeFault(error)
    }
  }

  #setUp(context: CodecContext, frame: AvFrame): void {
    const { av, constants: c } = this.#ffmpeg
    const {
      threads = 1,
      bitRate,
      gopSize,
      maxBFrames,
      globalHeader = true,
      options = {},
    } = this.#options
    context.threadCount = threads
    if (bitRate !== undefined) context.bitRate = BigInt(bitRate)
    if (globalHeader) context.setFlags(c.AV_CODEC_FLAG_GLOBAL_HEADER)
    context.setOption('strict', 'experimental')
    if (this.#isVideo) {
      const rate =
        this.#options.frameRate === undefined ? undefined : rateOf(this.#options.frameRate)
      const {
        width,
        height,
        format,
        sampleAspectRatio,
        colorRange,
        colorSpace,
        colorPrimaries,
        colorTrc,
      } = frame
      Object.assign(context, { width, height, pixelFormat: format, sampleAspectRatio })
      Object.assign(context, { colorRange, colorSpace, colorPrimaries, colorTrc })
      context.timeBase = rational(
        this.#ffmpeg,
        rate === undefined ? plain(frame.timeBase) : { num: rate.den, den: rate.num },
      )
      if (rate !== undefined) context.framerate = rational(this.#ffmpeg, rate)
      if (gopSize !== undefined) context.gopSize = gopSize
      if (maxBFrames !== undefined) context.maxBFrames = maxBFrames
    } else {
      const { sampleRate, format, channelLayout } = frame
      Object.assign(context, { sampleRate, sampleFormat: format, channelLayout })
      context.timeBase = new av.Rational(1, sampleRate)
    }
    setOptions(context, options, 'options', `the encoder ${this.encoder}`)
  }

  #describe(context: CodecContext): StreamInfo {
    const parameters = new this.#ffmpeg.av.CodecParameters()
    parameters.alloc()
    try {
      check(this.#ffmpeg, parameters.fromContext(context), 'describing the stream')
      const described = describeParameters(this.#ffmpeg, parameters)
      const { frameRate } = this.#options
      const stream = describeCoded(this.#ffmpeg, described, plain(context.timeBase))
      return this.#isVideo && frameRate !== undefined
        ? { ...stream, frameRate: rateOf(frameRate) }
        : stream
    } finally {
      parameters.free()
    }
  }
}

function encodeFault(error: unknown): MediaError {
  if (error instanceof MediaError) return error
  return new MediaError('ERR_ENCODE', (error as Error).message, { cause: error })
}

function rational({ av }: FFmpeg, { num, den }: Rational): CodecContext['timeBase'] {
  return new av.Rational(num, den)
}

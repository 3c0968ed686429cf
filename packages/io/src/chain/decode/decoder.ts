import type { Frame as AvFrame, Packet as AvPacket, Codec, CodecContext } from 'node-av/lib'
import { boolean, integer, type Rule, type RulesOf, text } from 'spindle/options'
import { badOption, MediaError, nameSource } from '../../base/errors.ts'
import { DEFAULT_MAX_PIXELS } from '../../base/limits.ts'
import { limit, mediaOptions, stringsRule } from '../../base/options.ts'
import { openDecoder, setOptions } from '../../ffmpeg/codec-context.ts'
import { findDecoder } from '../../ffmpeg/decoders.ts'
import { encryptedPacket } from '../../ffmpeg/encrypted.ts'
import { emptyFrame } from '../../ffmpeg/frames.ts'
import { check, type FFmpeg, loadFFmpeg, problemOf } from '../../ffmpeg/library.ts'
import { checkPixels, checkRefused, type Limits, limitsOf } from '../../ffmpeg/video-limits.ts'
import { withParameters } from '../codec-parameters.ts'
import { type ChainFailure, Failures } from '../failure.ts'
import { Frames } from '../frames/frames.ts'
import { regroup } from '../frames/regroup.ts'
import { Handle } from '../handle.ts'
import { NO_TIME } from '../packets/blob.ts'
import { fillPacket } from '../packets/native-packet.ts'
import { Packets } from '../packets/packets.ts'
import type { StreamInfo } from '../stream-info.ts'
import { isWithin, secondsOfTick, type TickWindow, type TimeWindow, ticksOf } from '../time.ts'
import { cutSound } from './cut-sound.ts'
import {
  type Hardware,
  type HardwareChoice,
  type HardwareKind,
  type HardwareReport,
  hardwareChoice,
  hardwareRule,
  useHardware,
} from './hardware.ts'
import { TailWatch } from './tail-watch.ts'

/** Options of `Decoder`. */
export interface DecoderOptions {
  /** Whether damage is an error (default), or is counted in `failures` while decoding continues. */
  readonly strict?: boolean
  /**
   * Threads of this decoder, an integer from 0 to 64; 0 means one for each core. Default 1: many
   * files in parallel use the cores better than many threads on one.
   */
  readonly threads?: number
  /** Name of the decoder, if FFmpeg has several, such as `'libdav1d'`. Default: FFmpeg's first. */
  readonly decoder?: string
  /** Options of the decoder, by FFmpeg's names; an unknown option is an error. */
  readonly decoderOptions?: Readonly<Record<string, string>>
  /**
   * Hardware that decodes, if it is available; `decoder.hardware` reports the result. Default
   * `'none'`.
   */
  readonly hardware?: HardwareKind | 'auto' | 'none' | HardwareChoice
  /**
   * Largest frame, in pixels (width times height); more is `ERR_TOO_LARGE`. An integer >= 1, or
   * `Infinity`. Default 178 956 970.
   */
  readonly maxPixels?: number
}

/** The rules of {@link DecoderOptions}. */
export const decoderRules: RulesOf<DecoderOptions, 'strict' | 'threads' | 'maxPixels'> = {
  strict: boolean({ default: true }),
  threads: integer({ min: 0, max: 64, default: 1 }),
  decoder: text(),
  decoderOptions: stringsRule,
  hardware: hardwareRule,
  maxPixels: limit(DEFAULT_MAX_PIXELS),
}

const decoderOptions = mediaOptions('DecoderOptions', decoderRules)

/** The rule of `framesPerChunk`. */
const framesPerChunkRule: Rule<number, 'maybe'> = integer({ min: 1, unit: 'frames' })

const regroupOptions = mediaOptions('Decoder.decodeChunks', { framesPerChunk: framesPerChunkRule })

/**
 * Decodes the packets of one stream: `push` packets, take the complete frames, and `flush` at the
 * end, because decoders hold frames back. All ways to divide the packets give the same frames. For
 * packets with a window, the frames are those of the window: pictures by their time, sound by
 * sample.
 *
 * States: `open`, then `closed` by `[Symbol.dispose]()`. After `flush()` the decoder is like new.
 *
 * @throws MediaError from the constructor: `ERR_UNSUPPORTED` if there is no decoder, or no device
 *   and no fallback; `ERR_BAD_OPTION`; `ERR_BACKEND_MISSING`
 */
export class Decoder implements Disposable {
  /** Description of the stream. */
  readonly stream: StreamInfo
  /** The hardware that decodes, and failed attempts. */
  readonly hardware: HardwareReport
  readonly #ffmpeg: FFmpeg
  readonly #context: CodecContext
  readonly #packet: AvPacket
  readonly #handle: Handle
  readonly #failures: Failures
  readonly #limits: Limits
  readonly #tail: TailWatch
  #source: string | undefined
  #window: TimeWindow | undefined
  #ticks: TickWindow | undefined
  /** Time of the next frame, for frames without one: the last ones of AVI have none. */
  #next: bigint | undefined

  constructor(stream: StreamInfo, options: DecoderOptions = {}) {
    checkStream(stream)
    const checked = decoderOptions.check(options)
    const { strict, threads, maxPixels, decoderOptions: ofDecoder = {} } = checked
    const choice = hardwareChoice(checked.hardware)
    this.#limits = limitsOf({ maxPixels })
    checkPixels(stream.width ?? 0, stream.height ?? 0, this.#limits)
    this.#ffmpeg = loadFFmpeg()
    const { av } = this.#ffmpeg
    this.stream = stream
    this.#failures = new Failures(strict)
    this.#tail = new TailWatch(stream.codec, stream.kind === 'audio')
    const codec = decoderFor(this.#ffmpeg, stream, checked.decoder)
    let hardware = undefined as Hardware | undefined
    try {
      this.#context = withParameters(this.#ffmpeg, stream.parameters, (parameters) =>
        openDecoder(this.#ffmpeg, codec, {
          parameters,
          threads,
          timeBase: new av.Rational(stream.timeBase.num, stream.timeBase.den),
          limits: this.#limits,
          // Only this detects damaged sound, by its checksums; FFmpeg marks damaged pictures.
          errDetect: stream.kind === 'audio' ? 'crccheck+explode' : undefined,
          prepare: (context) => {
            setOptions(context, ofDecoder, 'decoderOptions', `the decoder ${codec.name}`)
            hardware = useHardware(this.#ffmpeg, choice, codec, context)
          },
        }),
      )
    } catch (error) {
      hardware?.device?.free()
      throw error instanceof MediaError
        ? error
        : new MediaError('ERR_UNSUPPORTED', (error as Error).message, { cause: error })
    }
    this.#packet = new av.Packet()
    this.#packet.alloc()
    const { report, device } = hardware!
    this.hardware = report
    this.#handle = new Handle('Decoder', () => {
      this.#context.freeContext()
      this.#packet.free()
      device?.free()
    })
  }

  /** Parts that could not be decoded, with `strict: false`; the first hundred. */
  get failures(): readonly ChainFailure[] {
    return this.#failures.kept
  }

  /** Number of all failures. */
  get failureCount(): number {
    return this.#failures.count
  }

  /**
   * Decodes packets and returns the complete frames, if any. The caller disposes of them.
   *
   * @throws MediaError `ERR_DECODE` for damaged packets if strict, `ERR_BAD_OPTION` for packets of
   *   another kind of stream
   */
  push(packets: Packets): Frames {
    this.#handle.check()
    if (!(packets instanceof Packets)) throw badOption('packets', 'Packets', packets)
    if (packets.stream.parameters.codecId !== this.stream.parameters.codecId) {
      throw badOption('packets', `of a stream of ${this.stream.codec}`, packets.stream.codec)
    }
    this.#source = packets.source
    if (packets.window !== this.#window) {
      this.#window = packets.window
      this.#ticks = packets.window && ticksOf(packets.window, this.stream.timeBase)
    }
    const { constants: c } = this.#ffmpeg
    return this.#collect((frames) => {
      for (const packet of packets) {
        if (packet.sideData.some(({ type }) => type === c.AV_PKT_DATA_ENCRYPTION_INFO))
          throw encryptedPacket()
        // A packet without bytes means the end to a decoder; some Ogg files have one.
        if (packet.data.length === 0 && packet.sideData.length === 0) continue
        this.#tail.begin(packet.data)
        fillPacket(this.#ffmpeg, this.#packet, packet)
        let result = this.#context.sendPacketSync(this.#packet)
        if (result === this.#ffmpeg.constants.AVERROR_EAGAIN) {
          this.#receive(frames)
          result = this.#context.sendPacketSync(this.#packet)
        }
        if (result < 0 && result !== this.#ffmpeg.constants.AVERROR_EOF)
          this.#complain(result, packet.pts ?? packet.dts)
        this.#receive(frames)
      }
    })
  }

  /** Returns the frames that are still in the decoder. Afterwards it can decode other packets. */
  flush(): Frames {
    this.#handle.check()
    try {
      return this.#collect((frames) => {
        const result = this.#context.sendPacketSync(null)
        if (result < 0 && result !== this.#ffmpeg.constants.AVERROR_EOF)
          this.#complain(result, undefined)
        this.#receive(frames)
      })
    } finally {
      this.#tail.end()
      this.#context.flushBuffers()
      this.#next = undefined
    }
  }

  /** Decodes packets that are complete: `push` and `flush`. */
  decode(packets: Packets): Frames {
    const begun = this.push(packets)
    let rest: Frames | undefined
    try {
      rest = this.flush()
      return new Frames([...begun.borrow(), ...rest.borrow()].map((frame) => frame.clone()!))
    } finally {
      begun[Symbol.dispose]()
      rest?.[Symbol.dispose]()
    }
  }

  /**
   * Decodes packets chunk by chunk, and yields frames as they are complete. The caller disposes of
   * each set.
   *
   * @param options `framesPerChunk`: the exact number of frames in each set except the last;
   *   without it, sets of any size
   */
  *decodeChunks(
    chunks: Iterable<Packets>,
    options: { readonly framesPerChunk?: number } = {},
  ): Generator<Frames> {
    const { framesPerChunk } = regroupOptions.check(options)
    yield* regroup(this.#each(chunks), framesPerChunk)
  }

  /** Frees the decoder. Its frames stay valid. */
  [Symbol.dispose](): void {
    this.#handle.close()
  }

  *#each(chunks: Iterable<Packets>): Generator<Frames> {
    for (const packets of chunks) yield this.push(packets)
    yield this.flush()
  }

  /** Frees the received frames if the rest fails. */
  #collect(work: (frames: AvFrame[]) => void): Frames {
    const frames: AvFrame[] = []
    try {
      work(frames)
      return new Frames(frames)
    } catch (error) {
      for (const frame of frames) frame.free()
      throw error instanceof MediaError
        ? error
        : nameSource(error, this.#source ?? this.stream.codec)
    }
  }

  #receive(frames: AvFrame[]): void {
    const { constants: c } = this.#ffmpeg
    for (;;) {
      const frame = emptyFrame(this.#ffmpeg)
      let result: number
      try {
        result = this.#context.receiveFrameSync(frame)
        if (result >= 0) {
          checkPixels(frame.width, frame.height, this.#limits)
          for (const damage of this.#tail.gave()) this.#failures.tell(damage, this.#source)
          const made = this.#finish(frame)
          if (made !== undefined) frames.push(made)
          continue
        }
      } catch (error) {
        frame.free()
        throw error
      }
      frame.free()
      if (result === c.AVERROR_EAGAIN || result === c.AVERROR_EOF) return
      this.#complain(result, undefined)
    }
  }

  /** Finishes a frame; frees it and returns `undefined` if it is not wanted. */
  #finish(received: AvFrame): AvFrame | undefined {
    const { num, den } = this.stream.timeBase
    const told = received.bestEffortTimestamp
    const time = told === NO_TIME && this.#next !== undefined ? this.#next : told
    this.#next =
      time === NO_TIME ? undefined : time + (received.duration > 0n ? received.duration : 1n)
    received.pts = time
    received.timeBase = new this.#ffmpeg.av.Rational(num, den)
    const isWanted =
      this.stream.kind !== 'video' || this.#ticks === undefined || isWithin(time, this.#ticks)
    if (!isWanted) {
      received.free()
      return undefined
    }
    if (received.decodeErrorFlags !== 0) this.#tell('FFmpeg, decoding: a frame is damaged', time)
    const frame = received.isHwFrame() ? this.#download(received) : received
    if (this.stream.kind === 'video' || this.#window === undefined) return frame
    return cutSound(this.#ffmpeg, frame, this.#window)
  }

  /** Copies a frame from the device's memory to the CPU's. */
  #download(frame: AvFrame): AvFrame {
    const here = emptyFrame(this.#ffmpeg)
    const doing = 'fetching a frame from the device'
    try {
      check(this.#ffmpeg, frame.hwframeTransferDataSync(here, 0), doing)
      check(this.#ffmpeg, here.copyProps(frame), doing)
      here.timeBase = frame.timeBase
    } catch (error) {
      here.free()
      throw error
    }
    frame.free()
    return here
  }

  #complain(result: number, tick: bigint | undefined): void {
    checkRefused(this.#context, result, this.#limits)
    const failure = this.#failureOf(problemOf(this.#ffmpeg, result, 'decoding'), tick)
    if (!this.#tail.keep(failure)) this.#failures.tell(failure, this.#source)
  }

  #tell(problem: string, tick: bigint | undefined): void {
    this.#failures.tell(this.#failureOf(problem, tick), this.#source)
  }

  #failureOf(problem: string, tick: bigint | undefined): ChainFailure {
    return {
      timeSec: tick === undefined ? undefined : secondsOfTick(tick, this.stream.timeBase),
      problem,
    }
  }
}

function decoderFor(ffmpeg: FFmpeg, stream: StreamInfo, name: string | undefined): Codec {
  const what = name ?? `for ${stream.codec}`
  const codec = findDecoder(ffmpeg, name ?? stream.parameters.codecId, what)
  // FFmpeg decodes subtitles with other calls, and crashes if one of their decoders gets these.
  const { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } = ffmpeg.constants
  if (codec.type !== AVMEDIA_TYPE_AUDIO && codec.type !== AVMEDIA_TYPE_VIDEO)
    throw new MediaError('ERR_UNSUPPORTED', `${codec.name} gives neither pictures nor sound`)
  return codec
}

function checkStream(stream: unknown): asserts stream is StreamInfo {
  const isStream = typeof (stream as StreamInfo | undefined)?.parameters?.codecId === 'number'
  if (!isStream)
    throw badOption('stream', 'a StreamInfo, as of `demuxer.streams` or `packets.stream`', stream)
}

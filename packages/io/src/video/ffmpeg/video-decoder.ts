import type { Frame, Packet } from 'node-av/lib'
import { refuseEncryptedPacket } from '../../ffmpeg/encrypted.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { isRandomAccess, type UnitFormat, unitFormatOf } from '../../ffmpeg/random-access.ts'
import { type OpenStream, StreamDecoder } from '../../ffmpeg/stream-decoder.ts'
import { checkPixels, checkRefused, type Limits } from '../../ffmpeg/video-limits.ts'

/** Number of consecutive faults without a frame after which decoding gives up. */
const HOPELESS = 1000

/**
 * Codecs whose frames reliably declare that no other frame refers to them. HEVC declares it only
 * for frames of the same temporal layer.
 */
const SKIPPABLE: ReadonlySet<string> = new Set(['h264', 'mpeg1video', 'mpeg2video', 'mpeg4'])

/**
 * Codecs in which each packet is one frame. Other codecs must be decoded to know the frames,
 * because a packet may have several or none.
 */
const FRAME_PER_PACKET: ReadonlySet<string> = new Set(
  (
    'h264 hevc av1 vp8 vp9 mpeg1video mpeg2video mpeg4 mjpeg h263 flv1 msmpeg4v2 msmpeg4v3 wmv1 wmv2 vc1 prores dnxhd ffv1 huffyuv ' +
    'ffvhuff utvideo magicyuv v210 rawvideo png apng jpeg2000 dvvideo cfhd qtrle'
  ).split(' '),
)

/** How a stream is decoded. */
export interface VideoDecoderSettings {
  readonly threads: number
  readonly isStrict: boolean
  readonly limits: Limits
}

/**
 * Reports damage: the error, and the time stamp of the packet or frame, if it has one. Decoding
 * continues unless it throws.
 */
export type TellFault = (error: Error, ticks: number | undefined) => void

/** The result of a request for a frame: a frame, none until another packet is sent, or the end. */
export type Received = 'frame' | 'more' | 'end'

/** Reads the packets of a container's video stream and decodes their frames. */
export class VideoDecoder {
  /** The last packet. */
  readonly packet: Packet
  /** The last frame, valid until the next one is requested. */
  readonly frame: Frame
  readonly #ffmpeg: FFmpeg
  readonly #decoder: StreamDecoder
  readonly #tellFault: TellFault
  readonly #checkWanted: () => void
  readonly #limits: Limits
  /** Whether packets are skipped whose frames no other frame needs. */
  #isSkipping = false
  #canSkip = false
  readonly #codec: string
  readonly #units: UnitFormat | undefined
  #faults = 0

  /** @param checkWanted throws if no more frames are wanted; called for each packet */
  constructor(
    ffmpeg: FFmpeg,
    container: OpenStream,
    { threads, isStrict, limits }: VideoDecoderSettings,
    tellFault: TellFault,
    checkWanted: () => void,
  ) {
    this.#checkWanted = checkWanted
    this.#ffmpeg = ffmpeg
    this.#tellFault = tellFault
    this.#limits = limits
    const { width, height, extradata } = container.stream.codecpar
    this.#decoder = new StreamDecoder(ffmpeg, container, (name) => {
      checkPixels(width, height, limits)
      this.#canSkip = SKIPPABLE.has(name)
      return { threads, limits, errDetect: isStrict ? strictness(name) : undefined }
    })
    this.packet = this.#decoder.packet
    this.frame = this.#decoder.frame
    this.#codec = this.#decoder.codec
    this.#units = unitFormatOf(this.#codec, extradata)
  }

  /** Whether decoding has given up. */
  get isHopeless(): boolean {
    return this.#faults > HOPELESS
  }

  /** Reads the next packet of the stream. `false` at the end. */
  read(): boolean {
    this.#checkWanted()
    const result = this.#decoder.read()
    if (result < 0 && result !== this.#ffmpeg.constants.AVERROR_EOF)
      this.#complain(result, 'reading a packet', undefined)
    return result >= 0
  }

  /** Whether the last packet only serves to decode others, because an edit list hides its frame. */
  isDiscarded(): boolean {
    return (this.packet.flags & this.#ffmpeg.constants.AV_PKT_FLAG_DISCARD) !== 0
  }

  /** Whether each packet of the codec is one frame, or none that is shown. */
  get isFramePerPacket(): boolean {
    return FRAME_PER_PACKET.has(this.#codec)
  }

  /** Whether decoding can begin at the last packet. */
  isRandomAccess(): boolean {
    const { packet } = this
    if (!packet.isKeyframe) return false
    return (
      this.#units === undefined || isRandomAccess(this.#units, packet.data ?? new Uint8Array(0))
    )
  }

  /**
   * Whether the last packet has a frame that is shown; in VP8 and VP9, some only serve other
   * frames.
   */
  isShown(): boolean {
    if (this.#codec !== 'vp8' && this.#codec !== 'vp9') return true
    const { data } = this.packet
    return data === null || data.length === 0 || isShownPacket(this.#codec, data)
  }

  /** Sends the last packet to the decoder. */
  send(): void {
    const { constants: c } = this.#ffmpeg
    const { packet } = this
    const ticks = this.ticksOf(packet.pts)
    refuseEncryptedPacket(this.#ffmpeg, packet)
    if ((packet.flags & c.AV_PKT_FLAG_CORRUPT) !== 0) {
      this.#tell(new Error('a packet is damaged or cut off'), ticks)
    }
    const result = this.#decoder.send()
    if (result < 0 && result !== c.AVERROR_EOF) this.#complain(result, 'decoding', ticks)
  }

  /** Flushes the decoder, so that it returns its remaining frames. */
  sendEnd(): void {
    this.#decoder.sendEnd()
  }

  /** Requests the next frame. */
  receive(): Received {
    const { constants: c } = this.#ffmpeg
    for (;;) {
      const result = this.#decoder.receive()
      if (result >= 0) {
        const { decodeErrorFlags, flags, width, height } = this.frame
        checkPixels(width, height, this.#limits)
        if (decodeErrorFlags === 0 && (flags & c.AV_FRAME_FLAG_CORRUPT) === 0) this.#faults = 0
        else this.#tell(new Error('FFmpeg, decoding: a frame is damaged'), this.frameTicks())
        return 'frame'
      }
      if (result === c.AVERROR_EAGAIN) return 'more'
      if (result === c.AVERROR_EOF) return 'end'
      this.#complain(result, 'decoding', this.ticksOf(this.packet.pts))
      if (this.isHopeless) return 'end'
    }
  }

  /**
   * Time stamp of the last frame, as FFmpeg guesses it if the container has none; `undefined` if it
   * cannot.
   */
  frameTicks(): number | undefined {
    return this.ticksOf(this.frame.bestEffortTimestamp) ?? this.ticksOf(this.frame.pts)
  }

  /** A time stamp as a number; `undefined` for none. */
  ticksOf(time: bigint): number | undefined {
    return time === this.#ffmpeg.constants.AV_NOPTS_VALUE ? undefined : Number(time)
  }

  /**
   * Seeks to a keyframe at or before a time stamp, if the container can. The packets that follow
   * show its position.
   */
  seek(ticks: number): boolean {
    return this.#decoder.seek(BigInt(Math.floor(ticks)))
  }

  /** Discards the decoder's state. */
  flush(): void {
    this.#decoder.flush()
  }

  /**
   * Sets whether frames that no other frame needs are skipped, for packets whose own frames are not
   * wanted.
   */
  skipUnneeded(isSkipping: boolean): void {
    if (isSkipping === this.#isSkipping || !this.#canSkip) return
    this.#isSkipping = isSkipping
    this.#decoder.context.setOption('skip_frame', isSkipping ? 'noref' : 'default')
  }

  free(): void {
    this.#decoder.free()
  }

  #complain(result: number, doing: string, ticks: number | undefined): void {
    if (doing === 'decoding') checkRefused(this.#decoder.context, result, this.#limits)
    try {
      check(this.#ffmpeg, result, doing)
    } catch (error) {
      this.#tell(error as Error, ticks)
    }
  }

  #tell(error: Error, ticks: number | undefined): void {
    this.#faults += 1
    this.#tellFault(error, ticks)
  }
}

/** By the header of the frame: RFC 6386, 9.1; VP9 bitstream specification, 6.2 and annex B. */
function isShownPacket(codec: 'vp8' | 'vp9', data: Uint8Array): boolean {
  const head = data[0]!
  if (codec === 'vp8') return (head & 0x10) !== 0
  // If a packet has several frames, the last one is shown.
  if ((data.at(-1)! & 0xe0) === 0xc0) return true
  // Marker, profile (and a reserved bit in the highest profile), shown again, key or not, shown.
  const shift = (head & 0x30) === 0x30 ? 1 : 0
  const isShownAgain = (head & (0x08 >> shift)) !== 0
  return isShownAgain || (head & (0x02 >> shift)) !== 0
}

/**
 * With `explode`, damage that decoders would hide is an error. The decoders of H.264 and HEVC would
 * also fail on frames whose references are missing, such as those after a seek and before a
 * keyframe; but they mark damaged frames.
 */
function strictness(codec: string): string {
  return codec === 'h264' || codec === 'hevc' ? 'crccheck' : 'crccheck+explode'
}

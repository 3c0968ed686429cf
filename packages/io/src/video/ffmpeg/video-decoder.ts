import type { Frame, Packet } from 'node-av/lib'
import { refuseEncryptedPacket } from '../../ffmpeg/encrypted.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { isRandomAccess, type UnitFormat, unitFormatOf } from '../../ffmpeg/random-access.ts'
import { type OpenStream, StreamDecoder } from '../../ffmpeg/stream-decoder.ts'
import { checkPixels, checkRefused, type Limits } from '../../ffmpeg/video-limits.ts'

/** Faults in a row without a frame between, after which the rest is given up. */
const HOPELESS = 1000

/**
 * Whose frames say for sure that nothing refers to them. HEVC says so only of frames of the same
 * temporal layer.
 */
const SKIPPABLE: ReadonlySet<string> = new Set(['h264', 'mpeg1video', 'mpeg2video', 'mpeg4'])

/**
 * Codecs of which each packet is one frame. Others are decoded to know what frames there are:
 * packets may hold several, or none.
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
 * Hears of damage: what, and the time stamp of the packet or frame, where it has one. Decoding goes
 * on, unless it throws.
 */
export type TellFault = (error: Error, ticks: number | undefined) => void

/** What comes of a call for a frame: one, none until another packet has been sent, or the end. */
export type Received = 'frame' | 'more' | 'end'

/** The packets of a container's video stream, and the frames in them. */
export class VideoDecoder {
  /** The packet read last. */
  readonly packet: Packet
  /** The frame received last, valid until the next is asked for. */
  readonly frame: Frame
  readonly #ffmpeg: FFmpeg
  readonly #decoder: StreamDecoder
  readonly #tellFault: TellFault
  readonly #checkWanted: () => void
  readonly #limits: Limits
  /** Whether packets whose frames nothing else needs are left out. */
  #isSkipping = false
  #canSkip = false
  readonly #codec: string
  readonly #units: UnitFormat | undefined
  #faults = 0

  /** @param checkWanted throws where nothing is wanted any more; called for each packet */
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

  /** Whether there is no hope that anything more can be decoded. */
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

  /**
   * Whether the packet that was read is only there to decode others: an edit list cuts its frame
   * off.
   */
  isDiscarded(): boolean {
    return (this.packet.flags & this.#ffmpeg.constants.AV_PKT_FLAG_DISCARD) !== 0
  }

  /** Whether each packet of the codec is one frame, or none that is shown. */
  get isFramePerPacket(): boolean {
    return FRAME_PER_PACKET.has(this.#codec)
  }

  /** Whether decoding can begin at the packet that was read. */
  isRandomAccess(): boolean {
    const { packet } = this
    if (!packet.isKeyframe) return false
    return (
      this.#units === undefined || isRandomAccess(this.#units, packet.data ?? new Uint8Array(0))
    )
  }

  /**
   * Whether the packet that was read has a frame that is shown: of VP8 and VP9, some only serve
   * others.
   */
  isShown(): boolean {
    if (this.#codec !== 'vp8' && this.#codec !== 'vp9') return true
    const { data } = this.packet
    return data === null || data.length === 0 || isShownPacket(this.#codec, data)
  }

  /** Gives the decoder the packet that was read. */
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

  /** Tells the decoder that no packet follows, so that it gives what it still has. */
  sendEnd(): void {
    this.#decoder.sendEnd()
  }

  /** Asks for the next frame. */
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
   * The time stamp of the frame received last, as FFmpeg guesses it where the container tells none;
   * `undefined` where it cannot.
   */
  frameTicks(): number | undefined {
    return this.ticksOf(this.frame.bestEffortTimestamp) ?? this.ticksOf(this.frame.pts)
  }

  /** A time stamp as a number; `undefined` where there is none. */
  ticksOf(time: bigint): number | undefined {
    return time === this.#ffmpeg.constants.AV_NOPTS_VALUE ? undefined : Number(time)
  }

  /**
   * Goes to a keyframe at or before a time stamp, if the container can. Where it stands then is to
   * be seen by what is read.
   */
  seek(ticks: number): boolean {
    return this.#decoder.seek(BigInt(Math.floor(ticks)))
  }

  /** Forgets what is being decoded. */
  flush(): void {
    this.#decoder.flush()
  }

  /**
   * Whether frames that no other needs are left out from now on: for packets whose own frame is not
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

/** By the head of its frame: RFC 6386, 9.1; VP9 bitstream specification, 6.2 and annex B. */
function isShownPacket(codec: 'vp8' | 'vp9', data: Uint8Array): boolean {
  const head = data[0]!
  if (codec === 'vp8') return (head & 0x10) !== 0
  // Of several frames in a packet the last one is shown.
  if ((data.at(-1)! & 0xe0) === 0xc0) return true
  // Marker, profile (and a reserved bit in the highest one), shown again, key or not, shown.
  const shift = (head & 0x30) === 0x30 ? 1 : 0
  const isShownAgain = (head & (0x08 >> shift)) !== 0
  return isShownAgain || (head & (0x02 >> shift)) !== 0
}

/**
 * With `explode`, damage that decoders would hide is an error. Those of H.264 and HEVC would
 * stumble on frames after a seek whose references are missing, as those before a keyframe are; they
 * flag frames that are damaged.
 */
function strictness(codec: string): string {
  return codec === 'h264' || codec === 'hevc' ? 'crccheck' : 'crccheck+explode'
}

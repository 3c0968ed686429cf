import type { Frame } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import { Container } from '../../ffmpeg/container.ts'
import { comesInOrder } from '../../ffmpeg/containers/edits.ts'
import { matroskaFault } from '../../ffmpeg/containers/matroska.ts'
import { readPicture } from '../../ffmpeg/containers/mp4.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { refuseStill } from '../../ffmpeg/still-pictures.ts'
import type { OpenFile, StreamInput } from '../../files/open-file.ts'
import type { Orientation } from '../../image/orientation.ts'
import { secondsOf, type TimeBase } from '../frame-rate.ts'
import type { VideoTarget } from '../video-options.ts'
import { type VideoFault, videoFault } from '../video-results.ts'
import { orientationOf } from './display-matrix.ts'
import {
  type DecodeRun,
  type IndexedPacket,
  indexPackets,
  type PacketIndex,
} from './packet-index.ts'
import { findOrigin, seekBefore } from './seeking.ts'
import { VideoDecoder } from './video-decoder.ts'
import { frameRateOf } from './video-header.ts'

/** How much shorter than its header says a video may be. */
const SLACK_SEC = 1
/** What is assumed of streams that tell no frame rate, as FFmpeg does. */
const DEFAULT_RATE: TimeBase = { num: 25, den: 1 }

/** A decoded frame, valid until the next is asked for. */
export interface DecodedFrame {
  readonly frame: Frame
  /** Its time stamp, counted from the first frame of the video, in the stream's time base. */
  readonly ticks: number
}

/**
 * One pass through a video: frames in the order in which they are shown, and what is wrong with
 * them. Damage counts from the keyframe before the window on, for that is what the window's frames
 * are made of.
 */
export class VideoPass {
  readonly faults: VideoFault[] = []
  readonly orientation: Orientation
  readonly #ffmpeg: FFmpeg
  readonly #file: OpenFile | StreamInput
  readonly #target: VideoTarget
  readonly #checkWanted: () => void
  #container: Container
  #decoder: VideoDecoder
  /** Asked for with each frame, so kept. */
  #timeBase: TimeBase | undefined
  #origin: number | undefined
  /**
   * Where the keyframe is that decoding began at after a seek; before it are frames whose
   * references are missing.
   */
  #keyTicks = -Infinity
  /** Damage before the window, since the last keyframe. */
  #pending: { readonly error: Error; readonly ticks: number }[] = []
  #hasBegun = false
  /** Whether frames are only looked at for their time. */
  #isLooking = false
  #isInOrder: boolean | undefined
  /** Where the last frame ends. */
  #end = 0
  #lastFault: Error | undefined

  /** @param checkWanted throws where frames are not wanted any more: on the way to a window, too */
  constructor(
    ffmpeg: FFmpeg,
    file: OpenFile | StreamInput,
    target: VideoTarget,
    checkWanted: () => void = () => {},
  ) {
    this.#checkWanted = checkWanted
    this.#ffmpeg = ffmpeg
    this.#file = file
    this.#target = target
    const picture = 'url' in file ? undefined : readPicture(file.reader)
    if (picture !== undefined && picture.item !== 'av01') refuseStill(picture)
    this.#container = new Container(ffmpeg, file, { kind: 'video', wanted: target.stream })
    try {
      this.#decoder = this.#openDecoder()
      this.orientation = orientationOf(this.#container.stream, ffmpeg)
    } catch (error) {
      this.#container.close()
      throw error
    }
  }

  get container(): Container {
    return this.#container
  }

  get decoder(): VideoDecoder {
    return this.#decoder
  }

  /** How long a tick is. */
  get timeBase(): TimeBase {
    if (this.#timeBase === undefined) {
      const { num, den } = this.#container.stream.timeBase
      this.#timeBase = { num, den }
    }
    return this.#timeBase
  }

  /** Frames a second, on average, by the header's word. */
  get frameRate(): number | undefined {
    return frameRateOf(this.#container.stream)
  }

  /** Whether a time can be sought. */
  get isInOrder(): boolean {
    const { format, stream } = this.#container
    this.#isInOrder ??=
      'url' in this.#file ||
      !format.iformat?.name?.startsWith('mov') ||
      comesInOrder(this.#file.reader, stream.id)
    return this.#isInOrder
  }

  /**
   * Where the last frame that came out ends, in ticks; at the end of the pass, the length of the
   * video.
   */
  get endTicks(): number {
    return this.#end
  }

  /** The first frame's own time stamp, in the stream's time base. */
  get origin(): number {
    return this.#origin ?? 0
  }

  /**
   * All frames that are shown from a time on, and some before it: from the keyframe before, where
   * the container can go there.
   */
  *frames(startSec: number): Generator<DecodedFrame> {
    const need = this.#goTo(startSec)
    if (need !== undefined) {
      let isFirst = true
      for (const decoded of this.#decodeAll(true)) {
        if (isFirst && decoded.ticks > need) break // the keyframe was none that all can be decoded from
        isFirst = false
        yield decoded
      }
      if (!isFirst) return
      // Or all that is left is hidden.
      this.#reopen()
    }
    yield* this.#decodeAll(false)
  }

  /**
   * The packets, which are read to their end. `undefined` where they do not tell what frames there
   * are.
   */
  index(): PacketIndex | undefined {
    if (!this.isInOrder) return undefined
    return indexPackets(this.#decoder, (before) => this.#decodeHead(before))
  }

  /** How many frames are shown, by the packets. */
  count(): number {
    const index = this.index()
    if (index !== undefined) return index.shown.length
    this.#reopen()
    let count = 0
    while (this.#decoder.read()) if (!this.#decoder.isDiscarded()) count += 1
    return count
  }

  /**
   * The frames that are wanted of some groups of pictures, none of which is decoded further than to
   * the last of these. The index must be of this pass.
   */
  *decodeRuns(index: PacketIndex, runs: readonly DecodeRun[]): Generator<DecodedFrame> {
    this.begin()
    let place: number | undefined
    for (const run of runs) {
      this.#moveTo(run.keyframe, place, index.origin)
      this.#origin = index.origin
      this.#keyTicks = run.keyframe.pts
      yield* this.#decodeRun(run)
      place = run.last
    }
  }

  *#decodeRun({ keyframe, last, wanted }: DecodeRun): Generator<DecodedFrame> {
    const decoder = this.#decoder
    for (let place = keyframe.place; place <= last; place++) {
      if (place > keyframe.place && !decoder.read()) break
      decoder.skipUnneeded(!wanted.has(decoder.ticksOf(decoder.packet.pts) ?? Number.NaN))
      decoder.send()
      yield* this.#drain(wanted)
    }
    decoder.sendEnd()
    yield* this.#drain(wanted)
    decoder.flush()
  }

  *#drain(wanted: ReadonlySet<number>): Generator<DecodedFrame> {
    while (this.#decoder.receive() === 'frame') {
      const time = this.#decoder.frameTicks()
      if (time === undefined || !wanted.has(time)) continue
      const ticks = this.#place()
      if (ticks !== undefined) yield { frame: this.#decoder.frame, ticks }
    }
  }

  /**
   * The time stamps of what comes out of the decoder from the beginning on, before a time; what is
   * wrong there is passed over.
   */
  #decodeHead(before: number): number[] {
    this.#reopen()
    this.#isLooking = true
    const times: number[] = []
    try {
      for (const { ticks } of this.#decodeAll(false)) {
        const time = ticks + this.origin
        if (time >= before) break
        times.push(time)
      }
    } finally {
      this.#isLooking = false
      this.#decoder.flush()
    }
    return times
  }

  /**
   * Goes to a keyframe and reads it: on from the packet at `place`, where it is known and near, by
   * a seek, or else from the beginning.
   */
  #moveTo(keyframe: IndexedPacket, place: number | undefined, origin: number): void {
    if (keyframe.pts === -Infinity) {
      this.#reopen()
      if (!this.#decoder.read()) throw new Error('a frame is not where it was')
      return
    }
    const decoder = this.#decoder
    if (place !== undefined && keyframe.place - place <= NEAR) {
      if (this.#readTo(keyframe, keyframe.place - place)) return
    }
    const { num, den } = this.timeBase
    if (seekBefore(decoder, keyframe.pts, origin, den / num) !== undefined) {
      if (decoder.ticksOf(decoder.packet.pts) === keyframe.pts || this.#readTo(keyframe, MOST_READ))
        return
    }
    this.#reopen()
    if (!this.#readTo(keyframe, keyframe.place + 1))
      throw new Error('a keyframe is not where it was')
  }

  #readTo(keyframe: IndexedPacket, most: number): boolean {
    const decoder = this.#decoder
    for (let i = 0; i < most && decoder.read(); i++) {
      if (decoder.packet.isKeyframe && decoder.ticksOf(decoder.packet.pts) === keyframe.pts)
        return true
    }
    return false
  }

  /**
   * Tells that what comes from here on is given to somebody: damage that was known before counts.
   */
  begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    for (const { error, ticks } of this.#pending) this.#report(error, ticks)
    this.#pending = []
  }

  free(): void {
    this.#decoder.free()
    this.#container.close()
  }

  /**
   * Goes to a keyframe before a time; gives that time in ticks. `undefined` where decoding begins
   * at the beginning.
   */
  #goTo(startSec: number): number | undefined {
    if (startSec <= 0 || 'url' in this.#file || !this.isInOrder) return undefined
    const origin = findOrigin(this.#decoder) ?? this.#firstDecoded()
    if (origin !== undefined) {
      const { num, den } = this.timeBase
      const need = Math.floor((startSec * den) / num)
      const key = seekBefore(this.#decoder, origin + need, origin, den / num)
      if (key !== undefined) {
        this.#origin = origin
        this.#keyTicks = key
        return need
      }
    }
    this.#reopen()
    return undefined
  }

  /**
   * Where packets do not tell what is shown first, but all have time stamps: the first that comes
   * out of the decoder.
   */
  #firstDecoded(): number | undefined {
    if (this.#decoder.ticksOf(this.#decoder.packet.pts) === undefined) return undefined
    this.#reopen()
    this.#isLooking = true
    try {
      const first = this.#decodeAll(false).next()
      return first.done === true ? undefined : this.origin
    } finally {
      this.#isLooking = false
    }
  }

  *#decodeAll(hasPacket: boolean): Generator<DecodedFrame> {
    const decoder = this.#decoder
    let hasOutput = false
    for (let isAtEnd = false, isRead = hasPacket; ; ) {
      const received = decoder.receive()
      if (received === 'frame') {
        hasOutput = true
        const ticks = this.#place()
        if (ticks !== undefined) yield { frame: decoder.frame, ticks }
      } else if (received === 'end' || isAtEnd) break
      else if (isRead || decoder.read()) {
        isRead = false
        this.#noteKeyframe()
        decoder.send()
        if (decoder.isHopeless) break
      } else {
        isAtEnd = true
        decoder.sendEnd()
      }
    }
    if (!hasOutput && this.#keyTicks > -Infinity) return
    if (this.#origin === undefined) throw this.#lastFault ?? new Error('has no video in it')
    this.#checkEnd()
  }

  /**
   * The frame's ticks from the first; `undefined` for one before the keyframe that decoding began
   * at.
   */
  #place(): number | undefined {
    const time = this.#decoder.frameTicks()
    if (time !== undefined && time < this.#keyTicks) return undefined
    this.#origin ??= time ?? 0
    const ticks = time === undefined ? this.#end : time - this.#origin
    this.#end = ticks + this.#durationOf(ticks)
    return ticks
  }

  #durationOf(ticks: number): number {
    const own = Number(this.#decoder.frame.duration)
    if (own > 0) return own
    const { num, den } = this.timeBase
    const rate = this.frameRate ?? DEFAULT_RATE.num
    return ticks >= 0 ? den / num / rate : 0
  }

  /** Damage before a keyframe does not reach what is shown after it. */
  #noteKeyframe(): void {
    const { packet } = this.#decoder
    if (!packet.isKeyframe || this.#hasBegun) return
    const ticks = this.#decoder.ticksOf(packet.pts)
    const [startSec] = this.#target.window ?? [0]
    if (ticks === undefined || this.#origin === undefined) return
    if (secondsOf(ticks - this.#origin, this.timeBase) <= startSec) this.#pending = []
  }

  #takeFault(error: Error, time: number | undefined): void {
    this.#lastFault = error
    if (error instanceof MediaError && error.code === 'ERR_READ') throw error
    if (this.#isLooking || (time !== undefined && time < this.#keyTicks)) return
    const ticks = time === undefined ? this.#end : time - (this.#origin ?? time)
    const [startSec, endSec] = this.#target.window ?? [0, Infinity]
    const timeSec = secondsOf(ticks, this.timeBase)
    if (timeSec >= endSec) return
    if (!this.#hasBegun && timeSec < startSec) this.#pending.push({ error, ticks })
    else this.#report(error, ticks)
  }

  #report(error: Error, ticks: number): void {
    if (this.#target.isStrict) throw error
    if (this.faults.length < MOST_FAULTS)
      this.faults.push(videoFault(error, Math.max(0, secondsOf(ticks, this.timeBase))))
  }

  /** Files end too early without a word from FFmpeg. */
  #checkEnd(): void {
    if ('url' in this.#file) return
    const { declared, format } = this.#container
    const endSec = secondsOf(this.#end, this.timeBase)
    const told = declared === undefined ? 0 : secondsOf(Number(declared), this.timeBase)
    const fault =
      endSec < told - SLACK_SEC
        ? `truncated: ${endSec.toFixed(3)} s of ${told.toFixed(3)} s are there`
        : format.iformat?.name?.startsWith('matroska')
          ? matroskaFault(this.#file.reader)
          : undefined
    if (fault !== undefined) this.#takeFault(new Error(fault), undefined)
  }

  #reopen(): void {
    this.free()
    this.#container = new Container(this.#ffmpeg, this.#file, {
      kind: 'video',
      wanted: this.#target.stream,
    })
    this.#decoder = this.#openDecoder()
    this.#keyTicks = -Infinity
    this.#origin = undefined
    this.#end = 0
    this.#pending = []
  }

  #openDecoder(): VideoDecoder {
    const tell = (error: Error, ticks: number | undefined): void => this.#takeFault(error, ticks)
    return new VideoDecoder(this.#ffmpeg, this.#container, this.#target, tell, this.#checkWanted)
  }
}

/** Packets that are sooner read than sought. */
const NEAR = 60
/** Packets that are read from where a seek led to a keyframe. */
const MOST_READ = 2000

/** Of a file that is all damage, the rest is not told. */
const MOST_FAULTS = 1000

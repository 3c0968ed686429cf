import type { Frame } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import type { Container } from '../../ffmpeg/container.ts'
import { hasLaterLink } from '../../ffmpeg/containers/ogg-links.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { AudioTarget } from '../audio-options.ts'
import { type AudioFault, audioFault } from '../audio-results.ts'
import { AudioDecoder, type PacketFault } from './audio-decoder.ts'
import { isAllThere, oddEnd } from './end-of-sound.ts'
import { type Pass, type PassOptions, round } from './pass.ts'
import { seekPlan } from './seek-plan.ts'
import { Sound } from './sound.ts'
import { Timeline } from './timeline.ts'

/** Largest number of samples in a byte of a file, for allocations on the word of a header. */
const SAMPLES_PER_BYTE = 64

/**
 * One pass through a container.
 *
 * Damage is not reported at once. If nothing after it can be decoded and everything that the header
 * announces has been decoded, it is not damage but bytes appended to the sound. So the report waits
 * for the next frame or the end.
 */
export class ContainerPass implements Pass {
  readonly faults: AudioFault[]
  readonly #ffmpeg: FFmpeg
  readonly #container: Container
  readonly #target: AudioTarget
  readonly #options: PassOptions
  readonly #decoder: AudioDecoder
  readonly #timeline: Timeline
  #sound: Sound | undefined
  /** Damage before the window does not count. */
  #isBeforeWindow: boolean
  /** Damage after the last frame. */
  #waiting: PacketFault[] = []
  #lastFault: Error | undefined

  constructor(ffmpeg: FFmpeg, container: Container, target: AudioTarget, options: PassOptions) {
    this.#ffmpeg = ffmpeg
    this.#container = container
    this.#target = target
    this.#options = options
    this.faults = options.faults
    this.#isBeforeWindow = (target.window?.[0] ?? 0) > 0
    this.#timeline = new Timeline(container.stream.timeBase, ffmpeg.constants.AV_NOPTS_VALUE)
    this.#decoder = new AudioDecoder(ffmpeg, container, (fault) => this.#takeFault(fault))
  }

  get atSec(): number {
    return this.#timeline.at / (this.#timeline.sampleRate || 1)
  }

  *steps(): Generator<Sound, Sound | undefined> {
    let isWhole = true
    let frames = this.#decoder.frames()
    for (let step = frames.next(); step.done !== true; step = frames.next()) {
      const frame = step.value
      const samples = frame.nbSamples // read once: each query goes through N-API
      if (samples === 0) continue
      this.#tellWaiting()
      if (this.#sound === undefined) {
        this.#begin(frame)
        if (this.#options.maySeek && this.#seek(frame)) {
          frames = this.#decoder.frames()
          continue
        }
      }
      const sound: Sound = this.#sound!
      if (frame.sampleRate !== this.#timeline.sampleRate)
        this.#timeline.changeRate(frame.sampleRate)
      if (!this.#timeline.place(frame)) return undefined
      if (this.#timeline.hasJustSought && this.#timeline.at > sound.from) return undefined
      this.#take(frame, samples, sound)
      yield sound
      if (sound.isDone) {
        isWhole = false
        break
      }
    }
    return this.#end(isWhole)
  }

  free(): void {
    this.#sound?.free()
    this.#decoder.free()
  }

  #begin(frame: Frame): void {
    const { samplesPerPiece, reader } = this.#options
    this.#timeline.begin(frame)
    const believable = reader === undefined ? 0 : reader.size * SAMPLES_PER_BYTE
    const plan = { expected: this.#expected(), believable, samplesPerPiece }
    this.#sound = new Sound(this.#ffmpeg, frame, this.#target, plan)
  }

  #take(frame: Frame, samples: number, sound: Sound): void {
    const { at, gap } = this.#timeline
    if (at + samples > sound.from) {
      this.#isBeforeWindow = false
      sound.take(frame, samples, at, gap)
    }
    this.#timeline.advance(samples)
  }

  /** Seeks to near the window, if it is far away and time stamps identify samples. */
  #seek(first: Frame): boolean {
    const from = this.#sound!.from
    const position = seekPlan(this.#ffmpeg, this.#container, this.#options, first, from)
    const time = position === undefined ? undefined : this.#timeline.timeOf(position)
    if (time === undefined) return false
    this.#timeline.isSeeking = true
    // If the seek fails, the pass ends without a frame that has a position. The next pass does not
    // seek.
    return this.#decoder.seek(time) || true
  }

  #end(isWhole: boolean): Sound | undefined {
    const sound = this.#sound
    if (sound === undefined) {
      this.#tellWaiting()
      throw this.#lastFault ?? new Error('has no sound in it')
    }
    const { isSeeking, hasSought, at, sampleRate } = this.#timeline
    if (isSeeking || (hasSought && isWhole && (at <= sound.from || this.#goesOn())))
      return undefined
    if (!isWhole) return sound
    const expected = this.#expected()
    const { packetSpan, isPiece } = this.#decoder
    const { reader } = this.#options
    const isThere =
      isPiece || isAllThere(this.#ffmpeg, this.#container, packetSpan, at, expected, reader)
    const isAnnounced = expected > 0 && at >= expected - 0.5
    const isTail = isAnnounced || (isThere && this.#waiting.every(({ isStray }) => isStray))
    if (!isTail) this.#tellWaiting()
    if (!isThere) {
      this.#tell(
        new Error(
          `truncated: ${round(at / sampleRate)} s of ${round(expected / sampleRate)} s are there`,
        ),
      )
    } else if (reader !== undefined) {
      const problem = oddEnd(this.#container, reader)
      if (problem !== undefined) this.#tell(new Error(problem))
    }
    return sound
  }

  /**
   * Whether data follow that are not found after a seek: in chained Ogg files, FFmpeg seeks in the
   * first.
   */
  #goesOn(): boolean {
    const { reader, samplesPerPiece } = this.#options
    // pieces have been returned already, so it was checked before
    if (samplesPerPiece !== Infinity || reader === undefined) return false
    return this.#container.format.iformat?.name === 'ogg' && hasLaterLink(reader)
  }

  /** Likely number of samples of the whole, from the header; 0 if the header does not say. */
  #expected(): number {
    const { declared, stream } = this.#container
    const { num, den } = stream.timeBase
    return declared === undefined ? 0 : (Number(declared) * num * this.#timeline.sampleRate) / den
  }

  #takeFault(fault: PacketFault): void {
    const { error } = fault
    this.#lastFault = error
    if (error instanceof MediaError && error.code === 'ERR_READ') throw error
    this.#waiting.push(fault)
  }

  /** Reports damage that is followed by decoded frames or by an early end. */
  #tellWaiting(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const { error } of waiting) this.#tell(error)
  }

  #tell(error: Error): void {
    this.#lastFault = error
    this.#timeline.hasFault = true
    if (this.#isBeforeWindow) return
    if (this.#target.isStrict) throw this.#strictFault(error)
    this.faults.push(audioFault(error, this.atSec))
  }

  /** The fault, with the amount that was decoded before it and the option that returns it. */
  #strictFault(error: Error): Error {
    const { at, sampleRate } = this.#timeline
    if (error instanceof MediaError || sampleRate === 0) return error
    const told = `${round(at / sampleRate)} s were decoded before; \`strict: false\` takes what is there`
    return new Error(`${error.message} (${told})`, { cause: error })
  }
}

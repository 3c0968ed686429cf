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

/** How many samples may be in a byte of a file, where room is made on a header's word. */
const SAMPLES_PER_BYTE = 64

/**
 * One pass through a container.
 *
 * Damage is not told at once: where nothing more can be decoded behind it, and all that was
 * announced has been, it is no damage but bytes that somebody put behind the sound. So it waits for
 * the next frame or the end.
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
  /** Damage before the window is of no concern. */
  #isBeforeWindow: boolean
  /** Damage behind the last frame. */
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
      const samples = frame.nbSamples // asked once: each question goes through N-API
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

  /** Goes to near the window, where that is far and every time stamp tells a sample. */
  #seek(first: Frame): boolean {
    const from = this.#sound!.from
    const position = seekPlan(this.#ffmpeg, this.#container, this.#options, first, from)
    const time = position === undefined ? undefined : this.#timeline.timeOf(position)
    if (time === undefined) return false
    this.#timeline.isSeeking = true
    // Where it fails the pass ends, without a frame that could be placed, and the next one does not
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
   * Whether something follows that is not found after a seek: of Ogg files behind each other,
   * FFmpeg seeks in the first.
   */
  #goesOn(): boolean {
    const { reader, samplesPerPiece } = this.#options
    if (samplesPerPiece !== Infinity || reader === undefined) return false // pieces have been given: it was looked at before
    return this.#container.format.iformat?.name === 'ogg' && hasLaterLink(reader)
  }

  /** Samples that the whole is likely to have, by the header's word; 0 where it says nothing. */
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

  /** Tells of damage behind which something was decoded, or the end came too early. */
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

  /** The fault, with how much was decoded before it and how to get that. */
  #strictFault(error: Error): Error {
    const { at, sampleRate } = this.#timeline
    if (error instanceof MediaError || sampleRate === 0) return error
    const told = `${round(at / sampleRate)} s were decoded before; \`strict: false\` takes what is there`
    return new Error(`${error.message} (${told})`, { cause: error })
  }
}

import type { Frame } from 'node-av/lib'

/** A longer gap is not a lost frame but a jump of the time stamps. */
const LONGEST_GAP_SEC = 60

/**
 * The positions of a frame's samples, counted from the first sample of the stream. Samples are
 * counted, because time stamps of Matroska or MPEG-TS are not exact to the sample. After a seek or
 * damage, the time stamp gives the position, if its unit is fine enough.
 */
export class Timeline {
  readonly #num: number
  readonly #den: number
  readonly #noTime: bigint
  #origin: bigint
  /** Position of the next frame. */
  at = 0
  /** Number of missing samples before the next frame. */
  gap = 0
  sampleRate = 0
  /** Set by a seek until the first frame after it has a position. */
  isSeeking = false
  /** Whether the last frame was the first after a seek. */
  hasJustSought = false
  /** Whether any frame had a position after a seek. */
  hasSought = false
  /** Set by damage until the next frame has a position. */
  hasFault = false

  constructor({ num, den }: { readonly num: number; readonly den: number }, noTime: bigint) {
    this.#num = num
    this.#den = den
    this.#noTime = noTime
    this.#origin = noTime
  }

  begin(first: Frame): void {
    this.sampleRate = first.sampleRate
    this.#origin = first.pts
    this.hasFault = false
  }

  /** If the sample rate changes, counting continues in the new unit. */
  changeRate(sampleRate: number): void {
    this.at = Math.round((this.at * sampleRate) / this.sampleRate)
    this.sampleRate = sampleRate
    this.#origin = this.#noTime
  }

  /** Finds the position of a frame. `false` after a seek if the time stamp does not give it. */
  place(frame: Frame): boolean {
    this.gap = 0
    this.hasJustSought = this.isSeeking
    if (this.isSeeking) {
      const position = this.#positionOf(frame)
      if (position === undefined || position < 0) return false
      this.at = position
      this.isSeeking = false
      this.hasSought = true
    } else if (this.hasFault) {
      const gap = (this.#positionOf(frame) ?? 0) - this.at
      if (gap > 0 && gap < LONGEST_GAP_SEC * this.sampleRate) this.gap = gap
      this.at += this.gap
    }
    this.hasFault = false
    return true
  }

  advance(samples: number): void {
    this.at += samples
  }

  /** The time stamp of a sample; `undefined` if time stamps are too coarse for samples. */
  timeOf(position: number): bigint | undefined {
    const ticks = this.#ticksPerSample()
    if (ticks === undefined || this.#origin === this.#noTime) return undefined
    return this.#origin + BigInt(Math.max(0, Math.floor(position))) * BigInt(ticks)
  }

  #positionOf({ pts }: Frame): number | undefined {
    const ticks = this.#ticksPerSample()
    if (ticks === undefined || pts === this.#noTime || this.#origin === this.#noTime)
      return undefined
    return Math.round(Number(pts - this.#origin) / ticks)
  }

  #ticksPerSample(): number | undefined {
    const ticks = this.#den / (this.#num * this.sampleRate)
    return Number.isInteger(ticks) ? ticks : undefined
  }
}

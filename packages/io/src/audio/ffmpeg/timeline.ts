import type { Frame } from 'node-av/lib'

/** A gap that is longer is no lost frame but a time stamp that jumps. */
const LONGEST_GAP_SEC = 60

/**
 * Where a frame's samples are, counted from the first of the stream. They are counted, not read off
 * time stamps, for those of Matroska or MPEG-TS are not exact to a sample; but after a seek, and
 * after damage, a time stamp says where things are, if its unit allows.
 */
export class Timeline {
  readonly #num: number
  readonly #den: number
  readonly #noTime: bigint
  #origin: bigint
  /** Position of the next frame. */
  at = 0
  /** Samples that are missing before it. */
  gap = 0
  sampleRate = 0
  /** Set by a seek, until the first frame after it is placed. */
  isSeeking = false
  /** Whether the last frame that was placed was the first after a seek. */
  hasJustSought = false
  /** Whether any frame was placed after a seek. */
  hasSought = false
  /** Set by damage, until the next frame is placed. */
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

  /** Files that change their sample rate go on counting, in the new unit. */
  changeRate(sampleRate: number): void {
    this.at = Math.round((this.at * sampleRate) / this.sampleRate)
    this.sampleRate = sampleRate
    this.#origin = this.#noTime
  }

  /** Finds the place of a frame. `false` after a seek to where time stamps do not tell it. */
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

  /** The time stamp of a sample; `undefined` where time stamps are too coarse for samples. */
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

/**
 * A unit of frame times. Time stamps are whole numbers of ticks, counted from the first frame; a
 * tick is a fraction of a second.
 */
export interface TimeBase {
  readonly num: number
  readonly den: number
}

/**
 * Converts a time stamp to seconds, rounded once, so that 512 ticks of 1/12800 s are exactly
 * `0.04`.
 */
export function secondsOf(ticks: number, { num, den }: TimeBase): number {
  return (ticks * num) / den
}

/** Whether a time is in a window. Windows that touch share no time and miss none. */
export function isWithin(timeSec: number, window: readonly [number, number] | undefined): boolean {
  return window === undefined || (timeSec >= window[0] && timeSec < window[1])
}

/** Frames per second as a fraction: 29.97 is 2997/100, 30000/1001 is itself. */
export function rateOf(frameRate: number): TimeBase {
  // The continued fraction of the number, up to the first convergent that equals it within a
  // double's precision, as in FFmpeg's `av_d2q`.
  let [num, den, lastNum, lastDen] = [Math.floor(frameRate), 1, 1, 0]
  for (let rest = frameRate - num; rest !== 0 && num / den !== frameRate; ) {
    const inverse = 1 / rest
    const whole = Math.floor(inverse)
    const [nextNum, nextDen] = [whole * num + lastNum, whole * den + lastDen]
    if (nextDen > MAX_DENOMINATOR || nextNum > MAX_NUMERATOR) break
    ;[lastNum, lastDen, num, den] = [num, den, nextNum, nextDen]
    rest = inverse - whole
  }
  return num === 0 ? { num: 1, den: Math.round(1 / frameRate) } : { num, den }
}

const MAX_DENOMINATOR = 1_001_000
const MAX_NUMERATOR = 1_001_000_000

/**
 * Drops and repeats frames to a constant rate, as FFmpeg's `fps` filter does
 * (`libavfilter/vf_fps.c`, `round=near`). The position of a frame on the new grid is its time,
 * rounded, halves away from zero. It is shown until the position of the next frame. If several
 * frames have one position, the last is shown.
 */
export class FrameRate {
  readonly rate: TimeBase
  readonly #timeBase: TimeBase
  #next: number | undefined

  constructor(frameRate: number, timeBase: TimeBase) {
    this.rate = rateOf(frameRate)
    this.#timeBase = timeBase
  }

  /** The position of a time on the new grid. */
  placeOf(ticks: number): number {
    const { num, den } = this.#timeBase
    const exact = BigInt(ticks) * BigInt(num * this.rate.num) * 2n
    const unit = BigInt(den) * BigInt(this.rate.den)
    const sign = exact < 0n ? -1n : 1n
    return Number(sign * ((exact * sign + unit) / (2n * unit)))
  }

  /**
   * The positions of a frame on the grid, `[first, end)`, given the start of the next frame, or the
   * end of the last. Frames must be consecutive; the first may be any.
   */
  placesOf(ticks: number, nextTicks: number): readonly [first: number, end: number] {
    const first = this.#next ?? this.placeOf(ticks)
    this.#next = Math.max(first, this.placeOf(nextTicks))
    return [first, this.#next]
  }

  /** The time of a position, in seconds. */
  timeOf(place: number): number {
    return (place * this.rate.den) / this.rate.num
  }
}

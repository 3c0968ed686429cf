import type { Frame } from 'node-av/lib'
import { DATA_CLASSES } from '../../base/dtypes.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { firstSample } from '../../formats/wav/sample-window.ts'
import { type CheckedLimits, checkBytes, checkLength } from '../../formats/wav/sound-limits.ts'
import type { AudioTarget } from '../audio-options.ts'
import type { AudioResult } from '../audio-results.ts'
import { Collector } from './collector.ts'
import { type ConvertedFormat, Converter } from './converter.ts'

/**
 * Source samples on either side of an output sample that the resampler looks at, twice over: its
 * filter has 32 taps, stretched by the ratio where the rate goes down.
 */
const CONTEXT = 32

/** Samples of the source below which a sound is too short for the resampler. */
const SHORT = 4 * CONTEXT

/** More samples than any sound has. */
const FAR = 2 ** 52

/**
 * By how much less than a header says there may be: priming and padding. Limits are checked again
 * while decoding.
 */
const HEADER_SLACK_SEC = 0.5

/** Samples that a resampler may hold back. */
const HELD_BACK = 4096

/** What is known of a sound before it is decoded. */
export interface SoundPlan {
  /** Samples of the source in the whole, 0 where unknown. */
  readonly expected: number
  /**
   * Samples of the source that its bytes may hold: room is made for no more. Default: any number.
   */
  readonly believable?: number
  /** Samples a channel that are taken out at a time: Infinity for all at once. */
  readonly samplesPerPiece: number
}

/**
 * A sound as it is made of decoded frames: converted, resampled, cut. The resampler gets the
 * samples around a window too, and silence for the rest of the whole period of both rates in which
 * it begins: so windows are exactly what they would be, cut from the whole.
 */
export class Sound {
  /** First sample of the source that matters. */
  readonly from: number
  readonly #ffmpeg: FFmpeg
  readonly #format: ConvertedFormat
  readonly #collector: Collector
  readonly #channels: number
  #converter: Converter
  #fromRate: number
  readonly #limits: CheckedLimits
  readonly #samplesPerPiece: number
  readonly #bytesPerSample: number
  /** What is wanted, in samples of the result. */
  readonly #begin: number
  readonly #end: number
  /** Samples that were taken out. */
  #taken = 0
  #hasBegun = false
  /** Where the next sample of the source is. */
  #position = 0
  /** Position of the converter's next sample, in samples of the result. */
  #at = 0

  /** @throws MediaError `ERR_TOO_LARGE` where the header announces more than limits allow */
  constructor(ffmpeg: FFmpeg, first: Frame, target: AudioTarget, plan: SoundPlan) {
    const { window, numSamples, sampleRate = first.sampleRate, channels, dtype, isPlanar } = target
    this.#ffmpeg = ffmpeg
    this.#format = { sampleRate, channels, dtype, isPlanar }
    this.#fromRate = first.sampleRate
    this.#converter = new Converter(ffmpeg, first, this.#format)
    this.#channels = this.#converter.channels
    const [startSec, endSec] = window ?? [0, Infinity]
    const begin = firstSample(startSec, sampleRate, FAR)
    const end = Math.min(firstSample(endSec, sampleRate, FAR), begin + (numSamples ?? FAR))
    const ratio = first.sampleRate / sampleRate
    const context = ratio === 1 ? 0 : Math.ceil(CONTEXT * Math.max(1, ratio))
    this.from = Math.max(0, Math.floor(begin * ratio) - context)
    const { expected, believable = Infinity, samplesPerPiece } = plan
    this.#begin = begin
    this.#end = end
    this.#limits = target.limits
    this.#samplesPerPiece = samplesPerPiece
    this.#bytesPerSample = this.#channels * DATA_CLASSES[dtype].BYTES_PER_ELEMENT
    try {
      if (numSamples !== undefined) this.#checkCount(numSamples)
      this.#checkCount(
        Math.min(end, (expected - HEADER_SLACK_SEC * first.sampleRate) / ratio) - begin,
      )
      const whole = expected / ratio + (expected > 0 ? CONTEXT : 0)
      const likely = expected > 0 ? Math.max(0, whole - begin) : end < FAR ? end - begin : 0
      const room = Math.min(likely, believable / ratio, samplesPerPiece + HELD_BACK)
      this.#collector = new Collector(
        { dtype, isPlanar, channels: this.#channels },
        [begin, end],
        room,
      )
    } catch (error) {
      this.#converter.free()
      throw error
    }
  }

  /** Samples a channel that are there and were not taken out. */
  get count(): number {
    return this.#collector.count
  }

  /** Takes out the first samples, `count` a channel. */
  shift(count: number): Pick<AudioResult, 'data' | 'channels' | 'sampleRate'> {
    const { sampleRate } = this.#format
    this.#taken += count
    return { data: this.#collector.shift(count), channels: this.#channels, sampleRate }
  }

  /** Lets the resampler give what it holds back: no more frames are taken. */
  end(): void {
    if (!this.#hasBegun || this.isDone) return
    const { sampleRate } = this.#format
    if (this.#fromRate === sampleRate || this.#position >= SHORT) {
      this.#drain()
      return
    }
    // Of a sound that is shorter than its filter, the resampler gives nothing: silence behind it
    // makes up for that.
    this.#converter.inject(SHORT)
    const wanted = Math.ceil((this.#position * sampleRate) / this.#fromRate) - this.#at
    this.#give(Math.min(wanted, this.#converter.convert(null, 0) ?? 0))
  }

  /** Whether no more frames are needed. */
  get isDone(): boolean {
    return this.#collector.isPast(this.#at)
  }

  /**
   * Takes a frame of `samples` whose first is at `position` in the source, behind a gap that
   * becomes silence. The first frame taken may be any; those that follow must follow it.
   */
  take(frame: Frame, samples: number, position: number, gap: number): void {
    if (!this.#hasBegun) this.#start(position)
    else if (gap > 0) this.#converter.inject(gap)
    // Before there is memory for it: of a hostile header one sample becomes many.
    const ahead = Math.min(
      this.#end,
      ((position + samples) * this.#format.sampleRate) / this.#fromRate,
    )
    this.#checkCount(ahead - this.#begin - HELD_BACK)
    this.#position = position + samples
    let count = this.#converter.convert(frame, samples)
    if (count === undefined) {
      this.#drain()
      this.#converter.free()
      this.#converter = new Converter(this.#ffmpeg, frame, {
        ...this.#format,
        channels: this.#channels,
      })
      this.#fromRate = frame.sampleRate
      count = this.#converter.convert(frame, samples) ?? 0
    }
    this.#give(count)
  }

  /** What was made. */
  finish(): Pick<AudioResult, 'data' | 'channels' | 'sampleRate'> {
    this.end()
    return {
      data: this.#collector.finish(),
      channels: this.#channels,
      sampleRate: this.#format.sampleRate,
    }
  }

  free(): void {
    this.#converter.free()
  }

  /**
   * The rates' grids meet every `period` samples of the source: there a sample of the result lies
   * on one of the source.
   */
  #start(position: number): void {
    this.#hasBegun = true
    const { sampleRate } = this.#format
    const period = this.#fromRate / greatestCommonDivisor(this.#fromRate, sampleRate)
    const missing = position % period
    this.#converter.inject(missing)
    this.#at = Math.round(((position - missing) / this.#fromRate) * sampleRate) // whole, but for rounding
  }

  #drain(): void {
    this.#give(this.#converter.convert(null, 0) ?? 0)
  }

  #give(count: number): void {
    this.#collector.add(this.#converter.planes, this.#at, count)
    this.#at += count
    this.#checkCount(this.#taken + this.#collector.count)
  }

  /**
   * @throws MediaError `ERR_TOO_LARGE` where so many samples a channel are more than are allowed
   */
  #checkCount(count: number): void {
    if (count <= 0) return
    const samples = Math.ceil(count)
    checkLength(this.#limits, samples, this.#format.sampleRate)
    checkBytes(this.#limits, Math.min(samples, this.#samplesPerPiece) * this.#bytesPerSample)
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

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
 * Number of source samples on either side of an output sample that the resampler uses, times two:
 * its filter has 32 taps, stretched by the ratio if the rate decreases.
 */
const CONTEXT = 32

/** Number of source samples below which a sound is too short for the resampler. */
const SHORT = 4 * CONTEXT

/** Larger than the number of samples of any sound. */
const FAR = 2 ** 52

/**
 * Tolerance of a header's length, for priming and padding. Limits are checked again while decoding.
 */
const HEADER_SLACK_SEC = 0.5

/** Samples that a resampler may hold back. */
const HELD_BACK = 4096

/** What is known about a sound before decoding. */
export interface SoundPlan {
  /** Number of source samples in the whole, 0 if unknown. */
  readonly expected: number
  /**
   * Number of source samples that the file's bytes can hold; no more memory is allocated in
   * advance. Default: no bound.
   */
  readonly believable?: number
  /** Samples per channel that are returned at a time; Infinity for all at once. */
  readonly samplesPerPiece: number
}

/**
 * Builds a sound from decoded frames: converts, resamples and cuts them. The resampler also gets
 * the samples around a window, and silence for the rest of the common period of both rates in which
 * the window begins. So a window is exactly the same as if it were cut from the whole.
 */
export class Sound {
  /** First source sample that matters. */
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
  /** The wanted range, in samples of the result. */
  readonly #begin: number
  readonly #end: number
  /** Number of samples that were returned. */
  #taken = 0
  #hasBegun = false
  /** Position of the next source sample. */
  #position = 0
  /** Position of the converter's next sample, in samples of the result. */
  #at = 0

  /** @throws MediaError `ERR_TOO_LARGE` if the header announces more than the limits allow */
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

  /** Samples per channel that are ready and were not returned yet. */
  get count(): number {
    return this.#collector.count
  }

  /** Removes and returns the first `count` samples per channel. */
  shift(count: number): Pick<AudioResult, 'data' | 'channels' | 'sampleRate'> {
    const { sampleRate } = this.#format
    this.#taken += count
    return { data: this.#collector.shift(count), channels: this.#channels, sampleRate }
  }

  /** Flushes the resampler: no more frames follow. */
  end(): void {
    if (!this.#hasBegun || this.isDone) return
    const { sampleRate } = this.#format
    if (this.#fromRate === sampleRate || this.#position >= SHORT) {
      this.#drain()
      return
    }
    // If a sound is shorter than its filter, the resampler returns nothing. Silence after it fixes
    // that.
    this.#converter.inject(SHORT)
    const wanted = Math.ceil((this.#position * sampleRate) / this.#fromRate) - this.#at
    this.#give(Math.min(wanted, this.#converter.convert(null, 0) ?? 0))
  }

  /** Whether the sound is complete. */
  get isDone(): boolean {
    return this.#collector.isPast(this.#at)
  }

  /**
   * Adds a frame of `samples`. Its first sample is at `position` in the source, after a gap that
   * becomes silence. The first frame may be any; later frames must be consecutive.
   */
  take(frame: Frame, samples: number, position: number, gap: number): void {
    if (!this.#hasBegun) this.#start(position)
    else if (gap > 0) this.#converter.inject(gap)
    // Checked before memory is allocated: with a hostile header, one sample becomes many.
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

  /** The finished sound. */
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
   * The grids of both rates meet every `period` source samples: there a result sample coincides
   * with a source sample.
   */
  #start(position: number): void {
    this.#hasBegun = true
    const { sampleRate } = this.#format
    const period = this.#fromRate / greatestCommonDivisor(this.#fromRate, sampleRate)
    const missing = position % period
    this.#converter.inject(missing)
    // an integer, apart from rounding
    this.#at = Math.round(((position - missing) / this.#fromRate) * sampleRate)
  }

  #drain(): void {
    this.#give(this.#converter.convert(null, 0) ?? 0)
  }

  #give(count: number): void {
    this.#collector.add(this.#converter.planes, this.#at, count)
    this.#at += count
    this.#checkCount(this.#taken + this.#collector.count)
  }

  /** @throws MediaError `ERR_TOO_LARGE` if this number of samples per channel exceeds the limits */
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

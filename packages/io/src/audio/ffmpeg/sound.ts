import type { Frame } from 'node-av/lib'
import type { FFmpeg } from '../../image/ffmpeg/library.ts'
import { firstSample } from '../../wav/window.ts'
import type { LoadedAudio } from '../loaded.ts'
import type { AudioTarget } from '../options.ts'
import { Collector } from './collector.ts'
import { type ConvertedFormat, Converter } from './converter.ts'

/**
 * Source samples on either side of an output sample that the resampler looks at, twice over: its filter has 32 taps, stretched by the
 * ratio where the rate goes down.
 */
const CONTEXT = 32

/** More samples than any sound has. */
const FAR = 2 ** 52

/**
 * A sound as it is made of decoded frames: converted, resampled, cut. The resampler gets the samples around a window too, and silence for the rest of
 * the whole period of both rates in which it begins: so windows are exactly what they would be, cut from the whole.
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
  #hasBegun = false
  /** Position of the converter's next sample, in samples of the result. */
  #at = 0

  /** @param expected samples of the source in the whole, 0 where unknown */
  constructor(ffmpeg: FFmpeg, first: Frame, target: AudioTarget, expected: number) {
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
    const whole = expected / ratio + (expected > 0 ? CONTEXT : 0)
    const likely = expected > 0 ? Math.max(0, whole - begin) : end < FAR ? end - begin : 0
    this.#collector = new Collector({ dtype, isPlanar, channels: this.#channels }, [begin, end], likely)
  }

  /** Samples a channel that are there and were not taken out. */
  get count(): number {
    return this.#collector.count
  }

  /** Takes out the first samples, `count` a channel. */
  shift(count: number): Pick<LoadedAudio, 'data' | 'channels' | 'sampleRate'> {
    const { sampleRate } = this.#format
    return { data: this.#collector.shift(count), channels: this.#channels, sampleRate }
  }

  /** Lets the resampler give what it holds back: no more frames are taken. */
  end(): void {
    if (this.#hasBegun && !this.isDone) this.#drain()
  }

  /** Whether no more frames are needed. */
  get isDone(): boolean {
    return this.#collector.isPast(this.#at)
  }

  /**
   * Takes a frame of `samples` whose first is at `position` in the source, behind a gap that becomes silence. The first frame taken may be any;
   * those that follow must follow it.
   */
  take(frame: Frame, samples: number, position: number, gap: number): void {
    if (!this.#hasBegun) this.#begin(position)
    else if (gap > 0) this.#converter.inject(gap)
    let count = this.#converter.convert(frame, samples)
    if (count === undefined) {
      this.#drain()
      this.#converter.free()
      this.#converter = new Converter(this.#ffmpeg, frame, { ...this.#format, channels: this.#channels })
      this.#fromRate = frame.sampleRate
      count = this.#converter.convert(frame, samples) ?? 0
    }
    this.#give(count)
  }

  /** What was made. */
  finish(): Pick<LoadedAudio, 'data' | 'channels' | 'sampleRate'> {
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

  /** The rates' grids meet every `period` samples of the source: there a sample of the result lies on one of the source. */
  #begin(position: number): void {
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
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

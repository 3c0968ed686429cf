import { boolean, type Checked, choice, integer, type RulesOf, signal } from 'spindle/options'
import type { DType } from '../base/array.ts'
import { mediaOptions, streamRule } from '../base/options.ts'
import { checkHeaders, type UrlOptions, urlRules } from '../files/url-options.ts'
import { type TimeWindow, windowRule } from '../formats/wav/sample-window.ts'
import { type CheckedLimits, limitRules, type SoundLimits } from '../formats/wav/sound-limits.ts'

/**
 * Element types that sound can be had in. Of integers the whole range is used, as WAV files do:
 * uint8 has its silence at 128.
 */
export type AudioDType = Extract<DType, 'float32' | 'float64' | 'int16' | 'int32' | 'uint8'>

/** Order of the axes: `[channels, samples]`, or `[samples, channels]` as WAV files store them. */
export type AudioLayout = 'CT' | 'TC'

/** Options of `loadAudio` and `loadAudioSync`. */
export interface LoadAudioOptions extends UrlOptions, SoundLimits {
  /**
   * Only the samples whose time, `index / sampleRate` of the result, is in `[startSec, endSec)`:
   * windows that touch share no sample and miss none. Time counts from the first sample, whatever
   * time stamp that has; an end behind the last sample means all. Default: all.
   */
  readonly window?: TimeWindow
  /** Samples a second and channel, 1 to 768000. Default: as they are stored. */
  readonly sampleRate?: number
  /**
   * Channels that all are mixed to, 1 to 8: mono, stereo, 2.1, 4.0, 5.0, 5.1, 6.1, 7.1. Default: as
   * they are stored.
   */
  readonly channels?: number
  /** Order of the result's axes. Default `'CT'`. */
  readonly layout?: AudioLayout
  /**
   * Default `'float32'`: -1 to 1, and beyond where a lossy format overshoots. Integers are clipped.
   */
  readonly dtype?: AudioDType
  /**
   * What is longer is cut, what is shorter is padded with silence: so that clips make a batch. 1 to 2147483647.
   * Default: as long as it is.
   */
  readonly numSamples?: number
  /**
   * Which of several audio streams, from 0 in the order of the file. Default: the one that FFmpeg
   * takes to be the best.
   */
  readonly stream?: number
  /**
   * `true`, the default: damage anywhere in what is loaded is an error. `false`: what can be
   * decoded is given, with silence in place of the rest where the format tells how long that was,
   * and `failures` says what was wrong.
   */
  readonly strict?: boolean
  /** Gives up: the call rejects with the signal's reason. Decoding that has begun is waited for. */
  readonly signal?: AbortSignal
}

/**
 * What a decoder is asked for: {@link LoadAudioOptions} with defaults filled in, as plain data that
 * crosses to other threads.
 */
export interface AudioTarget {
  readonly window: TimeWindow | undefined
  readonly sampleRate: number | undefined
  readonly channels: number | undefined
  readonly isPlanar: boolean
  readonly dtype: AudioDType
  readonly numSamples: number | undefined
  readonly stream: number | undefined
  readonly isStrict: boolean
  readonly limits: CheckedLimits
}

/** Highest sample rate that can be asked for. */
export const MAX_RATE = 768_000

/** The rules of {@link LoadAudioOptions}. */
export const audioRules: RulesOf<
  LoadAudioOptions,
  | 'layout'
  | 'dtype'
  | 'strict'
  | keyof SoundLimits
  | 'maxBytes'
  | 'timeoutMs'
  | 'totalTimeoutMs'
  | 'retries'
> = {
  window: windowRule,
  sampleRate: integer({ min: 1, max: MAX_RATE, unit: 'Hz' }),
  channels: integer({ min: 1, max: 8 }),
  layout: choice(['CT', 'TC'], { default: 'CT' }),
  dtype: choice(['float32', 'float64', 'int16', 'int32', 'uint8'], { default: 'float32' }),
  numSamples: integer({ min: 1, max: 0x7fffffff }),
  stream: streamRule,
  strict: boolean({ default: true }),
  signal: signal(),
  ...limitRules,
  ...urlRules,
}

const audioOptions = mediaOptions('LoadAudioOptions', audioRules)

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function audioTarget(options: LoadAudioOptions): AudioTarget {
  return targetOf(audioOptions.check(options))
}

/** The target of checked options. @throws MediaError `ERR_BAD_OPTION` for wrong headers */
export function targetOf(checked: Checked<typeof audioRules, LoadAudioOptions>): AudioTarget {
  checkHeaders(checked.headers)
  const { window, sampleRate, channels, layout, dtype, numSamples, stream, strict } = checked
  const { maxDurationSec, maxSamples, maxResultBytes } = checked
  return {
    ...{ window, sampleRate, channels, dtype, numSamples, stream },
    isPlanar: layout === 'CT',
    isStrict: strict,
    limits: { maxDurationSec, maxSamples, maxResultBytes },
  }
}

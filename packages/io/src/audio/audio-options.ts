import { boolean, type Checked, choice, integer, type RulesOf, signal } from 'spindle/options'
import type { DType } from '../base/array.ts'
import { mediaOptions, streamRule } from '../base/options.ts'
import { checkHeaders, type UrlOptions, urlRules } from '../files/url-options.ts'
import { type TimeWindow, windowRule } from '../formats/wav/sample-window.ts'
import { type CheckedLimits, limitRules, type SoundLimits } from '../formats/wav/sound-limits.ts'

/**
 * Element types of sound. Integers use their whole range, as in WAV files; uint8 has its silence at
 * 128.
 */
export type AudioDType = Extract<DType, 'float32' | 'float64' | 'int16' | 'int32' | 'uint8'>

/** Order of the axes: `[channels, samples]`, or `[samples, channels]` as WAV files store them. */
export type AudioLayout = 'CT' | 'TC'

/** Options of `loadAudio` and `loadAudioSync`. */
export interface LoadAudioOptions extends UrlOptions, SoundLimits {
  /**
   * Only the samples whose time, `index / sampleRate` of the result, is in `[startSec, endSec)`, in
   * seconds. Windows that touch share no sample and miss none. Time counts from the first sample,
   * whatever its time stamp. An end after the last sample means all. Default: all.
   */
  readonly window?: TimeWindow
  /** Samples per second and channel, an integer from 1 to 768000. Default: as stored. */
  readonly sampleRate?: number
  /**
   * Number of channels to mix to, 1 to 8: mono, stereo, 2.1, 4.0, 5.0, 5.1, 6.1, 7.1. Default: as
   * stored.
   */
  readonly channels?: number
  /** Order of the result's axes. Default `'CT'`. */
  readonly layout?: AudioLayout
  /**
   * Element type. Default `'float32'`: -1 to 1, and beyond if a lossy format overshoots. Integers
   * are clipped.
   */
  readonly dtype?: AudioDType
  /**
   * Number of samples per channel, an integer from 1 to 2147483647: longer sounds are cut, shorter
   * ones are padded with silence, so that clips make a batch. Default: the length of the sound.
   */
  readonly numSamples?: number
  /**
   * Index of the audio stream, from 0 in the order of the file. Default: FFmpeg's choice of the
   * best.
   */
  readonly stream?: number
  /**
   * `true` (default): damage anywhere in the loaded part is an error. `false`: the result has what
   * can be decoded, with silence for lost parts whose length the format tells, and `failures` lists
   * the faults.
   */
  readonly strict?: boolean
  /**
   * Aborts the call: it rejects with the signal's reason. Decoding that has begun runs to its end.
   */
  readonly signal?: AbortSignal
}

/**
 * A request to a decoder: {@link LoadAudioOptions} with defaults filled in, as plain data that can
 * be posted to other threads.
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

/** Highest sample rate, in samples per second. */
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

/**
 * Checks options and fills in defaults.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
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

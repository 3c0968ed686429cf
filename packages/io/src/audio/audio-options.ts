import type { DType } from '../base/array.ts'
import { checkBoolean, checkKnown, checkOneOf, checkSignal } from '../base/check.ts'
import { badOption } from '../base/errors.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../files/url-options.ts'
import { checkWindow, type TimeWindow } from '../formats/wav/sample-window.ts'
import {
  type CheckedLimits,
  LIMIT_OPTIONS,
  type SoundLimits,
  soundLimits,
} from '../formats/wav/sound-limits.ts'

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
  /** Default `'CT'`. */
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

const KNOWN = [
  ...[
    'window',
    'sampleRate',
    'channels',
    'layout',
    'dtype',
    'numSamples',
    'stream',
    'strict',
    'signal',
  ],
]
const DTYPES: readonly AudioDType[] = ['float32', 'float64', 'int16', 'int32', 'uint8']

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function audioTarget(options: LoadAudioOptions): AudioTarget {
  checkKnown(options, [...KNOWN, ...LIMIT_OPTIONS], URL_OPTIONS)
  const { window, sampleRate, channels, layout = 'CT', dtype = 'float32' } = options
  const { numSamples, stream, strict = true, signal } = options
  checkWindow(window)
  checkWithin('sampleRate', sampleRate, 1, MAX_RATE)
  checkWithin('channels', channels, 1, 8)
  checkOneOf('layout', layout, ['CT', 'TC'])
  checkOneOf('dtype', dtype, DTYPES)
  checkWithin('numSamples', numSamples, 1, 0x7fffffff)
  checkWithin('stream', stream, 0, 0xffff)
  checkBoolean('strict', strict)
  checkSignal(signal)
  fetchingOf(options)
  const limits = soundLimits(options)
  const isPlanar = layout === 'CT'
  return {
    window,
    sampleRate,
    channels,
    isPlanar,
    dtype,
    numSamples,
    stream,
    isStrict: strict,
    limits,
  }
}

/** @throws MediaError `ERR_BAD_OPTION` unless `value` is missing, or an integer in that range */
export function checkWithin(name: string, value: unknown, least: number, most: number): void {
  if (value === undefined) return
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
  throw badOption(name, `an integer from ${least} to ${most}`, value)
}

import { badOption } from '../../base/errors.ts'
import { countLimits, DEFAULT_MAX_RESULT_BYTES, tooLarge } from '../../base/limits.ts'

/**
 * Bounds of a sound, for files of strangers. Headers are believed where they announce too much, and
 * what is decoded is counted.
 */
export interface SoundLimits {
  /** Most seconds that are returned, a number > 0. More is `ERR_TOO_LARGE`. Default Infinity. */
  readonly maxDurationSec?: number
  /**
   * Most samples of one channel that are returned, an integer >= 1. More is `ERR_TOO_LARGE`.
   * Default Infinity.
   */
  readonly maxSamples?: number
  /**
   * Most bytes of an array that is returned, an integer >= 1. More is `ERR_TOO_LARGE`. Default
   * 2147483648 (2 GiB).
   */
  readonly maxResultBytes?: number
}

/** {@link SoundLimits} with defaults filled in. */
export type CheckedLimits = Required<SoundLimits>

/** Names of the options of {@link SoundLimits}. */
export const LIMIT_OPTIONS: readonly string[] = ['maxDurationSec', 'maxSamples', 'maxResultBytes']

/** Limits where none are given. */
export const DEFAULT_LIMITS: CheckedLimits = {
  maxDurationSec: Infinity,
  maxSamples: Infinity,
  maxResultBytes: DEFAULT_MAX_RESULT_BYTES,
}

/** Checks limits and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function soundLimits(options: SoundLimits): CheckedLimits {
  const { maxDurationSec = Infinity } = options
  if (typeof maxDurationSec !== 'number' || !(maxDurationSec > 0))
    throw badOption('maxDurationSec', 'a number > 0', maxDurationSec)
  const { maxSamples, maxResultBytes } = DEFAULT_LIMITS
  return { maxDurationSec, ...countLimits(options, { maxSamples, maxResultBytes }) }
}

/**
 * Refuses a sound that is too long.
 *
 * @param samples of one channel, as they are returned
 * @throws MediaError `ERR_TOO_LARGE`
 */
export function checkLength(limits: CheckedLimits, samples: number, sampleRate: number): void {
  const { maxDurationSec, maxSamples } = limits
  if (samples > maxSamples)
    throw tooLarge('maxSamples', maxSamples, `at least ${samples} samples a channel`)
  if (samples > maxDurationSec * sampleRate) {
    const seconds = round(samples / sampleRate)
    throw tooLarge('maxDurationSec', maxDurationSec, `at least ${seconds} s of sound`)
  }
}

/**
 * Refuses an array that is too large, before there is memory for it. @throws MediaError
 * `ERR_TOO_LARGE`
 */
export function checkBytes({ maxResultBytes }: CheckedLimits, bytes: number): void {
  if (bytes > maxResultBytes)
    throw tooLarge('maxResultBytes', maxResultBytes, `at least ${bytes} bytes of samples`)
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

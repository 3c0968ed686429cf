import { is, type RulesOf } from 'spindle/options'
import { DEFAULT_MAX_RESULT_BYTES, tooLarge } from '../../base/limits.ts'
import { limit } from '../../base/options.ts'

/** Limits for untrusted sounds. The header is checked first, and decoded samples are counted. */
export interface SoundLimits {
  /**
   * Longest returned sound, in seconds, a number > 0. More is `ERR_TOO_LARGE`. Default Infinity.
   */
  readonly maxDurationSec?: number
  /**
   * Largest number of returned samples per channel, an integer >= 1. More is `ERR_TOO_LARGE`.
   * Default Infinity.
   */
  readonly maxSamples?: number
  /**
   * Largest returned array, in bytes, an integer >= 1. More is `ERR_TOO_LARGE`. Default 2147483648
   * (2 GiB).
   */
  readonly maxResultBytes?: number
}

/** {@link SoundLimits} with defaults filled in. */
export type CheckedLimits = Required<SoundLimits>

/** The rules of {@link SoundLimits}. */
export const limitRules: RulesOf<SoundLimits, keyof SoundLimits> = {
  maxDurationSec: is('a number > 0', (value) => typeof value === 'number' && value > 0, {
    default: Number.POSITIVE_INFINITY,
  }),
  maxSamples: limit(Number.POSITIVE_INFINITY),
  maxResultBytes: limit(DEFAULT_MAX_RESULT_BYTES),
}

/**
 * Refuses a sound that is too long.
 *
 * @param samples returned samples per channel
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
 * Refuses an array that is too large, before memory is allocated.
 *
 * @throws MediaError `ERR_TOO_LARGE`
 */
export function checkBytes({ maxResultBytes }: CheckedLimits, bytes: number): void {
  if (bytes > maxResultBytes)
    throw tooLarge('maxResultBytes', maxResultBytes, `at least ${bytes} bytes of samples`)
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

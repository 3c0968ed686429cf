import { is, type RulesOf } from 'spindle/options'
import { DEFAULT_MAX_RESULT_BYTES, tooLarge } from '../../base/limits.ts'
import { limit } from '../../base/options.ts'

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

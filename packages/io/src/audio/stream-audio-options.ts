import { integer, type Rules } from 'spindle/options'
import { badOption } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import { type AudioTarget, audioRules, type LoadAudioOptions, targetOf } from './audio-options.ts'

/**
 * Options of `streamAudio` and `streamAudioSync`: those of `loadAudio`, and the size of a chunk.
 */
export interface StreamAudioOptions extends Omit<LoadAudioOptions, 'numSamples'> {
  /**
   * Samples per channel in a chunk, an integer from 1 to 2147483647; the last chunk has the rest.
   * Default 65536.
   */
  readonly samplesPerChunk?: number
}

/** A checked request to `streamAudio`. */
export interface StreamAudioTarget {
  readonly audio: AudioTarget
  readonly samplesPerChunk: number
}

const { numSamples: _, ...rules } = audioRules
const streamOptions = mediaOptions('StreamAudioOptions', {
  ...rules,
  samplesPerChunk: integer({ min: 1, max: 0x7fffffff, default: 65_536, unit: 'samples' }),
} satisfies Rules<StreamAudioOptions>)

/**
 * Checks the options of `streamAudio`.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function streamAudioTarget(options: StreamAudioOptions): StreamAudioTarget {
  if (typeof options === 'object' && options !== null && 'numSamples' in options)
    throw badOption('options', 'without numSamples: chunks are not padded', 'numSamples')
  const { samplesPerChunk, ...checked } = streamOptions.check(options)
  return { audio: targetOf({ ...checked, numSamples: undefined }), samplesPerChunk }
}

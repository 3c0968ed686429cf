import { integer, type Rules } from 'spindle/options'
import { badOption } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import { type AudioTarget, audioRules, type LoadAudioOptions, targetOf } from './audio-options.ts'

/**
 * Options of `streamAudio` and `streamAudioSync`: those of `loadAudio`, and how much a chunk holds.
 */
export interface StreamAudioOptions extends Omit<LoadAudioOptions, 'numSamples'> {
  /** Samples a channel of a chunk, 1 to 2147483647; the last has what is left. Default 65536. */
  readonly samplesPerChunk?: number
}

/** What `streamAudio` is asked for. */
export interface StreamAudioTarget {
  readonly audio: AudioTarget
  readonly samplesPerChunk: number
}

const { numSamples: _, ...rules } = audioRules
const streamOptions = mediaOptions('StreamAudioOptions', {
  ...rules,
  samplesPerChunk: integer({ min: 1, max: 0x7fffffff, default: 65_536, unit: 'samples' }),
} satisfies Rules<StreamAudioOptions>)

/** Checks options of `streamAudio`. @throws MediaError `ERR_BAD_OPTION` */
export function streamAudioTarget(options: StreamAudioOptions): StreamAudioTarget {
  if (typeof options === 'object' && options !== null && 'numSamples' in options)
    throw badOption('options', 'without numSamples: chunks are not padded', 'numSamples')
  const { samplesPerChunk, ...checked } = streamOptions.check(options)
  return { audio: targetOf({ ...checked, numSamples: undefined }), samplesPerChunk }
}

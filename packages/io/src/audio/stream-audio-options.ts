import { badOption } from '../base/errors.ts'
import {
  type AudioTarget,
  audioTarget,
  checkWithin,
  type LoadAudioOptions,
} from './audio-options.ts'

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

/**
 * Checks the options of `streamAudio`.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function streamAudioTarget(options: StreamAudioOptions): StreamAudioTarget {
  const { samplesPerChunk = 65_536, ...rest } = options
  if ('numSamples' in rest)
    throw badOption('options', 'without numSamples: chunks are not padded', 'numSamples')
  const audio = audioTarget(rest)
  checkWithin('samplesPerChunk', samplesPerChunk, 1, 0x7fffffff)
  return { audio, samplesPerChunk }
}

import { badOption } from '../base/errors.ts'
import {
  type AudioTarget,
  audioTarget,
  checkWithin,
  type LoadAudioOptions,
} from './audio-options.ts'

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

/** Checks options of `streamAudio`. @throws MediaError `ERR_BAD_OPTION` */
export function streamAudioTarget(options: StreamAudioOptions): StreamAudioTarget {
  const { samplesPerChunk = 65_536, ...rest } = options
  if ('numSamples' in rest)
    throw badOption('options', 'without numSamples: chunks are not padded', 'numSamples')
  const audio = audioTarget(rest)
  checkWithin('samplesPerChunk', samplesPerChunk, 1, 0x7fffffff)
  return { audio, samplesPerChunk }
}

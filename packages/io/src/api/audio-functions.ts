import { type AudioTarget, audioTarget, type LoadAudioOptions } from '../audio/audio-options.ts'
import { type AudioArray, type AudioResult, audioArray } from '../audio/audio-results.ts'
import {
  type StreamAudioOptions,
  type StreamAudioTarget,
  streamAudioTarget,
} from '../audio/stream-audio-options.ts'
import type { MediaFunction } from './media-function.ts'

/** What a thread is told besides the source. */
export interface AudioTask {
  readonly target: AudioTarget
}

/** `loadAudio` and `loadAudioSync`. */
export const audioLoading: MediaFunction<
  LoadAudioOptions,
  AudioTarget,
  AudioTask,
  AudioResult,
  AudioArray
> = {
  check: audioTarget,
  job: (target) => ({ target }),
  value: audioArray,
}

/** `streamAudio` and `streamAudioSync`. */
export const audioStreaming: MediaFunction<
  StreamAudioOptions,
  StreamAudioTarget,
  { readonly target: StreamAudioTarget },
  AudioResult,
  AudioArray
> = {
  check: streamAudioTarget,
  job: (target) => ({ target }),
  value: (chunk, { audio }, name) => audioArray(chunk, audio, name),
}

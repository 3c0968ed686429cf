import { type AudioTarget, audioTarget, type LoadAudioOptions } from '../audio/audio-options.ts'
import { type AudioArray, type AudioResult, audioArray } from '../audio/audio-results.ts'
import type { AudioTask } from '../audio/load-audio-in-thread.ts'
import {
  type StreamAudioOptions,
  type StreamAudioTarget,
  streamAudioTarget,
} from '../audio/stream-audio-options.ts'
import type { MediaFunction } from './media-function.ts'

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
  AudioTask<StreamAudioTarget>,
  AudioResult,
  AudioArray
> = {
  check: streamAudioTarget,
  job: (target) => ({ target }),
  value: (chunk, { audio }, name) => audioArray(chunk, audio, name),
}

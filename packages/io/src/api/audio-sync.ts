import type { AudioDType, LoadAudioOptions } from '../audio/audio-options.ts'
import type { AudioArray } from '../audio/audio-results.ts'
import { encodeAudioInThread } from '../audio/encode-audio-in-thread.ts'
import {
  type AudioInput,
  type EncodeAudioOptions,
  encodeAudioJob,
  type SaveAudioOptions,
  saveAudioJob,
} from '../audio/encode-audio-options.ts'
import { loadAudioInThread, streamAudioInThread } from '../audio/load-audio-in-thread.ts'
import type { StreamAudioOptions } from '../audio/stream-audio-options.ts'
import type { SyncSource } from '../files/source.ts'
import { audioLoading, audioStreaming } from './audio-functions.ts'
import { jobInThread, runInThread, streamInThread } from './media-function.ts'

/**
 * Loads audio in this thread, and holds it meanwhile: for ops that run in worker threads. What
 * `loadAudio` does otherwise.
 *
 * @throws MediaError as `loadAudio`; `ERR_BAD_OPTION` also for a source that must be waited for: a
 *   Blob, or a URL that is no `file:`
 * @throws the signal's reason, when aborted before it begins
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeWav } from '@spindle/io'
 * import { loadAudioSync } from '@spindle/io/sync'
 *
 * const second = { data: new Int16Array(2 * 44100), dtype: 'int16', shape: [44100, 2] } as const
 * const audio = loadAudioSync(encodeWav(second, { sampleRate: 44100 }), { sampleRate: 16000, channels: 1 })
 * assert.deepEqual([audio.dtype, ...audio.shape], ['float32', 1, 16000])
 * ```
 */
export function loadAudioSync<D extends AudioDType = 'float32'>(
  source: SyncSource,
  options: LoadAudioOptions & { readonly dtype?: D } = {},
): AudioArray<D> {
  return runInThread(audioLoading, loadAudioInThread, source, options) as AudioArray<D>
}

/**
 * Sound, chunk by chunk in this thread, which is held only while a chunk is made: for ops that run
 * in worker threads and return a generator. What `streamAudio` does otherwise. Leaving the loop
 * closes the file.
 *
 * @throws MediaError as `loadAudio`; `ERR_BAD_OPTION` also for a source that must be waited for: a
 *   Blob, a stream, or a URL that is no `file:`
 * @throws the signal's reason, when aborted: it is looked at before each chunk
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeWav } from '@spindle/io'
 * import { streamAudioSync } from '@spindle/io/sync'
 *
 * const second = { data: new Int16Array(44100), dtype: 'int16', shape: [44100] } as const
 * const chunks = [...streamAudioSync(encodeWav(second, { sampleRate: 44100 }), { sampleRate: 16000, samplesPerChunk: 6000 })]
 * assert.deepEqual(chunks.map(({ shape }) => shape), [[1, 6000], [1, 6000], [1, 4000]])
 * ```
 */
export function streamAudioSync<D extends AudioDType = 'float32'>(
  source: SyncSource,
  options: StreamAudioOptions & { readonly dtype?: D } = {},
): Generator<AudioArray<D>, void, undefined> {
  const chunks: unknown = streamInThread(audioStreaming, streamAudioInThread, source, options)
  return chunks as Generator<AudioArray<D>, void, undefined>
}

/**
 * Encodes a sound in this thread, and holds it meanwhile: for ops that run in worker threads.
 * @throws MediaError as `encodeAudio`
 */
export function encodeAudioSync(audio: AudioInput, options: EncodeAudioOptions): Uint8Array {
  return jobInThread(encodeAudioInThread, encodeAudioJob(audio, options), options.signal)!
}

/**
 * Encodes a sound and writes it in this thread. What `saveAudio` does otherwise. @throws MediaError
 * as `saveAudio`
 */
export function saveAudioSync(
  path: string | URL,
  audio: AudioInput,
  options: SaveAudioOptions = {},
): void {
  jobInThread(encodeAudioInThread, saveAudioJob(path, audio, options), options.signal)
}

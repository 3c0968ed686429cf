import { type AudioDType, audioTarget, type LoadAudioOptions } from '../audio/audio-options.ts'
import { type AudioArray, audioArray } from '../audio/audio-results.ts'
import { loadAudioHere } from '../audio/load-audio-in-thread.ts'
import { nameSource } from '../base/errors.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'

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
  checkSyncSource(source, 'source')
  const target = audioTarget(options)
  options.signal?.throwIfAborted()
  const name = describeSource(source)
  try {
    return audioArray(loadAudioHere(source, target), target, name) as AudioArray<D>
  } catch (error) {
    throw nameSource(error, name)
  }
}

import type { AudioDType } from '../audio/audio-options.ts'
import { type AudioArray, audioArray } from '../audio/audio-results.ts'
import { streamAudioHere } from '../audio/stream-audio-in-thread.ts'
import { type StreamAudioOptions, streamAudioTarget } from '../audio/stream-audio-options.ts'
import { nameSource } from '../base/errors.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'

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
  checkSyncSource(source, 'source')
  const target = streamAudioTarget(options)
  const { signal } = options
  signal?.throwIfAborted()
  const name = describeSource(source)
  return (function* chunks() {
    try {
      for (const chunk of streamAudioHere(source, target)) {
        signal?.throwIfAborted()
        yield audioArray(chunk, target.audio, name) as AudioArray<D>
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw nameSource(error, name)
    }
  })()
}

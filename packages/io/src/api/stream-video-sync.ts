import { nameSource } from '../base/errors.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import { streamVideoHere } from '../video/stream-video-in-thread.ts'
import { type StreamVideoOptions, streamTarget } from '../video/stream-video-options.ts'
import { type VideoArray, videoArray } from '../video/video-results.ts'
import type { LoadNothing } from './load-image-sync.ts'
import { newMemory } from './load-video-sync.ts'

/**
 * Frames of a video, chunk by chunk in this thread, which is held only while a chunk is made: for
 * ops that run in worker threads and return a generator. What `streamVideo` does otherwise. Leaving
 * the loop closes the file.
 *
 * @throws MediaError as `loadVideo`; `ERR_BAD_OPTION` also for a source that must be waited for: a
 *   Blob, a stream, or a URL that is no `file:`
 * @throws the signal's reason, when aborted: it is looked at before each frame
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { streamVideoSync } from '@spindle/io/sync'
 *
 * let frames = 0
 * for (const chunk of streamVideoSync('docs/pictures/video/clip.mp4', { framesPerChunk: 12, height: 64 })) frames += chunk.shape[0]!
 * assert.equal(frames, 40)
 * ```
 */
export function streamVideoSync<O extends StreamVideoOptions = LoadNothing>(
  source: SyncSource,
  options?: Exactly<O, StreamVideoOptions>,
): Generator<VideoArray<DTypeOf<O>>, void, undefined> {
  checkSyncSource(source, 'source')
  const given: StreamVideoOptions = options ?? {}
  const target = streamTarget(given)
  const checkWanted = (): void => given.signal?.throwIfAborted()
  checkWanted()
  const name = describeSource(source)
  return (function* chunks() {
    try {
      for (const chunk of streamVideoHere(source, target, newMemory, checkWanted)) {
        yield videoArray(chunk, name) as unknown as VideoArray<DTypeOf<O>>
      }
    } catch (error) {
      checkWanted()
      throw nameSource(error, name)
    }
  })()
}

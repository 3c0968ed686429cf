import { nameSource } from '../base/errors.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import { sampleVideoHere } from '../video/sample-video-in-thread.ts'
import { type SampleVideoOptions, sampleTarget } from '../video/sample-video-options.ts'
import { type VideoArray, videoArray } from '../video/video-results.ts'
import { newMemory } from './load-video-sync.ts'
import { newShared } from './video-worker.ts'

/**
 * Samples frames of a video in this thread, and holds it meanwhile: for ops that run in worker
 * threads. What `sampleVideo` does otherwise.
 *
 * @throws MediaError as `sampleVideo`; `ERR_BAD_OPTION` also for a source that must be waited for:
 *   a Blob, or a URL that is no `file:`
 * @throws the signal's reason, when aborted: it is looked at before each frame
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { sampleVideoSync } from '@spindle/io/sync'
 *
 * const clips = sampleVideoSync('docs/pictures/video/clip.mp4', { clips: { length: 4, stride: 2, count: 2 }, width: 64, height: 64 })
 * assert.deepEqual(clips.shape, [2, 4, 64, 64, 3])
 * ```
 */
export function sampleVideoSync<O extends SampleVideoOptions>(
  source: SyncSource,
  options: Exactly<O, SampleVideoOptions>,
): VideoArray<DTypeOf<O>> {
  checkSyncSource(source, 'source')
  const given: SampleVideoOptions = options
  const { target, into } = sampleTarget(given)
  const checkWanted = (): void => given.signal?.throwIfAborted()
  checkWanted()
  const name = describeSource(source)
  try {
    const allocate = target.isShared ? newShared : newMemory
    const sampled = sampleVideoHere(source, target, { allocate, into, checkWanted })
    return videoArray(sampled, name) as unknown as VideoArray<DTypeOf<O>>
  } catch (error) {
    checkWanted()
    throw nameSource(error, name)
  }
}

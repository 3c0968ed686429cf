import { nameSource } from '../base/errors.ts'
import { checkSyncSource, describeSource, type SyncSource } from '../files/source.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import { checkDestination } from '../video/destination.ts'
import { loadVideoHere } from '../video/load-video-in-thread.ts'
import { type LoadVideoOptions, loadTarget } from '../video/video-options.ts'
import { type VideoArray, videoArray } from '../video/video-results.ts'
import type { LoadNothing } from './load-image-sync.ts'
import { newShared } from './video-worker.ts'

/**
 * Loads frames of a video in this thread, and holds it meanwhile: for ops that run in worker
 * threads. What `loadVideo` does otherwise.
 *
 * @throws MediaError as `loadVideo`; `ERR_BAD_OPTION` also for a source that must be waited for: a
 *   Blob, or a URL that is no `file:`
 * @throws the signal's reason, when aborted: it is looked at before each frame
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadVideoSync } from '@spindle/io/sync'
 *
 * const video = loadVideoSync('docs/pictures/video/clip.mp4', { window: [1, 2], width: 112, height: 112, layout: 'NCHW' })
 * assert.deepEqual([video.dtype, ...video.shape], ['uint8', 10, 3, 112, 112])
 * ```
 */
export function loadVideoSync<O extends LoadVideoOptions = LoadNothing>(
  source: SyncSource,
  options?: Exactly<O, LoadVideoOptions>,
): VideoArray<DTypeOf<O>> {
  checkSyncSource(source, 'source')
  const given: LoadVideoOptions = options ?? {}
  const target = loadTarget(given)
  const { signal, into: array } = given
  const into = array && checkDestination(array, target.image, [target.numFrames!])
  const checkWanted = (): void => signal?.throwIfAborted()
  checkWanted()
  const name = describeSource(source)
  try {
    const allocate = target.isShared ? newShared : newMemory
    const loaded = loadVideoHere(source, target, { allocate, into, checkWanted })
    return videoArray(loaded, name) as unknown as VideoArray<DTypeOf<O>>
  } catch (error) {
    checkWanted()
    throw nameSource(error, name)
  }
}

/** Not zeroed: whoever takes it fills it. */
export function newMemory(bytes: number): ArrayBuffer {
  return bytes === 0 ? new ArrayBuffer(0) : Buffer.allocUnsafeSlow(bytes).buffer
}

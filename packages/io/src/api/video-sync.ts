import type { NdArray } from '../base/array.ts'
import { encodeVideoInThread } from '../chain/video-file/encode-video-in-thread.ts'
import {
  type EncodeVideoOptions,
  type SaveVideoOptions,
  saveVideoJob,
  videoJob,
} from '../chain/video-file/encode-video-options.ts'
import type { SyncSource } from '../files/source.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import { loadVideoInThread } from '../video/load-video-in-thread.ts'
import { sampleVideoInThread } from '../video/sample-video-in-thread.ts'
import type { SampleVideoOptions } from '../video/sample-video-options.ts'
import { streamVideoInThread } from '../video/stream-video-in-thread.ts'
import type { StreamVideoOptions } from '../video/stream-video-options.ts'
import type { LoadVideoOptions } from '../video/video-options.ts'
import type { VideoArray } from '../video/video-results.ts'
import type { LoadNothing } from './image-functions.ts'
import { jobInThread, runInThread, streamInThread } from './media-function.ts'
import { videoLoading, videoSampling, videoStreaming } from './video-functions.ts'

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
  const loaded: unknown = runInThread(videoLoading, loadVideoInThread, source, options ?? {})
  return loaded as VideoArray<DTypeOf<O>>
}

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
  const sampled: unknown = runInThread(videoSampling, sampleVideoInThread, source, options)
  return sampled as VideoArray<DTypeOf<O>>
}

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
  const chunks: unknown = streamInThread(videoStreaming, streamVideoInThread, source, options ?? {})
  return chunks as Generator<VideoArray<DTypeOf<O>>, void, undefined>
}

/**
 * Saves pictures as a video in this thread, and holds it meanwhile: for ops that run in worker
 * threads. What `saveVideo` does otherwise.
 *
 * @throws MediaError as `saveVideo`
 */
export function saveVideoSync(path: string | URL, array: NdArray, options: SaveVideoOptions): void {
  jobInThread(encodeVideoInThread, saveVideoJob(path, array, options), options.signal)
}

/**
 * Encodes pictures as a video in this thread; what `encodeVideo` does otherwise. @throws MediaError
 * as `encodeVideo`
 */
export function encodeVideoSync(
  array: NdArray,
  options: EncodeVideoOptions & { readonly format: string },
): Uint8Array {
  return jobInThread(encodeVideoInThread, videoJob(array, undefined, options), options.signal)!
}

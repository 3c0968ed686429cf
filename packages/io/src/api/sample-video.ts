import { currentCall } from 'spindle'
import { errorOf } from '../base/errors.ts'
import { checkSource, describeSource, localSource, type MediaSource } from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import { fetchingOf } from '../files/url-options.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import { sharedPart } from '../video/destination.ts'
import { type SampleVideoOptions, sampleTarget } from '../video/sample-video-options.ts'
import { type VideoArray, videoArray } from '../video/video-results.ts'
import { runInPool } from './pool.ts'
import { videoOps } from './video-ops.ts'
import { withThreads } from './video-threads.ts'

/**
 * Loads some frames of a video: by number, by time, every so many, so many in all, keyframes, or
 * clips. Only the groups of pictures that they are in are decoded, and these no further than
 * needed; where the frames are, the packets tell, which are read without being decoded.
 *
 * All is done in the package's worker threads; in an op that runs in a worker thread already,
 * `sampleVideoSync` is the one to call.
 *
 * @returns by default uint8, `[frames, height, width, 3]`, in the order asked for; with `clips`,
 *   `[clips, length, height, width, 3]`. The frames' times
 * are in `timestampsSec`, one behind the other
 * @throws MediaError as `loadVideo`; `ERR_BAD_OPTION` also for an index that there is not
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { sampleVideo } from '@spindle/io'
 *
 * const eight = await sampleVideo('docs/pictures/video/clip.mp4', { count: 8, width: 112, height: 112, layout: 'NCHW' })
 * assert.deepEqual(eight.shape, [8, 3, 112, 112])
 * const some = await sampleVideo('docs/pictures/video/clip.mp4', { timestampsSec: [2, 0.51, 2] })
 * assert.deepEqual([...some.timestampsSec], [2, 0.5, 2])
 * ```
 */
export async function sampleVideo<O extends SampleVideoOptions>(
  source: MediaSource,
  options: Exactly<O, SampleVideoOptions>,
): Promise<VideoArray<DTypeOf<O>>> {
  const caller = currentCall()
  checkSource(source, 'source')
  const given: SampleVideoOptions = options
  const { target, into } = sampleTarget(given)
  const { signal } = given
  signal?.throwIfAborted()
  const name = describeSource(source)
  const local = localSource(source) ?? (await readSource(source, fetchingOf(given)))
  const job = { source: local, target, into: sharedPart(into) }
  const sampled = await withThreads(target.threads, () =>
    runInPool(videoOps.sample, job, signal, caller),
  )
  if ('problem' in sampled) throw errorOf(sampled, name)
  const video = videoArray(sampled, name) as unknown as VideoArray<DTypeOf<O>>
  if (into === undefined) return video
  if (job.into === undefined) into.set(sampled.data as never)
  return { ...video, data: into as typeof video.data }
}

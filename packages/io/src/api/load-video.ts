import { currentCall } from 'spindle'
import { errorOf } from '../base/errors.ts'
import { checkSource, describeSource, localSource, type MediaSource } from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import { fetchingOf } from '../files/url-options.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import { checkDestination, sharedPart } from '../video/destination.ts'
import { type LoadVideoOptions, loadTarget } from '../video/video-options.ts'
import { type VideoArray, videoArray } from '../video/video-results.ts'
import type { LoadNothing } from './load-image-sync.ts'
import { runInPool } from './pool.ts'
import { videoOps } from './video-ops.ts'
import { withThreads } from './video-threads.ts'

/**
 * Loads frames of a video: H.264, HEVC, VP8, VP9, AV1, MPEG-2, MPEG-4, MJPEG and what else FFmpeg
 * knows, in any container, scaled and turned as they are to be shown. What a file is, its bytes
 * say, not its name. Needs `node-av`.
 *
 * Of a window no more is decoded than from the keyframe before it. All is done in the package's
 * worker threads, which the call waits for; in an op that runs in a worker thread already,
 * `loadVideoSync` is the one to call.
 *
 * @returns by default uint8, `[frames, height, width, 3]`; red, green, blue, 0..255; with the time
 *   of each frame
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: it is empty, has no video in it, is damaged or truncated
 * - `ERR_UNSUPPORTED`: a kind of video that this FFmpeg cannot decode, encrypted, a still picture
 *   of HEIC, or too large for memory
 * - `ERR_TOO_LARGE`: more than `maxPixels`, `maxFrames` or `maxResultBytes`
 * - `ERR_BACKEND_MISSING`: `node-av` is not installed
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule, or the window begins behind the last
 *   frame
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadVideo } from '@spindle/io'
 *
 * const video = await loadVideo('docs/pictures/video/clip.mp4', { window: [1, 2], frameRate: 5, width: 224, height: 224 })
 * assert.deepEqual([video.dtype, ...video.shape], ['uint8', 5, 224, 224, 3])
 * assert.deepEqual([...video.timestampsSec], [1, 1.2, 1.4, 1.6, 1.8])
 * ```
 */
export async function loadVideo<O extends LoadVideoOptions = LoadNothing>(
  source: MediaSource,
  options?: Exactly<O, LoadVideoOptions>,
): Promise<VideoArray<DTypeOf<O>>> {
  const caller = currentCall()
  checkSource(source, 'source')
  const given: LoadVideoOptions = options ?? {}
  const target = loadTarget(given)
  const { signal, into: array } = given
  const into = array && checkDestination(array, target.image, [target.numFrames!])
  signal?.throwIfAborted()
  const name = describeSource(source)
  const local = localSource(source) ?? (await readSource(source, fetchingOf(given)))
  const job = { source: local, target, into: sharedPart(into) }
  const loaded = await withThreads(target.threads, () =>
    runInPool(videoOps.load, job, signal, caller),
  )
  if ('problem' in loaded) throw errorOf(loaded, name)
  const video = videoArray(loaded, name) as unknown as VideoArray<DTypeOf<O>>
  if (into === undefined) return video
  if (job.into === undefined) into.set(loaded.data as never)
  return { ...video, data: into as typeof video.data }
}

import type { NdArray } from '../base/array.ts'
import {
  type EncodeVideoOptions,
  type SaveVideoOptions,
  saveVideoJob,
  videoJob,
} from '../chain/video-file/encode-video-options.ts'
import type { MediaSource } from '../files/source.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import type { StreamSource } from '../streaming-input/stream-source.ts'
import type { SampleVideoOptions } from '../video/sample-video-options.ts'
import type { StreamVideoOptions } from '../video/stream-video-options.ts'
import type { LoadVideoOptions } from '../video/video-options.ts'
import type { VideoArray } from '../video/video-results.ts'
import type { LoadNothing } from './image-functions.ts'
import { loadInPool, runJob } from './in-pool.ts'
import { chainOps, videoOps } from './ops.ts'
import { streamInPool } from './stream-in-pool.ts'
import { videoLoading, videoSampling, videoStreaming } from './video-functions.ts'

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
export function loadVideo<O extends LoadVideoOptions = LoadNothing>(
  source: MediaSource,
  options?: Exactly<O, LoadVideoOptions>,
): Promise<VideoArray<DTypeOf<O>>> {
  const loaded: unknown = loadInPool(videoLoading, videoOps.load, source, options ?? {})
  return loaded as Promise<VideoArray<DTypeOf<O>>>
}

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
export function sampleVideo<O extends SampleVideoOptions>(
  source: MediaSource,
  options: Exactly<O, SampleVideoOptions>,
): Promise<VideoArray<DTypeOf<O>>> {
  const sampled: unknown = loadInPool(videoSampling, videoOps.sample, source, options)
  return sampled as Promise<VideoArray<DTypeOf<O>>>
}

/**
 * Frames of a video, chunk by chunk, as they are pulled: a worker thread keeps the decoder open
 * between chunks, is two chunks ahead (more only of chunks that take less than 4 ms together), and
 * closes it when the loop is left. Memory does not grow with the video.
 *
 * A source may also be a stream of bytes, of Node or of the web, a pipe, or the URL of what is
 * being made; it is then read once, from its beginning, as fast as frames are used, and must be of
 * a format that allows that: MPEG-TS, Matroska and WebM, fragmented MP4, MP4 whose index is in
 * front. It ends where the stream ends, with all that has come; when the loop is left; or when the
 * signal is aborted.
 *
 * @returns an async generator of chunks, each as `loadVideo` gives it; one behind the other they
 *   are what `loadVideo` gives
 * @throws MediaError as `loadVideo`; what is wrong with options, at once; damage, after the frames
 *   before it were given
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { createReadStream } from 'node:fs'
 * import { streamVideo } from '@spindle/io'
 *
 * const frames: number[] = []
 * for await (const chunk of streamVideo(createReadStream('docs/pictures/video/clip.mp4'), { framesPerChunk: 16, height: 64 })) {
 *   frames.push(chunk.shape[0]!)
 * }
 * assert.deepEqual(frames, [16, 16, 8])
 * ```
 */
export function streamVideo<O extends StreamVideoOptions = LoadNothing>(
  source: StreamSource,
  options?: Exactly<O, StreamVideoOptions>,
): AsyncGenerator<VideoArray<DTypeOf<O>>, void, undefined> {
  const ops = { file: videoOps.stream, stream: videoOps.streamBytes }
  const chunks: unknown = streamInPool(videoStreaming, ops, source, options ?? {})
  return chunks as AsyncGenerator<VideoArray<DTypeOf<O>>, void, undefined>
}

/**
 * Saves pictures, `[N, H, W, 3]` and others, as a video, with sound if given: in one of the
 * package's threads. The file is there as a whole or not at all. The same pictures give the same
 * bytes. What is usual in the format is the default: H.264 and AAC in MP4, MOV and Matroska, VP9
 * and Opus in WebM.
 *
 * @throws MediaError with `code`: `ERR_ENCODE`, `ERR_WRITE`, `ERR_UNSUPPORTED`,
 *   `ERR_BACKEND_MISSING`, `ERR_BAD_OPTION`
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { decode, saveVideo } from '@spindle/io'
 *
 * const clip = { data: new Uint8Array(25 * 48 * 64 * 3).fill(128), dtype: 'uint8', shape: [25, 48, 64, 3] } as const
 * const path = `${process.env.TMPDIR ?? '/tmp'}/grey-${process.pid}.mp4`
 * await saveVideo(path, clip, { frameRate: 25 })
 * const frames = await decode(path, { pixelFormat: 'rgb24' })
 * assert.deepEqual(frames?.array.shape, [25, 48, 64, 3])
 * ```
 */
export async function saveVideo(
  path: string | URL,
  array: NdArray,
  options: SaveVideoOptions,
): Promise<void> {
  await runJob(chainOps.video, saveVideoJob(path, array, options), options.signal)
}

/**
 * Encodes pictures as a video in memory; `format` is FFmpeg's name, `'mp4'`. @throws MediaError as
 * `saveVideo`
 */
export async function encodeVideo(
  array: NdArray,
  options: EncodeVideoOptions & { readonly format: string },
): Promise<Uint8Array> {
  return (await runJob(chainOps.video, videoJob(array, undefined, options), options.signal))!
}

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
 * Loads frames of a video: H.264, HEVC, VP8, VP9, AV1, MPEG-2, MPEG-4, MJPEG and all other codecs
 * of FFmpeg, in any container, scaled and rotated for display. The bytes decide the format, not the
 * name. Needs `node-av`.
 *
 * For a window, decoding begins at the keyframe before it. The package's worker threads do all the
 * work. Ops that already run in a worker thread call `loadVideoSync` instead.
 *
 * @returns by default uint8 `[frames, height, width, 3]`; red, green, blue, 0..255; with the time
 *   of each frame in seconds
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: the source is empty, has no video, is damaged or truncated
 * - `ERR_UNSUPPORTED`: this FFmpeg cannot decode the video, it is encrypted, a HEIC picture, or too
 *   large for memory
 * - `ERR_TOO_LARGE`: `maxPixels`, `maxFrames`, `maxResultBytes` or, for a URL, `maxBytes` is
 *   exceeded
 * - `ERR_BACKEND_MISSING`: `node-av` is not installed
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule, or the window begins after the last
 *   frame
 * @throws the signal's reason if it is aborted
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
 * Loads some frames of a video: by number, by time, every n-th, a number of them, keyframes, or
 * clips. Only the groups of pictures with these frames are decoded, each up to its last wanted
 * frame. The positions of frames come from packets, which are read but not decoded.
 *
 * The package's worker threads do all the work. Ops that already run in a worker thread call
 * `sampleVideoSync` instead.
 *
 * @returns by default uint8 `[frames, height, width, 3]`, in the requested order; with `clips`,
 *   `[clips, length, height, width, 3]`. `timestampsSec` has the times of all frames in one row
 * @throws MediaError as `loadVideo`; `ERR_BAD_OPTION` also for an index that is out of range
 * @throws the signal's reason if it is aborted
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
 * Decodes frames of a video chunk by chunk, as the caller pulls. A worker thread keeps the decoder
 * open between chunks and works two chunks ahead (more if the chunks together take less than 4 ms).
 * It closes the decoder when the loop is left. Memory does not grow with the length of the video.
 *
 * A source may also be a Node or web stream of bytes, a pipe, or a URL that is still being written.
 * It is read once, from its beginning, as fast as frames are consumed, and its format must allow
 * that: MPEG-TS, Matroska, WebM, fragmented MP4, or MP4 with its index in front. Decoding ends when
 * the stream ends, with all frames so far; when the loop is left; or when the signal is aborted.
 *
 * @returns an async generator of chunks, each as a result of `loadVideo`; all chunks together equal
 *   the result of `loadVideo`
 * @throws MediaError as `loadVideo`: for options at once, for damage after the frames before it
 * @throws the signal's reason if it is aborted
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
 * Saves pictures, `[N, H, W, 3]` and other shapes, as a video, with sound if given, in one of the
 * package's threads. The file appears whole or not at all. The same pictures give the same bytes.
 * The default codecs are those that are usual for the format: H.264 and AAC in MP4, MOV and
 * Matroska, VP9 and Opus in WebM.
 *
 * @throws MediaError with `code`: `ERR_ENCODE`, `ERR_WRITE`, `ERR_UNSUPPORTED`,
 *   `ERR_BACKEND_MISSING`, `ERR_BAD_OPTION`
 * @throws the signal's reason if it is aborted
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
 * Encodes pictures as a video in memory; `format` is FFmpeg's name, such as `'mp4'`.
 *
 * @throws MediaError as `saveVideo`
 */
export async function encodeVideo(
  array: NdArray,
  options: EncodeVideoOptions & { readonly format: string },
): Promise<Uint8Array> {
  return (await runJob(chainOps.video, videoJob(array, undefined, options), options.signal))!
}

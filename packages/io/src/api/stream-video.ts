import { fetchingOf } from '../files/url-options.ts'
import type { DTypeOf, Exactly } from '../image/image-options.ts'
import {
  checkStreamSource,
  describeStreamSource,
  type StreamSource,
} from '../streaming-input/live-source.ts'
import { type StreamVideoOptions, streamTarget } from '../video/stream-video-options.ts'
import { type VideoArray, videoArray } from '../video/video-results.ts'
import { piecesOf } from './live-pieces.ts'
import type { LoadNothing } from './load-image-sync.ts'
import { videoOps } from './video-ops.ts'
import { enterThreads, leaveThreads } from './video-threads.ts'

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
  checkStreamSource(source)
  const given: StreamVideoOptions = options ?? {}
  const target = streamTarget(given)
  const fetching = fetchingOf(given)
  const name = describeStreamSource(source)
  const ops = { file: videoOps.stream, live: videoOps.streamLive }
  return (async function* chunks() {
    enterThreads(target.threads)
    try {
      for await (const chunk of piecesOf(source, target, ops, fetching)) {
        yield videoArray(chunk, name) as unknown as VideoArray<DTypeOf<O>>
      }
    } finally {
      leaveThreads()
    }
  })()
}

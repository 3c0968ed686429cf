import type { DataOf } from '../base/array.ts'
import type { ImageDType } from '../image/pixel-format.ts'
import { checkDestination, type VideoTask } from '../video/destination.ts'
import type { SampleTarget } from '../video/sample-video-in-thread.ts'
import { type SampleVideoOptions, sampleTarget } from '../video/sample-video-options.ts'
import {
  type StreamTarget,
  type StreamVideoOptions,
  streamTarget,
} from '../video/stream-video-options.ts'
import { type LoadTarget, type LoadVideoOptions, loadTarget } from '../video/video-options.ts'
import { type VideoArray, type VideoResult, videoArray } from '../video/video-results.ts'
import type { MediaFunction } from './media-function.ts'

/** What is asked for, and the array to fill. */
interface Checked<T> {
  readonly target: T
  readonly into: DataOf[ImageDType] | undefined
}

type VideoFunction<O extends object, T> = MediaFunction<
  O,
  Checked<T>,
  Omit<VideoTask<T>, 'source'>,
  VideoResult,
  VideoArray<ImageDType>
>

/** `loadVideo` and `loadVideoSync`. */
export const videoLoading: VideoFunction<LoadVideoOptions, LoadTarget> = {
  check(options) {
    const target = loadTarget(options)
    const { into } = options
    return { target, into: into && checkDestination(into, target.image, [target.numFrames!]) }
  },
  ...filling(),
}

/** `sampleVideo` and `sampleVideoSync`. */
export const videoSampling: VideoFunction<SampleVideoOptions, SampleTarget> = {
  check: sampleTarget,
  ...filling(),
}

/** `streamVideo` and `streamVideoSync`. */
export const videoStreaming: MediaFunction<
  StreamVideoOptions,
  StreamTarget,
  { readonly target: StreamTarget },
  VideoResult,
  VideoArray<ImageDType>
> = {
  check: streamTarget,
  job: (target) => ({ target }),
  value: (chunk, _, name) => videoArray(chunk, name),
  threads: ({ threads }) => threads,
}

/** What functions that may fill an array of the caller's have in common. */
function filling<T extends { readonly threads: number }>(): Pick<
  VideoFunction<object, T>,
  'job' | 'value' | 'threads'
> {
  return {
    // Another thread fills shared memory only; what it makes elsewhere is copied.
    job: ({ target, into }, _, isPosted) => ({
      target,
      into: isPosted && !isShared(into) ? undefined : into,
    }),
    value(loaded, { into }, name) {
      const video = videoArray(loaded, name)
      if (into === undefined) return video
      if (!isShared(into) && loaded.data.buffer !== into.buffer) into.set(loaded.data as never)
      return { ...video, data: into as typeof video.data }
    },
    threads: ({ target }) => target.threads,
  }
}

function isShared(into: DataOf[ImageDType] | undefined): boolean {
  return into?.buffer instanceof SharedArrayBuffer
}

import type { AudioInfo } from '../audio/audio-info.ts'
import { withFile } from '../files/open-file.ts'
import type { SyncSource } from '../files/source.ts'
import type { VideoTask } from '../video/destination.ts'
import { inspectMedia } from '../video/inspect-media.ts'
import { loadVideoInThread } from '../video/load-video-in-thread.ts'
import { type SampleTarget, sampleVideoInThread } from '../video/sample-video-in-thread.ts'
import { streamVideoInThread } from '../video/stream-video-in-thread.ts'
import type { StreamTarget } from '../video/stream-video-options.ts'
import type { VideoInfo } from '../video/video-info.ts'
import type { LoadTarget } from '../video/video-options.ts'
import type { VideoResult } from '../video/video-results.ts'
import {
  type GeneratorOp,
  type Op,
  type SourceJob,
  type StreamJob,
  type StreamOp,
  threadGenerator,
  threadOp,
  threadStream,
} from './media-function.ts'

// The ops that the pool's threads run.

/** What `streamVideo` asks for. */
interface ChunksTask {
  readonly target: StreamTarget
}

export const load: Op<VideoTask<LoadTarget>, VideoResult> = threadOp(loadVideoInThread)
export const sample: Op<VideoTask<SampleTarget>, VideoResult> = threadOp(sampleVideoInThread)
export const stream: GeneratorOp<SourceJob<ChunksTask>, VideoResult> = threadGenerator(
  streamVideoInThread,
)
export const streamBytes: StreamOp<StreamJob<ChunksTask>, VideoResult> = threadStream(
  streamVideoInThread,
)

/** A file to look at, and what it begins with, for messages. */
export interface InspectJob {
  readonly source: SyncSource
  readonly head: string
}

export const inspect: Op<InspectJob, AudioInfo | VideoInfo> = threadOp(
  ({ source, head }: InspectJob) => withFile(source, (file) => inspectMedia(file, head)),
)

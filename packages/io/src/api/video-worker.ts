import type { StageContext } from 'spindle/worker'
import type { AudioInfo } from '../audio/audio-info.ts'
import type { Fault } from '../base/errors.ts'
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
  type SourceJob,
  type StreamJob,
  threadGenerator,
  threadOp,
  threadStream,
} from './media-function.ts'

// The ops that the pool's threads run.

export const load: (job: VideoTask<LoadTarget>, context: StageContext) => VideoResult | Fault =
  threadOp(loadVideoInThread)

export const sample: (job: VideoTask<SampleTarget>, context: StageContext) => VideoResult | Fault =
  threadOp(sampleVideoInThread)

/** What `streamVideo` asks for. */
export interface ChunksTask {
  readonly target: StreamTarget
}

export const stream: (
  job: SourceJob<ChunksTask>,
  context: StageContext,
) => Generator<VideoResult | Fault> = threadGenerator(streamVideoInThread)

export const streamBytes: (
  job: StreamJob<ChunksTask>,
  context: StageContext,
) => AsyncGenerator<VideoResult | Fault> = threadStream(streamVideoInThread)

/** A file to look at, and what it begins with, for messages. */
export interface InspectJob {
  readonly source: SyncSource
  readonly head: string
}

export const inspect: (job: InspectJob, context: StageContext) => AudioInfo | VideoInfo | Fault =
  threadOp(({ source, head }: InspectJob) => withFile(source, (file) => inspectMedia(file, head)))

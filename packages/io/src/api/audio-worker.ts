import { move } from 'spindle/worker'
import type { AudioResult } from '../audio/audio-results.ts'
import { encodeAudioInThread } from '../audio/encode-audio-in-thread.ts'
import type { EncodeAudioJob } from '../audio/encode-audio-options.ts'
import {
  type AudioTask,
  loadAudioInThread,
  streamAudioInThread,
} from '../audio/load-audio-in-thread.ts'
import type { StreamAudioTarget } from '../audio/stream-audio-options.ts'
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

type ChunksTask = AudioTask<StreamAudioTarget>

export const load: Op<SourceJob<AudioTask>, AudioResult> = threadOp(loadAudioInThread, move)
export const encode: Op<EncodeAudioJob, Uint8Array | undefined> = threadOp(
  encodeAudioInThread,
  move,
)
export const stream: GeneratorOp<SourceJob<ChunksTask>, AudioResult> = threadGenerator(
  streamAudioInThread,
  move,
)
export const streamBytes: StreamOp<StreamJob<ChunksTask>, AudioResult> = threadStream(
  streamAudioInThread,
  move,
)

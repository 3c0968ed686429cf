import { move, type StageContext } from 'spindle/worker'
import type { AudioResult } from '../audio/audio-results.ts'
import { encodeAudioInThread } from '../audio/encode-audio-in-thread.ts'
import type { EncodeAudioJob } from '../audio/encode-audio-options.ts'
import { decodePieces } from '../audio/ffmpeg/decode-audio.ts'
import { loadAudioInThread, streamAudioInThread } from '../audio/load-audio-in-thread.ts'
import type { StreamAudioTarget } from '../audio/stream-audio-options.ts'
import type { Fault } from '../base/errors.ts'
import type { AudioTask } from './audio-functions.ts'
import {
  type SourceJob,
  type StreamJob,
  threadGenerator,
  threadOp,
  threadStream,
} from './media-function.ts'

// The ops that the pool's threads run.

export const load: (job: SourceJob<AudioTask>, context: StageContext) => AudioResult | Fault =
  threadOp(loadAudioInThread, move)

export const encode: (
  job: EncodeAudioJob,
  context: StageContext,
) => Uint8Array | Fault | undefined = threadOp(encodeAudioInThread, move)

/** What `streamAudio` asks for. */
export interface ChunksTask {
  readonly target: StreamAudioTarget
}

export const stream: (
  job: SourceJob<ChunksTask>,
  context: StageContext,
) => Generator<AudioResult | Fault> = threadGenerator(streamAudioInThread, move)

export const streamBytes: (
  job: StreamJob<ChunksTask>,
  context: StageContext,
) => AsyncGenerator<AudioResult | Fault> = threadStream(
  ({ url, target }: StreamJob<ChunksTask>) =>
    decodePieces({ file: { url } }, target.audio, target.samplesPerChunk),
  move,
)

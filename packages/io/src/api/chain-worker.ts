import { move } from 'spindle/worker'
import type { AnyNdArray } from '../base/array.ts'
import {
  type DecodedFrames,
  type DecodeJob,
  type DemuxJob,
  decodeInThread,
  demuxInThread,
  type EncodeJob,
  encodeInThread,
  type FilterJob,
  type FrameChunksJob,
  filterInThread,
  framesInThread,
  type MuxJob,
  muxInThread,
  packetsInThread,
} from '../chain/chain-jobs.ts'
import type { ChunkSize } from '../chain/demux/chunks.ts'
import { encodeVideoInThread } from '../chain/video-file/encode-video-in-thread.ts'
import type { VideoJob } from '../chain/video-file/encode-video-options.ts'
import { type GeneratorOp, type Op, threadGenerator, threadOp } from './media-function.ts'

// The ops that the pool's threads run.

export const demux: Op<DemuxJob, Uint8Array> = threadOp(demuxInThread, move)
export const packets: GeneratorOp<DemuxJob & { readonly size: ChunkSize }, Uint8Array> =
  threadGenerator(packetsInThread, move)
export const decode: Op<DecodeJob, DecodedFrames | undefined> = threadOp(decodeInThread, move)
export const frames: GeneratorOp<FrameChunksJob, DecodedFrames> = threadGenerator(
  framesInThread,
  move,
)
export const filter: Op<FilterJob, [string, AnyNdArray][]> = threadOp(filterInThread, move)
export const encode: Op<EncodeJob, Uint8Array> = threadOp(encodeInThread, move)
export const mux: Op<MuxJob, Uint8Array | undefined> = threadOp(muxInThread, move)
export const video: Op<VideoJob, Uint8Array | undefined> = threadOp(encodeVideoInThread, move)

import { move } from 'spindle/worker'
import type { NdArray } from '../base/array.ts'
import { type Fault, faultOf } from '../base/errors.ts'
import type { ChunkSize } from '../chain/demux/chunks.ts'
import type { EncoderOptions } from '../chain/encode/encoder-options.ts'
import type { MuxerOptions } from '../chain/mux/muxer.ts'
import { Packets } from '../chain/packets/packets.ts'
import { encodeVideoHere } from '../chain/video-file/encode-video-in-thread.ts'
import type { VideoJob } from '../chain/video-file/encode-video-options.ts'
import {
  chunksHere,
  type DecodedFrames,
  type DecodeJob,
  type DemuxJob,
  decodeHere,
  demuxHere,
  encodeHere,
  type FramesJob,
  filterHere,
  framesHere,
  muxHere,
} from './chain-jobs.ts'

// The ops that the pool's threads run. Packets leave serialised; faults come back as data: errors
// would lose their class on the way.

/** What an op gives, or why not. */
export type Outcome<T> = { readonly made: T } | Fault

export function demux(job: DemuxJob): Outcome<Uint8Array> {
  return outcome(() => demuxHere(job).serialize())
}

export function* packets({
  job,
  size,
}: {
  job: DemuxJob
  size: ChunkSize
}): Generator<Outcome<Uint8Array>> {
  try {
    for (const chunk of chunksHere(job, size)) yield { made: move(chunk.serialize()) }
  } catch (error) {
    yield faultOf(error)
  }
}

export function decode(job: DecodeJob): Outcome<DecodedFrames | undefined> {
  return outcome(() => decodeHere(job))
}

/** A source, what becomes of its frames, and how many are given at a time. */
export interface StreamJob {
  readonly demux: DemuxJob
  readonly frames: FramesJob
  readonly framesPerChunk: number
}

export function* frames(job: StreamJob): Generator<Outcome<DecodedFrames>> {
  try {
    for (const made of framesHere(job.demux, job.frames, job.framesPerChunk))
      yield { made: move(made) }
  } catch (error) {
    yield faultOf(error)
  }
}

/** An array, a filter graph, and what the array is. */
export interface FilterJob {
  readonly array: NdArray
  readonly description: string
  readonly input: Parameters<typeof filterHere>[2]
}

export function filter({
  array,
  description,
  input,
}: FilterJob): Outcome<ReturnType<typeof filterHere>> {
  return outcome(() => filterHere(array, description, input))
}

export function encode({
  array,
  options,
}: {
  array: NdArray
  options: EncoderOptions
}): Outcome<Uint8Array> {
  return outcome(() => encodeHere(array, options).serialize())
}

/** Serialised packets of each stream, and the file to be. */
export interface MuxJob {
  readonly path: string | undefined
  readonly streams: readonly Uint8Array[]
  readonly options: MuxerOptions
}

export function mux({ path, streams, options }: MuxJob): Outcome<Uint8Array | undefined> {
  return outcome(() =>
    muxHere(
      path,
      streams.map((bytes) => Packets.view(bytes)),
      options,
    ),
  )
}

export function video(job: VideoJob): Outcome<Uint8Array | undefined> {
  return outcome(() => encodeVideoHere(job))
}

function outcome<T>(work: () => T): Outcome<T> {
  try {
    return { made: move(work()) }
  } catch (error) {
    return faultOf(error)
  }
}

import type { AnyNdArray, NdArray } from '../base/array.ts'
import { defined } from '../base/defined.ts'
import { badOption } from '../base/errors.ts'
import { loadFFmpeg } from '../ffmpeg/library.ts'
import { checkBytes, checkFrames, type Limits } from '../ffmpeg/video-limits.ts'
import type { SyncSource } from '../files/source.ts'
import { Decoder, type DecoderOptions } from './decode/decoder.ts'
import type { HardwareReport } from './decode/hardware.ts'
import type { ChunkSize } from './demux/chunks.ts'
import { Demuxer, type DemuxerOptions } from './demux/demuxer.ts'
import { Encoder } from './encode/encoder.ts'
import type { EncoderOptions } from './encode/encoder-options.ts'
import type { ChainFailure } from './failure.ts'
import { FilterGraph } from './filter/filter-graph.ts'
import { Frames } from './frames/frames.ts'
import { regroup } from './frames/regroup.ts'
import { pixelFormatNumber } from './frames/to-array.ts'
import { Muxer, type MuxerOptions } from './mux/muxer.ts'
import { Packets } from './packets/packets.ts'
import type { TimeWindow } from './time.ts'

// What the asynchronous forms do in the pool's threads, in terms of the classes. Frames stay in the
// thread; packets, serialised, and arrays leave it.

/** Which packets of a source. */
export interface DemuxJob {
  /** A web address as an object: a URL cannot be posted to a thread. */
  readonly source: Exclude<SyncSource, URL> | { readonly href: string }
  readonly options: DemuxerOptions
  readonly stream: number | 'video' | 'audio' | undefined
  readonly window: TimeWindow | undefined
}

/** Decoded frames as an array, with their times. */
export interface DecodedFrames {
  /** As `Frames.toArray` gives it. */
  readonly array: AnyNdArray
  /** When each frame is shown, in seconds; of sound, each piece. */
  readonly timesSec: Float64Array
  /** Samples a second; `undefined` for pictures. */
  readonly sampleRate: number | undefined
  /** What could not be decoded so far, with `strict: false`; the first hundred. */
  readonly failures: readonly ChainFailure[]
  readonly failureCount: number
  /** What decoded. */
  readonly hardware: HardwareReport
}

/** What becomes of decoded frames. */
export interface FramesJob {
  readonly decoder: DecoderOptions
  /** A filter graph of one input and one output. */
  readonly filter: string | undefined
  readonly pixelFormat: string | undefined
  readonly limits: Limits
}

/** Of a source, or of serialised packets. */
export interface DecodeJob extends FramesJob {
  readonly input: DemuxJob | Uint8Array
}

export function demuxInThread(job: DemuxJob): Uint8Array {
  return packetsOf(job).serialize()
}

function packetsOf({ source, options, stream, window }: DemuxJob): Packets {
  const demuxer = new Demuxer(opened(source), waiting(options))
  try {
    return demuxer.demux(defined({ stream, window }))
  } finally {
    demuxer[Symbol.dispose]()
  }
}

/** Packets of a source chunk by chunk: the container is read as they are taken. */
export function* packetsInThread({
  source,
  options,
  stream,
  size,
}: DemuxJob & { readonly size: ChunkSize }): Generator<Uint8Array> {
  const demuxer = new Demuxer(opened(source), waiting(options))
  try {
    const given = { ...size, ...defined({ stream }) }
    for (const chunk of demuxer.chunks(given)) yield chunk.serialize()
  } finally {
    demuxer[Symbol.dispose]()
  }
}

/** `undefined` where no frame is in the window. */
export function decodeInThread({ input, ...job }: DecodeJob): DecodedFrames | undefined {
  const packets = input instanceof Uint8Array ? Packets.view(input) : packetsOf(input)
  const [all] = decodedSets(parts(packets), packets.stream, job, undefined)
  return all
}

/** A source, what becomes of its frames, and how many are given at a time. */
export interface FrameChunksJob {
  readonly demux: DemuxJob
  readonly frames: FramesJob
  readonly framesPerChunk: number
}

/** Frames of a source chunk by chunk: the container is read as they are taken. */
export function* framesInThread({
  demux,
  frames: job,
  framesPerChunk,
}: FrameChunksJob): Generator<DecodedFrames> {
  const demuxer = new Demuxer(opened(demux.source), waiting(demux.options))
  try {
    const kind = demux.stream ?? (demuxer.best('video') === undefined ? 'audio' : 'video')
    const stream = typeof kind === 'number' ? demuxer.streams[kind] : demuxer.best(kind)
    const given = { stream: stream?.index ?? kind }
    const { window } = demux
    const chunks =
      window === undefined
        ? demuxer.chunks({ ...given, packetsPerChunk: PACKETS_AT_ONCE })
        : [demuxer.demux({ ...given, window })]
    if (stream !== undefined) yield* decodedSets(chunks, stream, job, framesPerChunk)
  } finally {
    demuxer[Symbol.dispose]()
  }
}

/** Of a web address, the process fetches, and knows how long to wait. */
function waiting(options: DemuxerOptions): DemuxerOptions {
  return { ...options, timeoutMs: Number.POSITIVE_INFINITY }
}

function opened(source: DemuxJob['source']): SyncSource {
  return typeof source === 'object' && 'href' in source ? new URL(source.href) : source
}

/** What is decoded at a time: a filter may leave little of it. */
function* parts(packets: Packets): Generator<Packets> {
  const { width = 1, height = 1 } = packets.stream
  const step = Math.max(1, Math.min(PACKETS_AT_ONCE, Math.floor(PIXELS_AT_ONCE / (width * height))))
  for (let at = 0; at < packets.stored; at += step) yield packets.slice(at, at + step)
}

/** Pixels that are decoded at a time. */
const PIXELS_AT_ONCE = 1 << 26

/** Packets that are read at a time where frames are streamed. */
const PACKETS_AT_ONCE = 16

/** An array, a filter graph, and what the array is. */
export interface FilterJob {
  readonly array: NdArray
  readonly description: string
  readonly input: {
    readonly frameRate?: number
    readonly pixelFormat?: string
    readonly sampleRate?: number
    readonly layout?: 'CT' | 'TC'
  }
}

/** What comes out of each output, with its label. */
export function filterInThread({ array, description, input }: FilterJob): [string, AnyNdArray][] {
  const { sampleRate, layout, frameRate, pixelFormat } = input
  const frames =
    sampleRate === undefined
      ? Frames.fromVideo(array, { frameRate: frameRate ?? 1, ...defined({ pixelFormat }) })
      : Frames.fromAudio(array, { sampleRate, ...defined({ layout }) })
  const made: Disposable[] = [frames]
  try {
    const graph = new FilterGraph(description)
    made.push(graph)
    graph.push(frames)
    graph.flush()
    const results: [string, AnyNdArray][] = []
    for (const { label } of graph.outputs) {
      const out = graph.pull(label)
      made.push(out)
      if (out.length > 0) results.push([label, out.toArray()])
    }
    return results
  } finally {
    for (const one of made.toReversed()) one[Symbol.dispose]()
  }
}

/** An array to encode into packets. */
export interface EncodeJob {
  readonly array: NdArray
  readonly options: EncoderOptions
}

export function encodeInThread({ array, options }: EncodeJob): Uint8Array {
  const encoder = new Encoder(options)
  try {
    const [begun, rest] = [encoder.encode(array), encoder.flush()]
    return Packets.join([begun, rest]).serialize()
  } finally {
    encoder[Symbol.dispose]()
  }
}

/** Serialised packets of each stream, and the file to be. */
export interface MuxJob {
  readonly path: string | undefined
  readonly streams: readonly Uint8Array[]
  readonly options: MuxerOptions
}

export function muxInThread({ path, streams: given, options }: MuxJob): Uint8Array | undefined {
  const streams = given.map((bytes) => Packets.view(bytes))
  if (streams.length === 0) throw badOption('streams', 'packets of one stream at least', streams)
  const muxer = new Muxer(path, options)
  try {
    for (const { stream } of streams) muxer.addStream(stream)
    for (const [index, packets] of streams.entries()) muxer.write(index, packets)
    return muxer.finish()
  } finally {
    muxer[Symbol.dispose]()
  }
}

function* decodedSets(
  chunks: Iterable<Packets>,
  stream: Packets['stream'],
  { decoder: options, filter, pixelFormat, limits }: FramesJob,
  framesPerChunk: number | undefined,
): Generator<DecodedFrames> {
  const decoder = new Decoder(stream, options)
  const graph = filter === undefined ? undefined : new FilterGraph(filter)
  try {
    const sets = decoder.decodeChunks(chunks)
    const made = graph === undefined ? sets : filtered(graph, sets)
    const size = framesPerChunk ?? Infinity
    for (const frames of regroup(bounded(made, size, pixelFormat, limits), size)) {
      try {
        const { failures, failureCount, hardware } = decoder
        yield {
          array: frames.toArray(defined({ pixelFormat })),
          timesSec: frames.timesSec,
          sampleRate: frames.samples > 0 ? frames.at(0).sampleRate : undefined,
          ...{ failures, failureCount, hardware },
        }
      } finally {
        frames[Symbol.dispose]()
      }
    }
  } finally {
    graph?.[Symbol.dispose]()
    decoder[Symbol.dispose]()
  }
}

/** Refuses sets that come to more than is allowed, in all or in a chunk. They are freed then. */
function* bounded(
  sets: Iterable<Frames>,
  framesPerChunk: number,
  pixelFormat: string | undefined,
  limits: Limits,
): Generator<Frames> {
  const { av } = loadFFmpeg()
  let count = 0
  let bytes = 0
  for (const frames of sets) {
    try {
      for (const { width, height, format, nbSamples, channelLayout } of frames.borrow()) {
        const isPicture = width > 0
        const wanted =
          pixelFormat === undefined ? format : pixelFormatNumber(loadFFmpeg(), pixelFormat)
        const size = (as: number): number => av.avImageGetBufferSize(as as never, width, height, 1)
        const own = isPicture
          ? Math.max(size(format), size(wanted))
          : nbSamples * channelLayout.nbChannels * av.avGetBytesPerSample(format as never)
        if (isPicture) checkFrames(++count, limits)
        bytes = count > framesPerChunk ? own * framesPerChunk : bytes + own
        checkBytes(
          bytes,
          isPicture ? `${Math.min(count, framesPerChunk)} frames or more` : 'samples',
          limits,
        )
      }
    } catch (error) {
      frames[Symbol.dispose]()
      throw error
    }
    yield frames
  }
}

function* filtered(graph: FilterGraph, sets: Iterable<Frames>): Generator<Frames> {
  for (const frames of sets) {
    try {
      graph.push(frames)
    } finally {
      frames[Symbol.dispose]()
    }
    yield graph.pull()
  }
  graph.flush()
  yield graph.pull()
}

import {
  choice,
  group,
  integer,
  number,
  type Rules,
  signal as signalRule,
  text,
} from 'spindle/options'
import { currentCall } from 'spindle/worker'
import type { AnyNdArray, NdArray } from '../base/array.ts'
import { checkSignal } from '../base/check.ts'
import { defined } from '../base/defined.ts'
import { checkNdArray } from '../base/dtypes.ts'
import { badOption, type Fault } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import type { DecodedFrames, DemuxJob, FramesJob } from '../chain/chain-jobs.ts'
import { type DecoderOptions, decoderRules } from '../chain/decode/decoder.ts'
import { type ChunkSize, chunkRules, oneSize, streamChoiceRule } from '../chain/demux/chunks.ts'
import {
  type DemuxerOptions,
  type DemuxOptions,
  demuxerOptions,
  demuxerRules,
} from '../chain/demux/demuxer.ts'
import { checkedEncoderOptions, type EncoderOptions } from '../chain/encode/encoder-options.ts'
import { checkedMuxerOptions, type MuxerOptions } from '../chain/mux/muxer.ts'
import { Packets } from '../chain/packets/packets.ts'
import { type TimeWindow, windowRule } from '../chain/time.ts'
import { limitRules, limitsOf, type VideoLimits } from '../ffmpeg/video-limits.ts'
import { localPath } from '../files/atomic-file.ts'
import { placed } from '../files/placed.ts'
import { type Fetching, fetchingOf, type UrlOptions, urlRules } from '../files/url-options.ts'
import { type LocalSource, localize } from '../streaming-input/local-source.ts'
import type { StreamSource } from '../streaming-input/stream-source.ts'
import { resultOf, runJob } from './in-pool.ts'
import { chainOps } from './ops.ts'
import { runInPool } from './pool.ts'

/** The packets to read: stream and window. */
export interface DemuxSourceOptions extends DemuxerOptions, UrlOptions {
  /**
   * Index of the stream, or the best of a kind. Default: the best video stream, or the best audio
   * stream if there is no video.
   */
  readonly stream?: number | 'video' | 'audio'
  /** `[start, end)` in seconds, in the container's own time. Default: all. */
  readonly window?: TimeWindow
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The packets to read, in chunks. */
export interface StreamPacketsOptions extends Omit<DemuxSourceOptions, 'window'>, ChunkSize {}

/** How packets are decoded, and how the frames are processed. */
export interface DecodeFramesOptions extends DecoderOptions, VideoLimits {
  /**
   * A filter graph with one input and one output, such as `filters.scale(…)` makes. Default: none.
   */
  readonly filter?: string
  /**
   * Pixel format that pictures are converted to, by FFmpeg's name, such as `'rgb24'`. Default: as
   * decoded.
   */
  readonly pixelFormat?: string
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** How a source is read and decoded. */
export interface DecodeSourceOptions extends DecodeFramesOptions, DemuxOptions, UrlOptions {
  /** How the container is opened. */
  readonly demuxer?: DemuxerOptions
}

/** How a source is decoded, and the size of a chunk. */
export interface StreamFramesOptions extends DecodeSourceOptions {
  /** Frames in an array, an integer >= 1; the last array may have fewer. Default 16. */
  readonly framesPerChunk?: number
}

/** The kind of an array that is filtered: pictures, or with `sampleRate` samples. */
export interface FilterOptions {
  /** Pictures per second. Default 1. */
  readonly frameRate?: number
  /** Pixel format, by FFmpeg's name. Default: from the shape. */
  readonly pixelFormat?: string
  /** Samples per second, for arrays of samples. Default: the array has pictures. */
  readonly sampleRate?: number
  /** Order of the axes of samples. Default `'CT'`. */
  readonly layout?: 'CT' | 'TC'
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const { timeoutMs: _, ...openingRules } = demuxerRules
const sourceRules = {
  ...openingRules,
  ...urlRules,
  stream: streamChoiceRule,
  signal: signalRule(),
}

const demuxOptions = mediaOptions('DemuxSourceOptions', {
  ...sourceRules,
  window: windowRule,
} satisfies Rules<DemuxSourceOptions>)

const packetOptions = mediaOptions(
  'StreamPacketsOptions',
  { ...sourceRules, ...chunkRules } satisfies Rules<StreamPacketsOptions>,
  oneSize,
)

const decodeRules = {
  ...decoderRules,
  ...limitRules,
  ...urlRules,
  filter: text(),
  pixelFormat: text(),
  stream: streamChoiceRule,
  window: windowRule,
  demuxer: group<DemuxerOptions>(demuxerOptions),
  signal: signalRule(),
}

const decodeOptions = mediaOptions(
  'DecodeSourceOptions',
  decodeRules satisfies Rules<DecodeSourceOptions>,
)

const frameOptions = mediaOptions('StreamFramesOptions', {
  ...decodeRules,
  framesPerChunk: integer({ min: 1, default: 16, unit: 'frames' }),
} satisfies Rules<StreamFramesOptions>)

const filterOptions = mediaOptions('FilterOptions', {
  frameRate: number({ min: 0 }),
  pixelFormat: text(),
  sampleRate: integer({ min: 1, unit: 'Hz' }),
  layout: choice(['CT', 'TC']),
  signal: signalRule(),
} satisfies Rules<FilterOptions>)

/**
 * Reads the compressed packets of one stream of a container, all or those of a window, in one of
 * the package's threads.
 *
 * @throws MediaError with `code`: `ERR_READ`; `ERR_DECODE` if the source is not a container, lacks
 *   the stream, or is damaged; `ERR_BACKEND_MISSING`; `ERR_BAD_OPTION`
 * @throws the signal's reason if it is aborted
 */
export async function demux(
  source: StreamSource,
  options: DemuxSourceOptions = {},
): Promise<Packets> {
  const caller = currentCall()
  demuxOptions.check(options)
  const at = placed(source, options)
  return loadWhole(at.source, options, fetchingOf(at.options), async (local) => {
    const job = demuxJob(local, options, openingOf(options))
    const packets = await runInPool(chainOps.demux, job, options.signal, caller)
    return Packets.view(resultOf(packets, local.name))
  })
}

/**
 * Reads the packets of one stream of a container chunk by chunk, as the caller takes them.
 *
 * @throws as `demux`
 */
export async function* streamPackets(
  source: StreamSource,
  options: StreamPacketsOptions,
): AsyncGenerator<Packets> {
  const caller = currentCall()
  const { signal, packetsPerChunk, durationSec } = packetOptions.check(options)
  const size = defined({ packetsPerChunk, durationSec })
  const at = placed(source, options)
  yield* chunksOf(at.source, fetchingOf(at.options), Packets.view, (local) => {
    const job = { ...demuxJob(local, options, openingOf(options)), size }
    return runInPool(chainOps.packets, job, signal, caller)
  })
}

/**
 * Decodes packets, or one stream of a container, into one array, in one of the package's threads.
 * `undefined` if no frame is in the window. Memory: all frames, twice for a moment.
 *
 * @throws MediaError as `demux`; if strict, `ERR_DECODE` for packets that cannot be decoded
 */
export async function decode(
  input: StreamSource | Packets,
  options: DecodeSourceOptions = {},
): Promise<DecodedFrames | undefined> {
  const caller = currentCall()
  decodeOptions.check(options)
  const { frames, demuxer, signal } = decodeJob(options)
  if (input instanceof Packets) {
    const name = input.source ?? 'packets'
    const job = { ...frames, input: input.serialize() }
    return resultOf(await runInPool(chainOps.decode, job, signal), name)
  }
  const at = placed(input, options)
  return loadWhole(at.source, options, fetchingFor(at.options), async (local) => {
    const job = { ...frames, input: demuxJob(local, options, demuxer) }
    return resultOf(await runInPool(chainOps.decode, job, signal, caller), local.name)
  })
}

/**
 * Decodes one stream of a container, `framesPerChunk` frames at a time, as the caller takes them.
 *
 * @throws as `decode`
 */
export async function* streamFrames(
  source: StreamSource,
  options: StreamFramesOptions = {},
): AsyncGenerator<DecodedFrames> {
  const caller = currentCall()
  const { framesPerChunk } = frameOptions.check(options)
  const { frames, demuxer, signal } = decodeJob(options)
  const at = placed(source, options)
  yield* chunksOf(at.source, fetchingFor(at.options), unchanged<DecodedFrames>, (local) => {
    const job = { demux: demuxJob(local, options, demuxer), frames, framesPerChunk }
    return runInPool(chainOps.frames, job, signal, caller)
  })
}

/**
 * Sends an array through a filter graph with one input, in one of the package's threads. Returns
 * the array of each output by its label, `out` without one.
 *
 * @throws MediaError `ERR_BAD_OPTION` if the graph or its filters refuse something,
 *   `ERR_BACKEND_MISSING`
 */
export async function filter(
  array: NdArray,
  description: string,
  options: FilterOptions = {},
): Promise<Record<string, AnyNdArray>> {
  checkNdArray(array, 'array')
  filterOptions.check(options)
  const { signal, ...input } = options
  return Object.fromEntries(await runJob(chainOps.filter, { array, description, input }, signal))
}

/**
 * Encodes an array into packets, in one of the package's threads.
 *
 * @throws MediaError `ERR_ENCODE`, `ERR_UNSUPPORTED`, `ERR_BAD_OPTION`
 */
export async function encode(
  array: NdArray,
  options: EncoderOptions & { readonly signal?: AbortSignal },
): Promise<Packets> {
  checkNdArray(array, 'array')
  const { signal, ...rest } = options
  checkSignal(signal)
  const job = { array, options: checkedEncoderOptions(rest) }
  return Packets.view(await runJob(chainOps.encode, job, signal))
}

/**
 * Writes packets of one or several streams into a container without decoding, in one of the
 * package's threads.
 *
 * @param path path of the file; `undefined` returns the bytes, and needs `format`
 * @throws MediaError `ERR_WRITE`, `ERR_BAD_OPTION`
 */
export async function mux(
  path: string | URL | undefined,
  streams: readonly Packets[],
  options: MuxerOptions & { readonly signal?: AbortSignal } = {},
): Promise<Uint8Array | undefined> {
  const to = path === undefined ? undefined : localPath(path)
  const isPackets =
    Array.isArray(streams) && streams.length > 0 && streams.every((one) => one instanceof Packets)
  if (!isPackets) throw badOption('streams', 'an array of Packets', streams)
  const { signal, ...rest } = options
  checkSignal(signal)
  const packets = streams.map((one) => one.serialize())
  const job = { path: to, streams: packets, options: checkedMuxerOptions(rest) }
  return runJob(chainOps.mux, job, signal)
}

/** Largest number of bytes that are fetched if the result is one array. */
const WHOLE_BYTES = 2 ** 30

function fetchingFor({ demuxer = {}, ...options }: DecodeSourceOptions): Fetching {
  const { timeoutMs } = demuxer
  return fetchingOf(timeoutMs === undefined ? options : { timeoutMs, ...options })
}

function openingOf({ format, formatOptions, probe, strict, name }: DemuxerOptions): DemuxerOptions {
  return defined({ format, formatOptions, probe, strict, name })
}

/** Has a thread work on all of a source. */
async function loadWhole<T>(
  source: StreamSource,
  { signal }: Pick<DemuxSourceOptions, 'signal'>,
  fetching: Fetching,
  work: (local: LocalSource) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const local = await localize(source, { maxBytes: WHOLE_BYTES, ...fetching })
  try {
    return await work(local)
  } catch (error) {
    signal?.throwIfAborted()
    throw local.failure() ?? error
  } finally {
    await local.release()
  }
}

/** Yields the chunks that a thread makes from a source. */
async function* chunksOf<R, V>(
  source: StreamSource,
  fetching: Fetching,
  value: (raw: R) => V,
  begin: (local: LocalSource) => Promise<unknown>,
): AsyncGenerator<V> {
  const local = await localize(source, fetching)
  try {
    for await (const outcome of (await begin(local)) as AsyncIterable<R | Fault>)
      yield value(resultOf(outcome, local.name))
  } catch (error) {
    throw local.failure() ?? error
  } finally {
    await local.release()
  }
}

function demuxJob(
  { source, name }: LocalSource,
  { stream, window }: DemuxOptions,
  options: DemuxerOptions,
): DemuxJob {
  const posted = source instanceof URL ? { href: source.href } : source
  return { source: posted, options: { name, ...options }, stream, window }
}

/** What a thread is told of decoding. */
function decodeJob(options: DecodeSourceOptions): {
  readonly frames: FramesJob
  readonly demuxer: DemuxerOptions
  readonly signal: AbortSignal | undefined
} {
  const { filter, pixelFormat, signal, demuxer, maxPixels } = options
  const { strict, threads, decoder, decoderOptions, hardware } = options
  const given = { strict, threads, decoder, decoderOptions, hardware, maxPixels }
  return {
    frames: { decoder: defined(given), filter, pixelFormat, limits: limitsOf(options) },
    demuxer: { ...defined({ strict }), ...demuxer },
    signal,
  }
}

function unchanged<T>(value: T): T {
  return value
}

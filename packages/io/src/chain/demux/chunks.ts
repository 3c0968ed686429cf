import { integer, is, type Options, type Rule, type Rules, type RulesOf } from 'spindle/options'
import { mediaOptions } from '../../base/options.ts'
import type { PacketData } from '../packets/blob.ts'
import { Packets } from '../packets/packets.ts'
import type { StreamInfo } from '../stream-info.ts'
import { secondsOfTick } from '../time.ts'

/** Size of a chunk: exactly one of the two options is given. */
export interface ChunkSize {
  /** Packets in a chunk, an integer >= 1: a chunk ends when any of its streams has this number. */
  readonly packetsPerChunk?: number
  /**
   * Duration of a chunk in seconds, > 0: it ends before the first packet that is this much later
   * than the chunk's first.
   */
  readonly durationSec?: number
}

/** The packets of one stream, in chunks. */
export interface ChunkOptions extends ChunkSize {
  /**
   * Index of the stream, or the best of a kind. Default: the best video stream, or the best audio
   * stream if there is no video.
   */
  readonly stream?: number | 'video' | 'audio'
}

/** The packets of several streams, in chunks. */
export interface ManyChunkOptions extends ChunkSize {
  /** Indices of the streams. Default: all video and audio streams. */
  readonly streams?: readonly number[]
}

/** The rule of `stream`. */
export const streamChoiceRule: Rule<number | 'video' | 'audio', 'maybe'> = is(
  "the index of a stream, 'video' or 'audio'",
  (value) => Number.isInteger(value) || value === 'video' || value === 'audio',
)

/** The rule of `streams`. */
export const streamsRule: Rule<readonly number[], 'maybe'> = is(
  'an array of different indices',
  (value) => Array.isArray(value) && value.length > 0 && new Set(value).size === value.length,
)

/** The rules of {@link ChunkSize}. */
export const chunkRules: RulesOf<ChunkSize> = {
  packetsPerChunk: integer({ min: 1, unit: 'packets' }),
  durationSec: is('a number > 0', (value) => typeof value === 'number' && value > 0),
}

/** Exactly one of the two is given. */
export function oneSize({
  packetsPerChunk,
  durationSec,
}: {
  readonly [N in keyof ChunkSize]: ChunkSize[N] | undefined
}): readonly ['packetsPerChunk', string] | undefined {
  return (packetsPerChunk === undefined) === (durationSec === undefined)
    ? ['packetsPerChunk', 'given, or `durationSec`, and not both']
    : undefined
}

/** The declarations of {@link ChunkOptions} and {@link ManyChunkOptions}. */
export const chunkOptions: Options<Rules<ChunkOptions>> = mediaOptions(
  'ChunkOptions',
  { stream: streamChoiceRule, ...chunkRules },
  oneSize,
)
export const manyChunkOptions: Options<Rules<ManyChunkOptions>> = mediaOptions(
  'ManyChunkOptions',
  { streams: streamsRule, ...chunkRules },
  oneSize,
)

/**
 * Divides packets into chunks; each chunk has those of each stream. The last chunk may be shorter;
 * none is empty.
 */
export function* chunksOf(
  packets: Iterable<{ readonly index: number; readonly data: PacketData }>,
  streams: readonly StreamInfo[],
  {
    packetsPerChunk = Infinity,
    durationSec = Infinity,
  }: { readonly [N in keyof ChunkSize]: ChunkSize[N] | undefined },
  source: string,
): Generator<Packets[]> {
  let gathered = new Map<number, PacketData[]>()
  let beganAt: number | undefined
  const finish = (): Packets[] => {
    const chunk = streams.map((stream) =>
      Packets.of({ stream, window: undefined, source }, gathered.get(stream.index) ?? []),
    )
    gathered = new Map()
    beganAt = undefined
    return chunk
  }
  for (const { index, data } of packets) {
    const tick = data.dts ?? data.pts
    const time =
      tick === undefined
        ? undefined
        : secondsOfTick(tick, streams.find((one) => one.index === index)!.timeBase)
    if (time !== undefined && beganAt !== undefined && time - beganAt >= durationSec) yield finish()
    beganAt ??= time
    const list = gathered.get(index) ?? []
    gathered.set(index, list)
    list.push(data)
    if (list.length >= packetsPerChunk) yield finish()
  }
  if (gathered.size > 0) yield finish()
}

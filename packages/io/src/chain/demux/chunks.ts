import { badOption } from '../../base/errors.ts'
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

/** @throws MediaError `ERR_BAD_OPTION` unless exactly one is given, and positive */
export function sizeOfChunks({ packetsPerChunk, durationSec }: ChunkSize): ChunkSize {
  if ((packetsPerChunk === undefined) === (durationSec === undefined)) {
    throw badOption('packetsPerChunk', 'given, or `durationSec`, and not both', packetsPerChunk)
  }
  if (packetsPerChunk !== undefined) {
    if (!Number.isSafeInteger(packetsPerChunk) || packetsPerChunk < 1) {
      throw badOption('packetsPerChunk', 'an integer >= 1', packetsPerChunk)
    }
    return { packetsPerChunk }
  }
  if (typeof durationSec !== 'number' || !(durationSec > 0))
    throw badOption('durationSec', 'a number > 0', durationSec)
  return { durationSec }
}

/**
 * Divides packets into chunks; each chunk has those of each stream. The last chunk may be shorter;
 * none is empty.
 */
export function* chunksOf(
  packets: Iterable<{ readonly index: number; readonly data: PacketData }>,
  streams: readonly StreamInfo[],
  { packetsPerChunk = Infinity, durationSec = Infinity }: ChunkSize,
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

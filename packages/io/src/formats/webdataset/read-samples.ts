import { openRangeReader } from '../../files/open-reader.ts'
import type { OpenReader } from '../../files/reader.ts'
import { describeSource } from '../../files/source.ts'
import { largeSample, type Sample } from './group-by-key.ts'
import type { Shard } from './shard.ts'
import type { EpochOrder } from './shard-order.ts'
import type { WebDatasetPlan } from './web-dataset-options.ts'

const FILE_AHEAD_BYTES = 1024 * 1024
const NETWORK_AHEAD_BYTES = 8 * 1024 * 1024
/** Smallest limit of shards that are open at a time. */
const MIN_OPEN = 16

/** The samples at `positions`. */
export async function* readSamples(
  shards: readonly Shard[],
  order: EpochOrder,
  positions: Iterable<number>,
  { interleave, maxSampleBytes, fetching }: WebDatasetPlan,
): AsyncGenerator<Sample, void, void> {
  const open = new Map<number, OpenShard>()
  try {
    for (const position of positions) {
      fetching.signal?.throwIfAborted()
      const { shard, sample } = order.at(position)
      let reader = open.get(shard)
      // The least recently used shard is the first.
      open.delete(shard)
      if (reader === undefined && open.size >= Math.max(MIN_OPEN, interleave)) {
        const [[oldest, unused]] = open as Iterable<[number, OpenShard]> as [[number, OpenShard]]
        open.delete(oldest)
        await unused.close()
      }
      reader ??= await OpenShard.open(shards[shard]!)
      open.set(shard, reader)
      yield await reader.read(sample, maxSampleBytes)
    }
  } finally {
    for (const reader of open.values()) await reader.close()
  }
}

/** An open shard, and the bytes that were read from it. */
class OpenShard {
  private readonly shard: Shard
  private readonly reader: OpenReader
  private readonly aheadBytes: number
  /** The last bytes that were read. Their memory is reused, so samples are copies. */
  private bytes: Uint8Array = new Uint8Array(0)
  private memory: Uint8Array = new Uint8Array(0)
  private offset = 0
  /** Number of the last sample. */
  private last = -1

  static async open(shard: Shard): Promise<OpenShard> {
    const { fetching } = shard
    const isRemote = shard.place instanceof URL && shard.place.protocol !== 'file:'
    const reader = await openRangeReader(shard.place, fetching)
    return new OpenShard(shard, reader, isRemote ? NETWORK_AHEAD_BYTES : FILE_AHEAD_BYTES)
  }

  private constructor(shard: Shard, reader: OpenReader, aheadBytes: number) {
    this.shard = shard
    this.reader = reader
    this.aheadBytes = aheadBytes
  }

  async read(sample: number, maxBytes: number): Promise<Sample> {
    const { keys, firsts, offsets, sizes, extensions } = this.shard
    const [first, end] = [firsts[sample]!, firsts[sample + 1]!]
    const files = new Map<string, Uint8Array>()
    let from = Number.POSITIVE_INFINITY
    let to = 0
    let bytes = 0
    for (let file = first; file < end; file++) {
      // Empty files need no read. The data of a link are elsewhere; reading them together with the
      // others would read everything between.
      if (sizes[file] === 0) continue
      from = Math.min(from, offsets[file]!)
      to = Math.max(to, offsets[file]! + sizes[file]!)
      bytes += sizes[file]!
    }
    // Links may repeat data, or point far away.
    if (Math.max(bytes, to - from) > maxBytes)
      throw largeSample(describeSource(this.shard.place), keys[sample]!, maxBytes)
    if (from < to) await this.load(from, to, sample === this.last + 1)
    this.last = sample
    for (let file = first; file < end; file++) {
      const start = offsets[file]! - this.offset
      // Each file has its own memory, so that it can be transferred or kept alone.
      files.set(
        extensions[file]!,
        sizes[file] === 0 ? new Uint8Array(0) : this.bytes.slice(start, start + sizes[file]!),
      )
    }
    return { __key__: keys[sample]!, files: Object.fromEntries(files) }
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  /** Loads the bytes `from`..`to` of the shard into `bytes`. */
  private async load(from: number, to: number, isNext: boolean): Promise<void> {
    if (from >= this.offset && to <= this.offset + this.bytes.length) return
    const end = isNext ? Math.min(this.reader.size, Math.max(to, from + this.aheadBytes)) : to
    // The old bytes are invalid while they are overwritten.
    const { memory, reader } = this
    const length = end - from
    this.bytes = NOTHING
    const bytes =
      memory.length >= length && reader.readInto !== undefined
        ? await reader.readInto(from, memory.subarray(0, length))
        : await reader.read(from, length)
    // Not a Buffer, whose `slice` is a view.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = from
    if (this.bytes.byteOffset === 0 && this.bytes.buffer.byteLength <= this.aheadBytes)
      this.memory = new Uint8Array(this.bytes.buffer)
  }
}

const NOTHING = new Uint8Array(0)

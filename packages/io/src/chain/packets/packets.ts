import { viewOfBytes } from '../../base/dtypes.ts'
import { badOption, MediaError } from '../../base/errors.ts'
import type { StreamInfo } from '../stream-info.ts'
import { isWithin, secondsOfTick, type TimeWindow, ticksOf } from '../time.ts'
import {
  type BlobHead,
  type OpenBlob,
  openBlob,
  type PacketData,
  type PacketTimes,
  readRecord,
  readTimes,
  type SideData,
  writeBlob,
} from './blob.ts'

/** FFmpeg's `AV_PKT_FLAG_KEY`. */
const KEY_FLAG = 1
/** FFmpeg's `AV_PKT_FLAG_CORRUPT`. */
const CORRUPT_FLAG = 2
/** FFmpeg's `AV_PKT_FLAG_DISCARD`. */
const DISCARD_FLAG = 4

/**
 * A piece of the compressed stream, usually one picture. Its bytes are views of the packets'
 * memory.
 */
export interface Packet {
  /** Presentation time, in ticks of the stream's time base. */
  readonly pts: bigint | undefined
  /** Decoding time; packets are stored in this order. */
  readonly dts: bigint | undefined
  /** Duration in ticks; 0 if unknown. */
  readonly duration: bigint
  /** Presentation time in seconds; `undefined` if unknown. */
  readonly timeSec: number | undefined
  /** Whether decoding can begin here, according to the container. */
  readonly isKeyframe: boolean
  /** Whether the container found it damaged or truncated. */
  readonly isCorrupt: boolean
  /** Whether it is decoded but not shown, because an edit list of the container removes it. */
  readonly isDiscarded: boolean
  /** FFmpeg's flags. */
  readonly flags: number
  /** The compressed data. */
  readonly data: Uint8Array
  /** Data besides the compressed data. */
  readonly sideData: readonly SideData[]
}

/**
 * Compressed packets of one stream, in decoding order. They are immutable and in one piece of
 * JavaScript memory, so nothing needs to be freed. `serialize()` returns that piece for another
 * thread or process, where `Packets.view()` reads it in place.
 *
 * With a window, they hold more than the window: from the keyframe before, on which its pictures
 * depend, to the last packet that they may need. `length` and the time stamps are those of the
 * window, and so are the frames of a decoder; `stored` counts all packets.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { Decoder, Demuxer, Frames, Packets } from '@spindle/io/media'
 * import { saveVideoSync } from '@spindle/io/sync'
 *
 * const clip = { data: new Uint8Array(50 * 32 * 32 * 3), dtype: 'uint8', shape: [50, 32, 32, 3] } as const
 * const path = `${process.env.TMPDIR ?? '/tmp'}/packets-${process.pid}.mp4`
 * saveVideoSync(path, clip, { frameRate: 25 })
 * const demuxer = new Demuxer(path)
 * const packets = demuxer.demux({ window: [1, 1.4] })
 * assert.equal(packets.length, 10)
 * demuxer[Symbol.dispose]()
 *
 * const there = Packets.view(packets.serialize()) // in another thread
 * const decoder = new Decoder(there.stream)
 * const frames = decoder.decode(there)
 * assert.equal(frames.length, 10)
 * frames[Symbol.dispose]()
 * decoder[Symbol.dispose]()
 * ```
 */
export class Packets implements Iterable<Packet>, Disposable {
  #blob: OpenBlob | undefined
  readonly #head: BlobHead
  /** Indices of these packets in the blob; `undefined` for all. */
  readonly #chosen: readonly number[] | undefined
  #inWindow: readonly number[] | undefined

  /** @internal Made by demuxers, encoders and filters, or by {@link Packets.view}. */
  private constructor(blob: OpenBlob, head: BlobHead, chosen: readonly number[] | undefined) {
    this.#blob = blob
    this.#head = head
    this.#chosen = chosen
  }

  /** Copies packets of a stream into new memory. */
  static of(head: BlobHead, packets: readonly PacketData[]): Packets {
    const blob = openBlob(writeBlob(head, packets, false))
    return new Packets(blob, head, undefined)
  }

  /**
   * Joins packets of one stream in new memory.
   *
   * @throws MediaError `ERR_BAD_OPTION` for an empty list, and for different codecs
   */
  static join(parts: readonly Packets[]): Packets {
    const last = parts.at(-1)
    const isOne = parts.every(
      ({ stream }) => stream.parameters.codecId === last?.stream.parameters.codecId,
    )
    if (last === undefined || !isOne)
      throw badOption('parts', 'packets of one codec', `${parts.length} parts`)
    return Packets.of(
      last.#head,
      parts.flatMap((part) => part.#data()),
    )
  }

  /**
   * Reads serialised packets in place: in memory from another thread, in shared memory, or read
   * from a pipe. The memory must not change while they are used.
   *
   * @throws MediaError `ERR_DECODE` if they are damaged or of another version of this package,
   *   `ERR_BAD_OPTION` for anything but bytes
   */
  static view(bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer): Packets {
    const blob = openBlob(viewOfBytes(bytes))
    return new Packets(blob, blob.head, undefined)
  }

  /** Description of their stream. */
  get stream(): StreamInfo {
    return this.#head.stream
  }

  /** The requested window. */
  get window(): TimeWindow | undefined {
    return this.#head.window
  }

  /** The source in messages: a path, a URL, or a number of bytes. */
  get source(): string | undefined {
    return this.#head.source
  }

  /** Number of packets in the window; all without a window. */
  get length(): number {
    return this.#windowed().length
  }

  /** Number of all packets, including those that only decoding needs. */
  get stored(): number {
    return this.#chosen?.length ?? this.#open().count
  }

  /** Size of the compressed data, in bytes. */
  get byteLength(): number {
    let sum = 0
    for (const { data } of this) sum += data.length
    return sum
  }

  /**
   * Time stamps in the window, in ticks, sorted as decoding gives them. Packets without one are
   * left out.
   */
  get pts(): BigInt64Array {
    const blob = this.#open()
    const found = this.#windowed().map((record) => shownAt(readTimes(blob, record)))
    return BigInt64Array.from(found.filter((tick) => tick !== undefined)).sort()
  }

  /** Time stamps in the window, in seconds. */
  get timesSec(): Float64Array {
    return Float64Array.from(this.pts, (tick) => secondsOfTick(tick, this.stream.timeBase))
  }

  /**
   * A stored packet by its index in decoding order; a negative index counts from the end.
   *
   * @throws MediaError `ERR_BAD_OPTION`
   */
  at(index: number): Packet {
    const from = index < 0 ? index + this.stored : index
    if (!Number.isInteger(from) || from < 0 || from >= this.stored) {
      throw badOption('index', `an integer from ${-this.stored} to ${this.stored - 1}`, index)
    }
    return this.#packet(this.#chosen?.[from] ?? from)
  }

  /** All stored packets, in decoding order. */
  *[Symbol.iterator](): Iterator<Packet> {
    for (let i = 0; i < this.stored; i++) yield this.#packet(this.#chosen?.[i] ?? i)
  }

  /**
   * Stored packets from `start` to before `end`, as in `Array.prototype.slice`. They share this
   * memory.
   */
  slice(start?: number, end?: number): Packets {
    const all = this.#chosen ?? Array.from({ length: this.stored }, (_, i) => i)
    return new Packets(this.#open(), this.#head, all.slice(start, end))
  }

  /** The same packets with another window; `undefined` for all. They share this memory. */
  within(window: TimeWindow | undefined): Packets {
    return new Packets(this.#open(), { ...this.#head, window }, this.#chosen)
  }

  /** The same packets in new memory; a viewed memory may be released then. */
  clone(): Packets {
    return Packets.of(this.#head, this.#data())
  }

  /**
   * The packets as one piece of bytes, for `Packets.view()` in another thread or process on this
   * machine with this version of the package. It is no format for storage. Memory that holds only
   * these packets is returned without a copy. To post it with a transfer list, it must come from
   * `clone()`, or use `shared`.
   *
   * @param options `shared` puts them in a SharedArrayBuffer, which any number of threads can view.
   *   Default false
   */
  serialize(options: { readonly shared?: boolean } = {}): Uint8Array {
    const { shared = false } = options
    const { bytes, head } = this.#open()
    const isAll =
      this.#chosen === undefined &&
      head === this.#head &&
      bytes.buffer instanceof SharedArrayBuffer === shared
    return isAll ? bytes : writeBlob(this.#head, this.#data(), shared)
  }

  /** Releases the memory; later use is an error. Optional. */
  [Symbol.dispose](): void {
    this.#blob = undefined
  }

  toString(): string {
    const { codec, kind } = this.stream
    const window = this.window === undefined ? '' : `, ${this.length} in the window`
    return `Packets(${this.stored} of ${kind} ${codec}${window}, from ${this.source ?? 'an encoder'})`
  }

  #packet(record: number): Packet {
    const { pts, dts, duration, flags, data, sideData } = readRecord(this.#open(), record)
    return {
      pts,
      dts,
      duration,
      timeSec: pts === undefined ? undefined : secondsOfTick(pts, this.stream.timeBase),
      isKeyframe: (flags & KEY_FLAG) !== 0,
      isCorrupt: (flags & CORRUPT_FLAG) !== 0,
      isDiscarded: (flags & DISCARD_FLAG) !== 0,
      flags,
      data,
      sideData,
    }
  }

  #data(): PacketData[] {
    const blob = this.#open()
    const records = this.#chosen ?? Array.from({ length: blob.count }, (_, i) => i)
    return records.map((record) => readRecord(blob, record))
  }

  #windowed(): readonly number[] {
    const blob = this.#open()
    if (this.#inWindow !== undefined) return this.#inWindow
    const all = this.#chosen ?? Array.from({ length: blob.count }, (_, i) => i)
    const window = this.window && ticksOf(this.window, this.stream.timeBase)
    this.#inWindow = all.filter((record) => {
      const times = readTimes(blob, record)
      if ((times.flags & DISCARD_FLAG) !== 0) return false
      const tick = shownAt(times)
      return window === undefined || (tick !== undefined && isWithin(tick, window))
    })
    return this.#inWindow
  }

  #open(): OpenBlob {
    if (this.#blob === undefined) {
      throw new MediaError(
        'ERR_BAD_STATE',
        'these Packets were disposed of and cannot be used any more',
      )
    }
    return this.#blob
  }
}

/** Presentation time of a packet, as far as known. */
function shownAt({ pts, dts }: PacketTimes): bigint | undefined {
  return pts ?? dts
}

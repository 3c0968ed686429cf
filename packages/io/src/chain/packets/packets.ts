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
 * A piece of the compressed stream, most often one picture. Its bytes are views of the packets'
 * memory.
 */
export interface Packet {
  /** When it is shown, in ticks of the stream's time base. */
  readonly pts: bigint | undefined
  /** When it is decoded: packets are stored in this order. */
  readonly dts: bigint | undefined
  readonly duration: bigint
  readonly timeSec: number | undefined
  readonly isKeyframe: boolean
  /** Whether the container saw that it is damaged or cut off. */
  readonly isCorrupt: boolean
  /** Whether it is decoded, but not shown: an edit list of the container has cut it out. */
  readonly isDiscarded: boolean
  /** FFmpeg's flags. */
  readonly flags: number
  readonly data: Uint8Array
  readonly sideData: readonly SideData[]
}

/**
 * Packets of one stream, still compressed, in the order in which they are decoded. They are a value
 * that never changes and lie in one piece of memory of JavaScript's: nothing needs to be freed, and
 * the piece (`serialize()`) goes to another thread or process, where `Packets.view()` reads it
 * where it lies.
 *
 * With a window they hold more than is in it: from the keyframe before, on which the pictures in
 * the window are built, to the last packet that they may need. `length` and the time stamps are
 * those of the window, and so is what a decoder gives; `stored` counts all.
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
  /** Which packets of the blob these are; `undefined` for all. */
  readonly #chosen: readonly number[] | undefined
  #inWindow: readonly number[] | undefined

  /** @internal Made by demuxers, encoders and filters, or by {@link Packets.view}. */
  private constructor(blob: OpenBlob, head: BlobHead, chosen: readonly number[] | undefined) {
    this.#blob = blob
    this.#head = head
    this.#chosen = chosen
  }

  /** Packets of a stream, copied into memory of their own. */
  static of(head: BlobHead, packets: readonly PacketData[]): Packets {
    const blob = openBlob(writeBlob(head, packets, false))
    return new Packets(blob, head, undefined)
  }

  /**
   * Packets of one stream, one after the other, in memory of their own. @throws MediaError
   * `ERR_BAD_OPTION` for none, and for different codecs
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
   * Serialised packets, read where they lie: in memory that came from another thread, is shared
   * with it, or was read from a pipe. The memory must not be changed as long as they are used.
   *
   * @throws MediaError `ERR_DECODE` where they are damaged or of another version of this package,
   *   `ERR_BAD_OPTION` for anything but bytes
   */
  static view(bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer): Packets {
    const blob = openBlob(viewOfBytes(bytes))
    return new Packets(blob, blob.head, undefined)
  }

  /** What they are packets of. */
  get stream(): StreamInfo {
    return this.#head.stream
  }

  /** The window that was asked for. */
  get window(): TimeWindow | undefined {
    return this.#head.window
  }

  /** What they were read from: a path, a URL, a number of bytes. */
  get source(): string | undefined {
    return this.#head.source
  }

  /** How many are in the window; all where there is none. */
  get length(): number {
    return this.#windowed().length
  }

  /** How many there are, with those that only decoding needs. */
  get stored(): number {
    return this.#chosen?.length ?? this.#open().count
  }

  /** Bytes of the compressed data. */
  get byteLength(): number {
    let sum = 0
    for (const { data } of this) sum += data.length
    return sum
  }

  /**
   * Time stamps in the window in ticks, sorted: what decoding gives. Those that have none are left
   * out.
   */
  get pts(): BigInt64Array {
    const blob = this.#open()
    const found = this.#windowed().map((record) => shownAt(readTimes(blob, record)))
    return BigInt64Array.from(found.filter((tick) => tick !== undefined)).sort()
  }

  /** The same in seconds. */
  get timesSec(): Float64Array {
    return Float64Array.from(this.pts, (tick) => secondsOfTick(tick, this.stream.timeBase))
  }

  /**
   * A stored packet, by its place in the order of decoding; negative from the end. @throws
   * MediaError `ERR_BAD_OPTION`
   */
  at(index: number): Packet {
    const from = index < 0 ? index + this.stored : index
    if (!Number.isInteger(from) || from < 0 || from >= this.stored) {
      throw badOption('index', `an integer from ${-this.stored} to ${this.stored - 1}`, index)
    }
    return this.#packet(this.#chosen?.[from] ?? from)
  }

  /** All that are stored, in the order of decoding. */
  *[Symbol.iterator](): Iterator<Packet> {
    for (let i = 0; i < this.stored; i++) yield this.#packet(this.#chosen?.[i] ?? i)
  }

  /**
   * Stored packets from one place to before another, as `Array.prototype.slice` counts. They share
   * this memory.
   */
  slice(start?: number, end?: number): Packets {
    const all = this.#chosen ?? Array.from({ length: this.stored }, (_, i) => i)
    return new Packets(this.#open(), this.#head, all.slice(start, end))
  }

  /**
   * The same packets, of which another window is asked for; `undefined` for all. They share this
   * memory.
   */
  within(window: TimeWindow | undefined): Packets {
    return new Packets(this.#open(), { ...this.#head, window }, this.#chosen)
  }

  /** The same packets in memory of their own: what was a view may be thrown away. */
  clone(): Packets {
    return Packets.of(this.#head, this.#data())
  }

  /**
   * The packets as one piece of bytes, for `Packets.view()` in another thread or process on this
   * machine with this version of the package; it is no format for storage. Memory that holds only
   * these packets already is given as it is, not copied: to be posted with a transfer list it must
   * be a clone's, or `shared`.
   *
   * @param options `shared` puts them in a SharedArrayBuffer, which any number of threads can view
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

  /** Lets go of the memory; using them from now on is an error. Not needed otherwise. */
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

/** When a packet is shown, as well as it is known. */
function shownAt({ pts, dts }: PacketTimes): bigint | undefined {
  return pts ?? dts
}

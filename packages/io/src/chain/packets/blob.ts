import { MediaError } from '../../base/errors.ts'
import type { StreamInfo } from '../stream-info.ts'
import type { TimeWindow } from '../time.ts'

// Layout of packets in memory, little-endian: a head of 64 bytes, the description of the stream as
// JSON, a record of 64 bytes for each packet, then their bytes. All parts are aligned to 64 bytes.
// At least 64 zeros follow each packet, because decoders read too far.

/** "SPKT". */
const MAGIC = 0x54_4b_50_53
const VERSION = 1
export const ALIGNMENT = 64
const HEAD_BYTES = 64
const RECORD_BYTES = 64

/** FFmpeg's value for no time stamp. */
export const NO_TIME: bigint = -(2n ** 63n)

/** The common data of all packets in a blob. */
export interface BlobHead {
  readonly stream: StreamInfo
  readonly window: TimeWindow | undefined
  /** The source of the packets, for messages. */
  readonly source: string | undefined
}

/** Time stamps in ticks, `undefined` if missing, and FFmpeg's flags. */
export interface PacketTimes {
  readonly pts: bigint | undefined
  readonly dts: bigint | undefined
  readonly flags: number
}

/** One packet and its bytes. */
export interface PacketData extends PacketTimes {
  readonly duration: bigint
  readonly data: Uint8Array
  readonly sideData: readonly SideData[]
}

/**
 * Data of a packet besides its bytes, such as samples to skip or a new palette. The type is
 * FFmpeg's number.
 */
export interface SideData {
  /** FFmpeg's number of the type. */
  readonly type: number
  readonly data: Uint8Array
}

/** An open blob, in which packets can be looked up. */
export interface OpenBlob {
  readonly head: BlobHead
  readonly bytes: Uint8Array
  readonly count: number
  readonly records: number
}

/** Copies packets into new memory; with `shared`, into memory that threads can share. */
export function writeBlob(
  head: BlobHead,
  packets: readonly PacketData[],
  isShared: boolean,
): Uint8Array {
  const json = Buffer.from(JSON.stringify(head, toJson))
  const records = align(HEAD_BYTES + json.length)
  let end = records + packets.length * RECORD_BYTES
  const places = packets.map(({ data, sideData }) => {
    const offset = end
    end = align(end + data.length + ALIGNMENT)
    const sideOffset = end
    const sideBytes = sideData.reduce((sum, side) => sum + 8 + side.data.length, 0)
    end = align(end + sideBytes)
    return { offset, sideOffset, sideBytes }
  })
  const memory = isShared ? new SharedArrayBuffer(end) : new ArrayBuffer(end)
  const bytes = new Uint8Array(memory)
  const view = new DataView(memory)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, VERSION, true)
  view.setUint32(8, packets.length, true)
  view.setUint32(12, json.length, true)
  view.setFloat64(16, end, true)
  bytes.set(json, HEAD_BYTES)
  for (const [i, packet] of packets.entries()) {
    const { offset, sideOffset, sideBytes } = places[i]!
    const at = records + i * RECORD_BYTES
    view.setBigInt64(at, packet.pts ?? NO_TIME, true)
    view.setBigInt64(at + 8, packet.dts ?? NO_TIME, true)
    view.setBigInt64(at + 16, packet.duration, true)
    view.setFloat64(at + 24, offset, true)
    view.setFloat64(at + 32, sideOffset, true)
    view.setUint32(at + 40, packet.data.length, true)
    view.setUint32(at + 44, sideBytes, true)
    view.setUint32(at + 48, packet.flags, true)
    bytes.set(packet.data, offset)
    let side = sideOffset
    for (const { type, data } of packet.sideData) {
      view.setUint32(side, type, true)
      view.setUint32(side + 4, data.length, true)
      bytes.set(data, side + 8)
      side += 8 + data.length
    }
  }
  return bytes
}

/**
 * Opens a blob in place.
 *
 * @throws MediaError `ERR_DECODE` if it is not a blob or is truncated
 */
export function openBlob(bytes: Uint8Array): OpenBlob {
  const view = viewOf(bytes)
  if (bytes.length < HEAD_BYTES || view.getUint32(0, true) !== MAGIC)
    throw damaged('they are not packets')
  const version = view.getUint32(4, true)
  if (version !== VERSION)
    throw damaged(`version ${version}, not ${VERSION}: made by another version of this package`)
  const count = view.getUint32(8, true)
  const jsonBytes = view.getUint32(12, true)
  const records = align(HEAD_BYTES + jsonBytes)
  if (view.getFloat64(16, true) > bytes.length || records + count * RECORD_BYTES > bytes.length) {
    throw damaged('they are cut off')
  }
  for (let i = 0; i < count; i++) {
    const at = records + i * RECORD_BYTES
    const isInside =
      isRange(
        view.getFloat64(at + 24, true),
        view.getUint32(at + 40, true) + ALIGNMENT,
        bytes.length,
      ) && isRange(view.getFloat64(at + 32, true), view.getUint32(at + 44, true), bytes.length)
    if (!isInside) throw damaged(`packet ${i} lies outside of them`)
  }
  return {
    head: parseHead(bytes.subarray(HEAD_BYTES, HEAD_BYTES + jsonBytes)),
    bytes,
    count,
    records,
  }
}

/** One packet of a blob; its bytes are views. */
export function readRecord(blob: OpenBlob, index: number): PacketData {
  const { bytes, records } = blob
  const view = viewOf(bytes)
  const at = records + index * RECORD_BYTES
  const offset = view.getFloat64(at + 24, true)
  return {
    ...readTimes(blob, index),
    duration: view.getBigInt64(at + 16, true),
    data: bytes.subarray(offset, offset + view.getUint32(at + 40, true)),
    sideData: readSideData(bytes, view.getFloat64(at + 32, true), view.getUint32(at + 44, true)),
  }
}

/** Only the time stamps of a packet, and its flags. */
export function readTimes({ bytes, records }: OpenBlob, index: number): PacketTimes {
  const view = viewOf(bytes)
  const at = records + index * RECORD_BYTES
  const [pts, dts] = [view.getBigInt64(at, true), view.getBigInt64(at + 8, true)]
  return {
    pts: pts === NO_TIME ? undefined : pts,
    dts: dts === NO_TIME ? undefined : dts,
    flags: view.getUint32(at + 48, true),
  }
}

function readSideData(bytes: Uint8Array, from: number, length: number): SideData[] {
  const found: SideData[] = []
  const view = viewOf(bytes)
  const end = from + length
  for (let at = from; at + 8 <= end; ) {
    const size = view.getUint32(at + 4, true)
    if (at + 8 + size > end) throw damaged('the side data of a packet is cut off')
    found.push({ type: view.getUint32(at, true), data: bytes.subarray(at + 8, at + 8 + size) })
    at += 8 + size
  }
  return found
}

function parseHead(json: Uint8Array): BlobHead {
  try {
    const head = JSON.parse(Buffer.from(json).toString(), fromJson) as BlobHead
    if (typeof head.stream?.parameters?.codecId !== 'number') throw new Error('no stream in it')
    const parameters: StreamInfo['parameters'] = Object.assign(
      { extraData: undefined },
      head.stream.parameters,
    )
    return { ...head, stream: { ...UNKNOWN, ...head.stream, parameters } }
  } catch (error) {
    throw damaged(`what they say of their stream cannot be read (${(error as Error).message})`)
  }
}

/**
 * Values of a stream that may be missing, which JSON leaves out: they give the read object the same
 * members as the written one.
 */
const UNKNOWN = {
  ...{ startTime: undefined, duration: undefined, frameCount: undefined, frameRate: undefined },
  ...{ width: undefined, height: undefined, pixelFormat: undefined, sampleAspectRatio: undefined },
  ...{
    sampleRate: undefined,
    channels: undefined,
    channelLayout: undefined,
    sampleFormat: undefined,
  },
}

/** JSON has no `bigint`, bytes or infinity. */
function toJson(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) }
  if (value === Infinity) return { $infinity: true }
  if (value instanceof Uint8Array) {
    return {
      $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
    }
  }
  return value
}

function fromJson(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { $bigint, $bytes, $infinity } = value as Record<string, unknown>
  if (typeof $bigint === 'string') return BigInt($bigint)
  if (typeof $bytes === 'string') return Uint8Array.from(Buffer.from($bytes, 'base64'))
  return $infinity === true ? Infinity : value
}

function isRange(offset: number, length: number, within: number): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && offset + length <= within
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

function damaged(problem: string): MediaError {
  return new MediaError('ERR_DECODE', `serialised packets: ${problem}`)
}

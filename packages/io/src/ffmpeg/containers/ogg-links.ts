import { bytesOf } from '../../base/dtypes.ts'
import type { SyncReader } from '../../files/routine.ts'

/**
 * Size of a page header with its segment lengths and the bytes that are read of a stream's first
 * packet.
 */
const PAGE_BYTES = 27 + 255 + 64
const IS_FIRST = 2

/** The timing in a stream's first packet. */
interface Timing {
  readonly sampleRate: number
  /** Number of samples that are cut off at the beginning. */
  readonly priming: number
}

/**
 * Total duration of chained Ogg files, in seconds, from the first sound in each; `undefined` if one
 * does not declare it. It reads the headers of all pages, but no bodies.
 */
export function chainedDuration(reader: SyncReader): number | undefined {
  let total = 0
  let link: (Timing & { readonly serial: number; end: bigint }) | undefined
  let wasFirst = false
  for (let at = 0; at + 27 <= reader.size; ) {
    const page = bytesAt(reader, at, PAGE_BYTES)
    if (page.toString('latin1', 0, 4) !== 'OggS') return undefined
    const body = 27 + page[26]!
    const isFirst = (page[5]! & IS_FIRST) !== 0
    if (isFirst && !wasFirst) {
      total += lengthOf(link)
      link = undefined
    }
    const serial = page.readUInt32LE(14)
    const timing = isFirst && link === undefined ? timingOf(page.subarray(body)) : undefined
    if (timing !== undefined) link = { ...timing, serial, end: 0n }
    const granule = page.readBigInt64LE(6)
    if (link?.serial === serial && granule > 0n) link.end = granule
    wasFirst = isFirst
    at += body + page.subarray(27, body).reduce((sum, size) => sum + size, 0)
  }
  return link === undefined ? undefined : total + lengthOf(link)
}

/**
 * Whether another file begins after the first pages, also if its streams wrongly reuse serial
 * numbers. It reads the headers of all pages.
 */
export function hasLaterLink(reader: SyncReader): boolean {
  let hasBegun = false
  for (let at = 0; at + 27 <= reader.size; ) {
    const page = bytesAt(reader, at, 27 + 255)
    if (page.toString('latin1', 0, 4) !== 'OggS') return false
    const isFirst = (page[5]! & IS_FIRST) !== 0
    if (isFirst && hasBegun) return true
    hasBegun ||= !isFirst
    const body = 27 + page[26]!
    at += body + page.subarray(27, body).reduce((sum, size) => sum + size, 0)
  }
  return false
}

function lengthOf(link: (Timing & { readonly end: bigint }) | undefined): number {
  return link === undefined ? 0 : Math.max(0, Number(link.end) - link.priming) / link.sampleRate
}

/** Reads the first packet of Opus (RFC 7845, 5.1), Vorbis, FLAC in Ogg and Speex. */
function timingOf(packet: Buffer): Timing | undefined {
  const text = packet.toString('latin1', 0, 8)
  if (text === 'OpusHead') return { sampleRate: 48_000, priming: packet.readUInt16LE(10) }
  const sampleRate = text.startsWith('\x01vorbis')
    ? packet.readUInt32LE(12)
    : text.startsWith('\x7fFLAC')
      ? packet.readUIntBE(27, 3) >> 4
      : text.startsWith('Speex')
        ? packet.readUInt32LE(36)
        : 0
  return sampleRate > 0 ? { sampleRate, priming: 0 } : undefined
}

function bytesAt(reader: SyncReader, at: number, length: number): Buffer {
  const bytes = bytesOf(reader.read(at, Math.min(length, reader.size - at)))
  return bytes.length === length
    ? bytes
    : Buffer.concat([bytes, Buffer.alloc(length - bytes.length)])
}

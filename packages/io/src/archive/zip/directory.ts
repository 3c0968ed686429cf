import { MediaError } from '../../errors.ts'
import { type Routine, TURN } from '../../file/routine.ts'
import { decodeCp437 } from './cp437.ts'

/** A member of a zip archive, as its central directory describes it. */
export interface ZipEntry {
  /** Its path, with `/` between folders; a folder's own ends with `/`. */
  readonly name: string
  /** The bytes of the name, as they stand in the archive. */
  readonly nameBytes: Uint8Array
  /** How it is stored: 0 as it is, 8 deflated; see {@link methodName} for others. */
  readonly method: number
  /** General purpose flags: bit 0 encrypted, bit 3 sizes behind the data, bit 11 name in UTF-8. */
  readonly flags: number
  /** CRC-32 of the data. */
  readonly crc: number
  /** Bytes in the archive. */
  readonly compressedSize: number
  /** Bytes when read. */
  readonly size: number
  /** Where its local header begins, from the first byte of the file. */
  readonly headerOffset: number
  /** Data ends before this: where the next member begins, or the directory. */
  readonly dataLimit: number
}

const END_BYTES = 22
const ZIP64_LOCATOR = 0x07064b50
const ZIP64_LOCATOR_BYTES = 20
const ZIP64_END = 0x06064b50
const ZIP64_END_BYTES = 56
const ENTRY = 0x02014b50
const ENTRY_BYTES = 46
const MAX_COMMENT = 0xffff
/** An archive without a long comment is understood after one read. */
const USUAL_TAIL = 16 * 1024

/**
 * Reads the central directory of a zip archive, zip64 and archives with something before them included. Multi-part archives are
 * refused. What the directory says of sizes and places is held against the size of the file; the local headers are looked at when a
 * member is read. Faults do not name the source.
 *
 * @param size of the file
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 * @see APPNOTE.TXT of PKWARE, 4.3.12 to 4.3.16
 */
export function* readZipDirectory(size: number): Routine<ZipEntry[]> {
  const end = yield* readEnd(size)
  // What stands before the archive (a program that unpacks it) shifts everything by its length.
  const shift = end.at - end.size - end.offset
  if (shift < 0) {
    throw damaged(`a directory of ${end.size} bytes from byte ${end.offset} on, in front of byte ${end.at}`)
  }
  const directory = asBuffer(yield { kind: 'read', offset: end.at - end.size, length: end.size })
  return yield* parseEntries(directory, end, shift)
}

/** What the record at the end of the archive says. */
interface End {
  /** Where this record begins: the directory ends there. */
  readonly at: number
  readonly count: number
  readonly size: number
  readonly offset: number
}

function* readEnd(size: number): Routine<End> {
  let start = Math.max(0, size - USUAL_TAIL)
  let tail = asBuffer(yield { kind: 'read', offset: start, length: size - start })
  let at = findEnd(tail)
  if (at === undefined && start > 0) {
    start = Math.max(0, size - END_BYTES - MAX_COMMENT - ZIP64_LOCATOR_BYTES)
    tail = asBuffer(yield { kind: 'read', offset: start, length: size - start })
    at = findEnd(tail)
  }
  if (at === undefined) throw damaged(yield* whatElse(size))
  const end = {
    at: start + at,
    count: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  }
  const locator = at - ZIP64_LOCATOR_BYTES
  if (locator >= 0 && tail.readUInt32LE(locator) === ZIP64_LOCATOR) {
    return yield* readZip64End(start + locator, tail.subarray(locator, at))
  }
  if (tail.readUInt16LE(at + 4) !== 0 || tail.readUInt16LE(at + 8) !== end.count) throw multiPart()
  return end
}

/** The last record whose comment ends where the file ends. */
function findEnd(tail: Buffer): number | undefined {
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    at = tail.lastIndexOf('PK\x05\x06', at, 'latin1')
    if (at < 0) return undefined
    if (at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) return at
  }
  return undefined
}

/** The record is in front of its locator, or, where it is longer than usual, at the place that the locator tells. */
function* readZip64End(locatorAt: number, locator: Buffer): Routine<End> {
  for (const at of [locatorAt - ZIP64_END_BYTES, readUInt64(locator, 8)]) {
    if (at < 0 || at > locatorAt - ZIP64_END_BYTES) continue
    const record = asBuffer(yield { kind: 'read', offset: at, length: ZIP64_END_BYTES })
    if (record.readUInt32LE(0) !== ZIP64_END) continue
    const count = readUInt64(record, 32)
    if (record.readUInt32LE(16) !== 0 || readUInt64(record, 24) !== count) throw multiPart()
    return { at, count, size: readUInt64(record, 40), offset: readUInt64(record, 48) }
  }
  throw damaged('no zip64 record where one is announced')
}

/** So many entries take about a millisecond. */
const ENTRIES_PER_TURN = 2048

function* parseEntries(directory: Buffer, end: End, shift: number): Routine<ZipEntry[], never> {
  const entries: OpenEntry[] = []
  const dataLimit = end.at - end.size
  let at = 0
  while (at < directory.length) {
    if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY) {
      throw damaged(`its directory is damaged at entry ${entries.length}`)
    }
    const nameEnd = at + ENTRY_BYTES + directory.readUInt16LE(at + 28)
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30)
    const next = extraEnd + directory.readUInt16LE(at + 32)
    if (next > directory.length) throw damaged(`its directory is damaged at entry ${entries.length}`)
    const flags = directory.readUInt16LE(at + 8)
    const nameBytes = directory.subarray(at + ENTRY_BYTES, nameEnd)
    const places = {
      size: directory.readUInt32LE(at + 24),
      compressedSize: directory.readUInt32LE(at + 20),
      headerOffset: directory.readUInt32LE(at + 42),
    }
    if (places.size === IN_EXTRA || places.compressedSize === IN_EXTRA || places.headerOffset === IN_EXTRA) {
      readZip64Extra(directory.subarray(nameEnd, extraEnd), places)
    }
    const entry = {
      name: (flags & 0x800) !== 0 ? nameBytes.toString('utf8') : decodeCp437(nameBytes),
      nameBytes,
      method: directory.readUInt16LE(at + 10),
      flags,
      crc: directory.readUInt32LE(at + 16),
      compressedSize: places.compressedSize,
      size: places.size,
      headerOffset: places.headerOffset + shift,
      dataLimit,
    }
    if (entry.headerOffset + entry.compressedSize > dataLimit) {
      throw damaged(`member "${entry.name}": its ${entry.compressedSize} bytes are not all there`)
    }
    entries.push(entry)
    if (entries.length % ENTRIES_PER_TURN === 0) yield TURN
    at = next
  }
  if (entries.length !== end.count) {
    throw damaged(`its directory has ${entries.length} entries and should have ${end.count}`)
  }
  refuseOverlaps(entries)
  return entries
}

type OpenEntry = { -readonly [K in keyof ZipEntry]: ZipEntry[K] }

/** A member's header has this many bytes, and its name. */
const LOCAL_BYTES = 30

/**
 * Each byte is of one member at most. Many that share their data would make much of a small file (Fifield 2019, "A better zip bomb"); Info-ZIP
 * refuses them too. @throws MediaError `ERR_DECODE`
 */
function refuseOverlaps(entries: readonly OpenEntry[]): void {
  const inOrder = [...entries].sort((a, b) => a.headerOffset - b.headerOffset)
  for (const [index, entry] of inOrder.entries()) {
    const next = inOrder[index + 1]
    if (next === undefined) return
    const end = entry.headerOffset + LOCAL_BYTES + entry.nameBytes.byteLength + entry.compressedSize
    if (end > next.headerOffset) {
      const names = `${JSON.stringify(entry.name)} and ${JSON.stringify(next.name)}`
      throw damaged(`members ${names} overlap: such archives are made to come to more than they are`)
    }
    entry.dataLimit = next.headerOffset
  }
}

const ZIP64_EXTRA = 1
const IN_EXTRA = 0xffffffff

/** Sizes and places that do not fit 32 bits stand in an extra field, those and no others, in this order. */
function readZip64Extra(
  extra: Buffer,
  places: { size: number; compressedSize: number; headerOffset: number },
): void {
  for (let at = 0; at + 4 <= extra.length; ) {
    const id = extra.readUInt16LE(at)
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (end > extra.length) return
    if (id === ZIP64_EXTRA) {
      let from = at + 4
      for (const name of ['size', 'compressedSize', 'headerOffset'] as const) {
        if (places[name] !== IN_EXTRA) continue
        if (from + 8 > end) throw damaged('a zip64 field that lacks what it should hold')
        places[name] = readUInt64(extra, from)
        from += 8
      }
      return
    }
    at = end
  }
}

/** Says of a file that is no zip what it may be. */
function* whatElse(size: number): Routine<string> {
  if (size === 0) return 'is empty'
  const head = asBuffer(yield { kind: 'read', offset: 0, length: Math.min(size, 6) })
  if (head.toString('latin1').startsWith('PK\x03\x04'))
    return 'truncated: a zip file without its directory, which is at the end'
  if (head.toString('latin1').startsWith('\x93NUMPY'))
    return 'not a zip file but an npy file: `loadNpy` reads it'
  return 'not a zip file: it has no directory at its end'
}

/** Of what is larger than a file can be, the exact value does not matter. */
function readUInt64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function damaged(problem: string): MediaError {
  return new MediaError('ERR_DECODE', problem)
}

function multiPart(): MediaError {
  return new MediaError('ERR_UNSUPPORTED', 'one part of a zip archive in several files')
}

import type { Routine, WriteRequest } from '../../files/routine.ts'
import { crcOf } from './zip-member.ts'

/** A member to write. */
export interface ZipInput {
  readonly name: string
  /** Its data, in consecutive pieces. */
  readonly chunks: readonly Uint8Array[]
}

/** The directory's data of a member that was written. */
export interface WrittenEntry {
  readonly nameBytes: Uint8Array
  readonly flags: number
  readonly method: 0 | 8
  readonly crc: number
  readonly size: number
  readonly compressedSize: number
  readonly headerOffset: number
}

const STORED = 0
const DEFLATED = 8
const UTF8 = 0x800
/** Version 4.5 of the format: zip64. */
const VERSION = 45
/** Midnight of 1 January 1980, the earliest date of zip files: equal arrays make equal files. */
const DATE = 0x21
const UNIX = 3
/** Readable and writable for the owner. */
const MODE = 0o600 << 16
/** From this size on, Python writes zip64 fields; the files are equal to Python's. */
const MAX_PLAIN_SIZE = 0x7fffffff
const MAX_PLAIN_COUNT = 0xffff
const IN_EXTRA = 0xffffffff

/**
 * Writes a zip archive: each member with a local header that has room for zip64 sizes, then the
 * directory. Stored archives are byte for byte those of Python's `zipfile` for `np.savez`.
 */
export function* writeZip(
  members: Iterable<ZipInput>,
  isDeflated: boolean,
): Routine<void, WriteRequest> {
  const written: WrittenEntry[] = []
  let offset = 0
  for (const { name, chunks } of members) {
    const nameBytes = Buffer.from(name)
    const size = bytesIn(chunks)
    const crc = yield* crcOf(chunks)
    const data = isDeflated ? [yield { kind: 'deflate', chunks }] : chunks
    const entry: WrittenEntry = {
      nameBytes,
      flags: nameBytes.length === name.length ? 0 : UTF8,
      method: isDeflated ? DEFLATED : STORED,
      crc,
      size,
      compressedSize: bytesIn(data),
      headerOffset: offset,
    }
    const header = localHeader(entry)
    yield { kind: 'write', chunks: [header, ...data] }
    offset += header.byteLength + entry.compressedSize
    written.push(entry)
  }
  yield { kind: 'write', chunks: directoryOf(written, offset) }
}

function localHeader(entry: WrittenEntry): Buffer {
  const header = Buffer.alloc(30 + entry.nameBytes.byteLength + 20)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(VERSION, 4)
  writeCommon(header, 6, { ...entry, size: IN_EXTRA, compressedSize: IN_EXTRA })
  header.writeUInt16LE(20, 28)
  header.set(entry.nameBytes, 30)
  writeZip64(header, 30 + entry.nameBytes.byteLength, [entry.size, entry.compressedSize])
  return header
}

/** The directory and the records after it, for members that end at `offset`. */
export function directoryOf(entries: readonly WrittenEntry[], offset: number): Buffer[] {
  const records = entries.map(directoryEntry)
  const size = bytesIn(records)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(entries.length, MAX_PLAIN_COUNT), 8)
  end.writeUInt16LE(Math.min(entries.length, MAX_PLAIN_COUNT), 10)
  end.writeUInt32LE(Math.min(size, IN_EXTRA), 12)
  end.writeUInt32LE(Math.min(offset, IN_EXTRA), 16)
  if (entries.length <= MAX_PLAIN_COUNT && offset <= MAX_PLAIN_SIZE && size <= MAX_PLAIN_SIZE) {
    return [...records, end]
  }
  const end64 = Buffer.alloc(56 + 20)
  end64.writeUInt32LE(0x06064b50, 0)
  end64.writeBigUInt64LE(44n, 4)
  end64.writeUInt16LE(VERSION, 12)
  end64.writeUInt16LE(VERSION, 14)
  end64.writeBigUInt64LE(BigInt(entries.length), 24)
  end64.writeBigUInt64LE(BigInt(entries.length), 32)
  end64.writeBigUInt64LE(BigInt(size), 40)
  end64.writeBigUInt64LE(BigInt(offset), 48)
  end64.writeUInt32LE(0x07064b50, 56)
  end64.writeBigUInt64LE(BigInt(offset + size), 64)
  end64.writeUInt32LE(1, 72)
  return [...records, end64, end]
}

function directoryEntry(entry: WrittenEntry): Buffer {
  const { nameBytes, size, compressedSize, headerOffset } = entry
  const isLarge = size > MAX_PLAIN_SIZE || compressedSize > MAX_PLAIN_SIZE
  const isFar = headerOffset > MAX_PLAIN_SIZE
  const extra = [...(isLarge ? [size, compressedSize] : []), ...(isFar ? [headerOffset] : [])]
  const extraBytes = extra.length === 0 ? 0 : 4 + 8 * extra.length
  const record = Buffer.alloc(46 + nameBytes.byteLength + extraBytes)
  record.writeUInt32LE(0x02014b50, 0)
  record.writeUInt8(VERSION, 4)
  record.writeUInt8(UNIX, 5)
  record.writeUInt16LE(VERSION, 6)
  writeCommon(record, 8, isLarge ? { ...entry, size: IN_EXTRA, compressedSize: IN_EXTRA } : entry)
  record.writeUInt16LE(extraBytes, 30)
  record.writeUInt32LE(MODE >>> 0, 38)
  record.writeUInt32LE(isFar ? IN_EXTRA : headerOffset, 42)
  record.set(nameBytes, 46)
  if (extra.length > 0) writeZip64(record, 46 + nameBytes.byteLength, extra)
  return record
}

/**
 * Writes the fields that local headers and directory entries share, from the flags to the length of
 * the name.
 */
function writeCommon(header: Buffer, at: number, entry: WrittenEntry): void {
  header.writeUInt16LE(entry.flags, at)
  header.writeUInt16LE(entry.method, at + 2)
  header.writeUInt16LE(DATE, at + 6)
  header.writeUInt32LE(entry.crc, at + 8)
  header.writeUInt32LE(entry.compressedSize, at + 12)
  header.writeUInt32LE(entry.size, at + 16)
  header.writeUInt16LE(entry.nameBytes.byteLength, at + 20)
}

function writeZip64(header: Buffer, at: number, values: readonly number[]): void {
  header.writeUInt16LE(1, at)
  header.writeUInt16LE(8 * values.length, at + 2)
  for (const [index, value] of values.entries())
    header.writeBigUInt64LE(BigInt(value), at + 4 + 8 * index)
}

function bytesIn(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
}

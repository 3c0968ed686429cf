import { bytesOf } from '../../base/dtypes.ts'
import { damaged, MediaError } from '../../base/errors.ts'
import type { Routine } from '../../files/routine.ts'

/** The end record of a zip archive. */
export interface EndRecord {
  /** Offset of this record: the directory ends there. */
  readonly at: number
  /** Number of entries in the directory. */
  readonly count: number
  /** Whether `count` is exact. Without zip64 it has 16 bits, and some writers let it overflow. */
  readonly isExactCount: boolean
  /** Size of the directory, in bytes. */
  readonly size: number
  /**
   * Offset of the directory from the first byte of the archive, which may differ from that of the
   * file.
   */
  readonly offset: number
}

const END_BYTES = 22
const END_MAGIC = 'PK\x05\x06'
const ZIP64_LOCATOR = 0x07064b50
const ZIP64_LOCATOR_BYTES = 20
const ZIP64_END = 0x06064b50
const ZIP64_END_BYTES = 56
const MAX_COMMENT = 0xffff
/** Largest number of bytes that are searched for the record. */
const LONGEST_TAIL = END_BYTES + MAX_COMMENT + ZIP64_LOCATOR_BYTES
/** An archive without a long comment needs only one read. */
const USUAL_TAIL = 16 * 1024

/**
 * Finds the record at the end of an archive. Bytes after it are ignored and a comment may be
 * truncated, as in Python, libarchive and 7-Zip: no member is missing then.
 *
 * @param size of the file, in bytes
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 * @see APPNOTE.TXT of PKWARE, 4.3.14 to 4.3.16
 */
export function* readEndRecord(size: number): Routine<EndRecord> {
  let start = Math.max(0, size - USUAL_TAIL)
  let tail = bytesOf(yield { kind: 'read', offset: start, length: size - start })
  let at = findExactEnd(tail)
  if (at === undefined && start > 0) {
    start = Math.max(0, size - LONGEST_TAIL)
    tail = bytesOf(yield { kind: 'read', offset: start, length: size - start })
    at = findExactEnd(tail)
  }
  at ??= yield* findEnd(tail, start)
  if (at === undefined) throw damaged(yield* whatElse(size))
  const end = {
    at: start + at,
    count: tail.readUInt16LE(at + 10),
    isExactCount: false,
    size: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  }
  const locator = at - ZIP64_LOCATOR_BYTES
  if (locator >= 0 && tail.readUInt32LE(locator) === ZIP64_LOCATOR) {
    const zip64 = yield* readZip64End(start + locator, tail.subarray(locator, at))
    if (zip64 !== undefined) return zip64
    // The bytes of a comment may look like a locator.
    if (end.count === 0xffff || end.size === 0xffffffff || end.offset === 0xffffffff)
      throw damaged('no zip64 record where one is announced')
  }
  if (tail.readUInt16LE(at + 4) !== 0 || tail.readUInt16LE(at + 8) !== end.count) throw multiPart()
  return end
}

/** The last record whose comment ends at the end of the file. */
function findExactEnd(tail: Buffer): number | undefined {
  return lastEnd(tail, (at) => at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length)
}

/**
 * The last record that can have its directory in front of it. In a file that begins with a member,
 * the directory must be exactly where the record says. Otherwise the record belongs to an archive
 * inside a truncated archive.
 */
function* findEnd(tail: Buffer, start: number): Routine<number | undefined> {
  const head = bytesOf(yield { kind: 'read', offset: 0, length: Math.min(4, start + tail.length) })
  const isMember = head.toString('latin1') === 'PK\x03\x04'
  return lastEnd(tail, (at) => {
    const size = tail.readUInt32LE(at + 12)
    const offset = tail.readUInt32LE(at + 16)
    if (size === 0xffffffff || offset === 0xffffffff) return true
    const directory = at - size
    if (start + directory < offset || (isMember && start + directory > offset)) return false
    return size === 0 || directory < 0 || tail.toString('latin1', directory, directory + 2) === 'PK'
  })
}

function lastEnd(tail: Buffer, fits: (at: number) => boolean): number | undefined {
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    at = tail.lastIndexOf(END_MAGIC, at, 'latin1')
    if (at < 0) return undefined
    if (fits(at)) return at
  }
  return undefined
}

/**
 * The record is in front of its locator, or, if it is longer than usual, at the locator's offset.
 */
function* readZip64End(locatorAt: number, locator: Buffer): Routine<EndRecord | undefined> {
  for (const at of [locatorAt - ZIP64_END_BYTES, readUInt64(locator, 8)]) {
    if (at < 0 || at > locatorAt - ZIP64_END_BYTES) continue
    const record = bytesOf(yield { kind: 'read', offset: at, length: ZIP64_END_BYTES })
    if (record.readUInt32LE(0) !== ZIP64_END) continue
    const count = readUInt64(record, 32)
    if (record.readUInt32LE(16) !== 0 || readUInt64(record, 24) !== count) throw multiPart()
    return {
      at,
      count,
      isExactCount: true,
      size: readUInt64(record, 40),
      offset: readUInt64(record, 48),
    }
  }
  return undefined
}

/** Guesses what a file is that is not a zip. */
function* whatElse(size: number): Routine<string> {
  if (size === 0) return 'is empty'
  const head = bytesOf(yield { kind: 'read', offset: 0, length: Math.min(size, 6) }).toString(
    'latin1',
  )
  if (head.startsWith('PK\x03\x04'))
    return 'truncated: a zip file without its directory, which is at the end'
  if (head.startsWith('\x93NUMPY')) return 'not a zip file but an npy file: `loadNpy` reads it'
  return 'not a zip file: it has no directory at its end'
}

/** Values above the size of any file need not be exact. */
export function readUInt64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}

function multiPart(): MediaError {
  return new MediaError(
    'ERR_UNSUPPORTED',
    'one part of a zip archive in several files: join them first, `zip -s 0 parts.zip --out whole.zip`',
  )
}

import { bytesOf } from '../../base/dtypes.ts'
import { damaged } from '../../base/errors.ts'
import { type Routine, TURN } from '../../files/routine.ts'
import { type EndRecord, readEndRecord, readUInt64 } from './end-record.ts'
import { readZipName } from './zip-names.ts'

/** A member of a zip archive, from the central directory. */
export interface ZipEntry {
  /**
   * Its path, decoded by {@link readZipName}, with `/` between folders; a folder's own path ends
   * with `/`.
   */
  readonly name: string
  /** The bytes of the name as stored. */
  readonly nameBytes: Uint8Array
  /** Compression method: 0 stored, 8 deflated; see {@link methodName} for others. */
  readonly method: number
  /** General purpose flags: bit 0 encrypted, bit 3 sizes after the data, bit 11 name in UTF-8. */
  readonly flags: number
  /** CRC-32 of the data. */
  readonly crc: number
  /** Size in the archive, in bytes. */
  readonly compressedSize: number
  /** Size of the data, in bytes. */
  readonly size: number
  /** Offset of its local header from the first byte of the file. */
  readonly headerOffset: number
  /** Upper bound of the end of its data: the start of the next member or of the directory. */
  readonly dataLimit: number
}

const ENTRY = 0x02014b50
const ENTRY_BYTES = 46
/** Signature that may follow the directory's entries. */
const SIGNATURE = 0x05054b50

/**
 * Reads the central directory of a zip archive, including zip64 and archives with bytes before
 * them. Multi-part archives are refused. Sizes and offsets are checked against the size of the
 * file; local headers are checked when a member is read. Errors do not name the source.
 *
 * @param size of the file, in bytes
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 * @see APPNOTE.TXT of PKWARE, 4.3.12 to 4.3.16
 */
export function* readZipDirectory(size: number): Routine<ZipEntry[]> {
  const end = yield* readEndRecord(size)
  // Bytes before the archive (such as a program that unpacks it) shift all offsets by their length.
  const shift = end.at - end.size - end.offset
  if (shift < 0) {
    throw damaged(
      `a directory of ${end.size} bytes from byte ${end.offset} on, in front of byte ${end.at}`,
    )
  }
  const directory = bytesOf(yield { kind: 'read', offset: end.at - end.size, length: end.size })
  return yield* parseEntries(directory, end, shift)
}

/** Parsing this number of entries takes about a millisecond. */
const ENTRIES_PER_TURN = 2048

function* parseEntries(
  directory: Buffer,
  end: EndRecord,
  shift: number,
): Routine<ZipEntry[], never> {
  const entries: OpenEntry[] = []
  const dataLimit = end.at - end.size
  let at = 0
  while (at < directory.length) {
    if (at + 4 <= directory.length && directory.readUInt32LE(at) === SIGNATURE) break
    if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY) {
      throw damaged(`its directory is damaged at entry ${entries.length}`)
    }
    const nameEnd = at + ENTRY_BYTES + directory.readUInt16LE(at + 28)
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30)
    const next = extraEnd + directory.readUInt16LE(at + 32)
    if (next > directory.length)
      throw damaged(`its directory is damaged at entry ${entries.length}`)
    const flags = directory.readUInt16LE(at + 8)
    const nameBytes = directory.subarray(at + ENTRY_BYTES, nameEnd)
    const extra = directory.subarray(nameEnd, extraEnd)
    const places = {
      size: directory.readUInt32LE(at + 24),
      compressedSize: directory.readUInt32LE(at + 20),
      headerOffset: directory.readUInt32LE(at + 42),
    }
    if (
      places.size === IN_EXTRA ||
      places.compressedSize === IN_EXTRA ||
      places.headerOffset === IN_EXTRA
    ) {
      readZip64Extra(extra, places)
    }
    const entry = {
      name: readZipName({ bytes: nameBytes, flags, extra, system: directory[at + 5]! }),
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
  const count = end.isExactCount ? entries.length : entries.length % 0x10000
  if (count !== end.count) {
    throw damaged(`its directory has ${entries.length} entries and should have ${end.count}`)
  }
  refuseOverlaps(entries)
  return entries
}

type OpenEntry = { -readonly [K in keyof ZipEntry]: ZipEntry[K] }

/** Smallest size of a local header. */
const LOCAL_BYTES = 30

/**
 * Refuses members that share bytes, because such an archive expands to far more than its size
 * (Fifield 2019, "A better zip bomb"). Info-ZIP refuses them too.
 *
 * @throws MediaError `ERR_DECODE`
 */
function refuseOverlaps(entries: readonly OpenEntry[]): void {
  const inOrder = [...entries].sort((a, b) => a.headerOffset - b.headerOffset)
  for (const [index, entry] of inOrder.entries()) {
    const next = inOrder[index + 1]
    if (next === undefined) return
    // The name in the local header may be another, shorter one. The exact end of the data is known
    // when they are read.
    const end = entry.headerOffset + LOCAL_BYTES + entry.compressedSize
    if (end > next.headerOffset) {
      const names = `${JSON.stringify(entry.name)} and ${JSON.stringify(next.name)}`
      throw damaged(
        `members ${names} overlap: such archives are made to come to more than they are`,
      )
    }
    entry.dataLimit = next.headerOffset
  }
}

const ZIP64_EXTRA = 1
const IN_EXTRA = 0xffffffff

/** Sizes and offsets that do not fit 32 bits are in an extra field, only those, in this order. */
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

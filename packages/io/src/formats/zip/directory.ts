import { bytesOf } from '../../base/dtypes.ts'
import { damaged } from '../../base/errors.ts'
import { type Routine, TURN } from '../../files/routine.ts'
import { type EndRecord, readEndRecord, readUInt64 } from './end-record.ts'
import { readZipName } from './zip-names.ts'

/** A member of a zip archive, as its central directory describes it. */
export interface ZipEntry {
  /**
   * Its path, as {@link readZipName} reads it, with `/` between folders; a folder's own ends with
   * `/`.
   */
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

const ENTRY = 0x02014b50
const ENTRY_BYTES = 46
/** A signature of the directory may stand behind its entries. */
const SIGNATURE = 0x05054b50

/**
 * Reads the central directory of a zip archive, zip64 and archives with something before them
 * included. Multi-part archives are refused. What the directory says of sizes and places is held
 * against the size of the file; the local headers are looked at when a member is read. Faults do
 * not name the source.
 *
 * @param size of the file
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 * @see APPNOTE.TXT of PKWARE, 4.3.12 to 4.3.16
 */
export function* readZipDirectory(size: number): Routine<ZipEntry[]> {
  const end = yield* readEndRecord(size)
  // What stands before the archive (a program that unpacks it) shifts everything by its length.
  const shift = end.at - end.size - end.offset
  if (shift < 0) {
    throw damaged(
      `a directory of ${end.size} bytes from byte ${end.offset} on, in front of byte ${end.at}`,
    )
  }
  const directory = bytesOf(yield { kind: 'read', offset: end.at - end.size, length: end.size })
  return yield* parseEntries(directory, end, shift)
}

/** So many entries take about a millisecond. */
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

/** A member's header has this many bytes at least. */
const LOCAL_BYTES = 30

/**
 * Each byte is of one member at most. Many that share their data would make much of a small file
 * (Fifield 2019, "A better zip bomb"); Info-ZIP refuses them too. @throws MediaError `ERR_DECODE`
 */
function refuseOverlaps(entries: readonly OpenEntry[]): void {
  const inOrder = [...entries].sort((a, b) => a.headerOffset - b.headerOffset)
  for (const [index, entry] of inOrder.entries()) {
    const next = inOrder[index + 1]
    if (next === undefined) return
    // The name in its header may be another, shorter one. Where its data end exactly is known when
    // it is read.
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

/**
 * Sizes and places that do not fit 32 bits stand in an extra field, those and no others, in this
 * order.
 */
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

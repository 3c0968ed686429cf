import { isUtf8 } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { decodeCp437 } from './cp437.ts'

const UTF8_FLAG = 0x800
const UNICODE_PATH = 0x7075
/**
 * Systems whose programs write backslashes between folders: FAT, NTFS, VFAT (APPNOTE.TXT, 4.4.2.2).
 */
const WINDOWS: readonly number[] = [0, 10, 14]

/** What a directory says of a name. */
export interface StoredName {
  readonly bytes: Buffer
  readonly flags: number
  readonly extra: Buffer
  /** The system on which the member was made. */
  readonly system: number
}

/**
 * The name of a member. The Unicode path field says it where it belongs to the name. Otherwise it
 * is UTF-8 where it can be, flag or not: zip on Linux and macOS's Finder write UTF-8 and no flag.
 * What is not UTF-8 is in the code page of the IBM PC. A name that Windows wrote with backslashes
 * alone has slashes instead, as unzip and libarchive have it.
 *
 * @see APPNOTE.TXT of PKWARE, 4.6.9 and appendix D
 */
export function readZipName({ bytes, flags, extra, system }: StoredName): string {
  const name = unicodePath(bytes, extra) ?? decode(bytes, flags)
  return WINDOWS.includes(system) && name.includes('\\') && !name.includes('/')
    ? name.replaceAll('\\', '/')
    : name
}

function decode(bytes: Buffer, flags: number): string {
  if ((flags & UTF8_FLAG) !== 0) {
    // Names that only differ in bytes that are not UTF-8 must not become one.
    return isUtf8(own(bytes)) ? bytes.toString('utf8') : decodeCp437(bytes)
  }
  for (let i = 0; i < bytes.length; i++)
    if (bytes[i]! >= 0x80) return isUtf8(own(bytes)) ? bytes.toString('utf8') : decodeCp437(bytes)
  return bytes.toString('latin1')
}

/**
 * The name in the Unicode path field, if there is one with the checksum of the other name: that was
 * not changed since.
 */
function unicodePath(name: Buffer, extra: Buffer): string | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (end > extra.length) return undefined
    if (extra.readUInt16LE(at) === UNICODE_PATH && end - at > 9 && extra[at + 4] === 1) {
      const path = extra.subarray(at + 9, end)
      if (extra.readUInt32LE(at + 5) === crc32(name) && isUtf8(own(path)))
        return path.toString('utf8')
    }
    at = end
  }
  return undefined
}

/** Shared memory could change between the look and the reading, and `isUtf8` refuses it. */
function own(bytes: Buffer): Buffer {
  return bytes.buffer instanceof ArrayBuffer ? bytes : Buffer.from(bytes)
}

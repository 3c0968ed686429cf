import { isUtf8 } from 'node:buffer'
import { nodeZlib } from '../../builtins.ts'

const UTF8_FLAG = 0x800
const UNICODE_PATH = 0x7075
/**
 * Systems whose programs write backslashes between folders: FAT, NTFS, VFAT (APPNOTE.TXT, 4.4.2.2).
 */
const WINDOWS: readonly number[] = [0, 10, 14]

/** The stored form of a name. */
interface StoredName {
  readonly bytes: Buffer
  readonly flags: number
  readonly extra: Buffer
  /** The system that wrote the member. */
  readonly system: number
}

/**
 * Decodes the name of a member. The Unicode path field counts if it belongs to the name. Otherwise
 * the name is UTF-8 if it is valid, with or without the flag, because zip on Linux and macOS's
 * Finder do not set it. Other names are in code page 437. If Windows wrote a name with backslashes
 * alone, they become slashes, as in unzip and libarchive.
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
    // Names that differ only in bytes that are not UTF-8 must stay different.
    return isUtf8(own(bytes)) ? bytes.toString('utf8') : decodeCp437(bytes)
  }
  for (let i = 0; i < bytes.length; i++)
    if (bytes[i]! >= 0x80) return isUtf8(own(bytes)) ? bytes.toString('utf8') : decodeCp437(bytes)
  return bytes.toString('latin1')
}

/**
 * The name in the Unicode path field, if the field has the checksum of the other name, which proves
 * that the name was not changed later.
 */
function unicodePath(name: Buffer, extra: Buffer): string | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (end > extra.length) return undefined
    if (extra.readUInt16LE(at) === UNICODE_PATH && end - at > 9 && extra[at + 4] === 1) {
      const path = extra.subarray(at + 9, end)
      if (extra.readUInt32LE(at + 5) === nodeZlib().crc32(name) && isUtf8(own(path)))
        return path.toString('utf8')
    }
    at = end
  }
  return undefined
}

/**
 * Copies shared memory, which could change between the check and the decoding, and which `isUtf8`
 * refuses.
 */
function own(bytes: Buffer): Buffer {
  return bytes.buffer instanceof ArrayBuffer ? bytes : Buffer.from(bytes)
}

/** The upper half of code page 437, the encoding of names that are not marked as UTF-8. */
const UPPER =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0'

const UPPER_BYTE = /[\x80-\xff]/

/** Decodes text in code page 437. */
function decodeCp437(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  // Nearly all names are ASCII, and a test costs less than a replacement without effect.
  if (!UPPER_BYTE.test(text)) return text
  return text.replaceAll(new RegExp(UPPER_BYTE, 'g'), (byte) => UPPER[byte.charCodeAt(0) - 128]!)
}

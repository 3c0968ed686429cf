import { bytesOf } from '../../base/dtypes.ts'
import { MediaError } from '../../base/errors.ts'
import { nodeZlib } from '../../builtins.ts'
import { type Routine, TURN, TURN_BYTES } from '../../files/routine.ts'
import type { ZipEntry } from './directory.ts'

const LOCAL = 0x04034b50
const LOCAL_BYTES = 30
/** Largest expansion of a deflate stream: 258 bytes for two bits, and the end. */
const MAX_RATIO = 1032

/** Whether a member can have the size that the directory says. */
export function isPossible({ method, size, compressedSize }: ZipEntry): boolean {
  return method === 0 ? size === compressedSize : size <= compressedSize * MAX_RATIO + 64
}

/** Names of compression methods that are not supported (APPNOTE.TXT, 4.4.5). */
const METHODS: Readonly<Record<number, string>> = {
  1: 'shrunk',
  2: 'reduced',
  3: 'reduced',
  4: 'reduced',
  5: 'reduced',
  6: 'imploded',
  9: 'compressed with Deflate64',
  10: 'imploded (PKWARE DCL)',
  12: 'compressed with bzip2',
  14: 'compressed with LZMA',
  16: 'compressed with IBM CMPSC',
  18: 'compressed with IBM TERSE',
  19: 'compressed with IBM LZ77',
  93: 'compressed with Zstandard',
  94: 'compressed as MP3',
  95: 'compressed with XZ',
  96: 'compressed as JPEG',
  97: 'compressed with WavPack',
  98: 'compressed with PPMd',
  99: 'encrypted (WinZip AES encryption)',
}
const RECOMPRESS = 'which is not supported: pack it again with deflate, or stored'
const ENCRYPTED = 1
const STRONG = 0x40

/**
 * Reads the data of a member and checks its size and, unless disabled, its CRC. Stored data are
 * returned as the reader gives them: a view if the archive is in memory. Errors name the member,
 * but not the source.
 *
 * @throws MediaError `ERR_DECODE` for damaged or truncated data, `ERR_UNSUPPORTED` for encryption
 *   and methods other than 0 and 8
 */
export function* readZipMember(
  entry: ZipEntry,
  isChecked = true,
  requiresName = false,
): Routine<Uint8Array> {
  const offset = yield* findData(entry, requiresName)
  const stored = yield { kind: 'read', offset, length: entry.compressedSize }
  if (entry.method === 0) {
    if (isChecked) yield* checkCrc(entry, stored)
    return stored
  }
  if (!isPossible(entry)) {
    throw damaged(entry, `${stored.byteLength} deflated bytes cannot hold ${entry.size}`)
  }
  const data = yield* inflate(entry, stored)
  if (data.byteLength !== entry.size) {
    throw damaged(entry, `inflates to ${data.byteLength} bytes instead of ${entry.size}`)
  }
  if (isChecked) yield* checkCrc(entry, data)
  return data
}

/**
 * Offset of a member's data, after its local header. The name there may differ: the directory's
 * name counts, as in unzip, libarchive and yauzl, and the checksum decides whether the data are
 * right.
 *
 * @param requiresName whether the header must have the same name, as Python requires: no checksum
 *   covers the directory's name
 * @throws MediaError as {@link readZipMember}
 */
export function* findData(entry: ZipEntry, requiresName = false): Routine<number> {
  const { headerOffset, compressedSize, nameBytes, method, flags, size, dataLimit } = entry
  if ((flags & ENCRYPTED) !== 0) throw unsupported(entry, encryptionOf(entry))
  if (method !== 0 && method !== 8)
    throw unsupported(entry, `is ${METHODS[method] ?? `stored by method ${method}`}, ${RECOMPRESS}`)
  if (method === 0 && compressedSize !== size) {
    throw damaged(entry, `${compressedSize} bytes stored as they are cannot be ${size}`)
  }
  const wanted = LOCAL_BYTES + (requiresName ? nameBytes.byteLength : 0)
  const length = Math.min(wanted, dataLimit - headerOffset)
  const bytes = yield { kind: 'read', offset: headerOffset, length }
  const header = bytesOf(bytes)
  const isOfName =
    !requiresName ||
    (length === wanted &&
      header.readUInt16LE(26) === nameBytes.byteLength &&
      header.subarray(LOCAL_BYTES).equals(nameBytes))
  if (length < LOCAL_BYTES || header.readUInt32LE(0) !== LOCAL || !isOfName)
    throw damaged(entry, `no header of it at byte ${headerOffset}`)
  const offset = headerOffset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (offset + compressedSize > dataLimit)
    throw damaged(entry, `its ${compressedSize} bytes are not all there`)
  return offset
}

function encryptionOf({ flags, method }: ZipEntry): string {
  const kind = method === 99 ? 'WinZip AES' : (flags & STRONG) !== 0 ? 'PKWARE strong' : 'ZipCrypto'
  return `is encrypted (${kind} encryption), which is not supported: unpack it with its password first, \`7z x -p\``
}

function* inflate(entry: ZipEntry, bytes: Uint8Array): Routine<Uint8Array> {
  try {
    return yield { kind: 'inflate', bytes, size: entry.size }
  } catch (error) {
    throw damaged(entry, (error as Error).message, error)
  }
}

function* checkCrc(entry: ZipEntry, data: Uint8Array): Routine<void> {
  const crc = yield* crcOf([data])
  if (crc !== entry.crc)
    throw damaged(entry, `its checksum is ${hex(crc)} and should be ${hex(entry.crc)}`)
}

/** The CRC-32 of consecutive chunks, with turns for the event loop. */
export function* crcOf(chunks: readonly Uint8Array[]): Routine<number, never> {
  let crc = 0
  let sinceTurn = 0
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += TURN_BYTES) {
      const piece = chunk.subarray(at, at + TURN_BYTES)
      sinceTurn += piece.byteLength
      if (sinceTurn > TURN_BYTES) {
        yield TURN
        sinceTurn = piece.byteLength
      }
      crc = nodeZlib().crc32(piece, crc)
    }
  }
  return crc
}

function damaged({ name }: ZipEntry, problem: string, cause?: unknown): MediaError {
  const options = cause === undefined ? {} : { cause }
  return new MediaError('ERR_DECODE', `member ${JSON.stringify(name)}: ${problem}`, options)
}

function unsupported({ name }: ZipEntry, problem: string): MediaError {
  return new MediaError('ERR_UNSUPPORTED', `member ${JSON.stringify(name)}: ${problem}`)
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

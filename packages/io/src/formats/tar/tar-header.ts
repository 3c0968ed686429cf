import { badOption } from '../../base/errors.ts'

/** Size of a tar block in bytes. */
export const TAR_BLOCK = 512
/** Largest size that the octal digits of a header hold. */
const MOST_OCTAL = 8 ** 11
const MODE = 0o644

/**
 * The header blocks of a regular file, as GNU tar and Python write them: ustar, with a pax record
 * in front if the path has more than 100 bytes or is no ASCII.
 *
 * @param mtimeSec time of the last change, in seconds since 1970
 * @throws MediaError `ERR_BAD_OPTION` for a path that readers would not find again
 */
export function tarHeader(path: string, size: number, mtimeSec: number): Buffer {
  if (
    path === '' ||
    path.includes('\0') ||
    path.startsWith('/') ||
    /(?:^|\/)\.\.(?:\/|$)/.test(path)
  )
    throw badOption('path', 'a relative path without ".." and null characters', path)
  if (size >= MOST_OCTAL) throw badOption('size', 'less than 8 GiB', size)
  const bytes = Buffer.from(path)
  if (bytes.length <= 100 && isAscii(bytes)) return headerBlock(bytes, size, mtimeSec, '0')
  const record = paxRecord('path', path)
  const name = Buffer.from('PaxHeader/member')
  return Buffer.concat([
    headerBlock(name, record.length, mtimeSec, 'x'),
    record,
    Buffer.alloc(paddingOf(record.length)),
    headerBlock(bytes.subarray(0, 100), size, mtimeSec, '0'),
  ])
}

/** Bytes that fill the last block of `size` bytes. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK
}

function headerBlock(name: Buffer, size: number, mtimeSec: number, type: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK)
  name.copy(block, 0)
  const octal = (value: number, at: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
  }
  octal(MODE, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(Math.floor(mtimeSec), 136, 12)
  block.write('        ', 148, 'latin1')
  block.write(type, 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** A record of a pax header: its own length, in decimal, comes first. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  length = rest + String(length).length
  return Buffer.from(`${length} ${key}=${value}\n`)
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((byte) => byte < 0x80)
}

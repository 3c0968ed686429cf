import { extname } from 'node:path'
import { SpindleError } from '../../errors.ts'

/** First bytes and file name endings of compressed files. */
const KINDS: readonly {
  readonly name: string
  readonly magic: readonly (number | undefined)[]
  readonly ending: string
}[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], ending: '.gz' },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], ending: '.zst' },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68, undefined, 0x31, 0x41, 0x59], ending: '.bz2' },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], ending: '.xz' },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04], ending: '.zip' },
]

/** The compression of a file, by its first bytes; `undefined` for none. */
export function compressionOf(head: Uint8Array): string | undefined {
  return KINDS.find(({ magic }) =>
    magic.every((byte, index) => byte === undefined || head[index] === byte),
  )?.name
}

/** The compression of a file, by its name; `undefined` for none. */
export function endingOf(path: string): string | undefined {
  const ending = extname(path).toLowerCase()
  return KINDS.find((kind) => kind.ending === ending)?.name
}

/** @throws `ERR_BAD_SOURCE` if the file is compressed */
export function refuseCompressed(path: string, compression: string | undefined): void {
  if (compression === undefined) return
  throw new SpindleError(
    'ERR_BAD_SOURCE',
    `${path} is compressed with ${compression}, and records of a compressed file cannot be read by position: decompress it first`,
  )
}

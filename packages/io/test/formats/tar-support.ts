import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ArchiveSource, IterateTarOptions } from '../../src/index.ts'
import { iterateTar, type TarMember, type TarMemberType } from '../../src/index.ts'

export const ARCHIVES: string = fileURLToPath(new URL('../archives/', import.meta.url))
export const ALL_TYPES: readonly TarMemberType[] = [
  'file',
  'directory',
  'link',
  'symlink',
  'characterDevice',
  'blockDevice',
  'fifo',
  'other',
]

/** One of the committed archives. */
export function archive(name: string): Buffer {
  return readFileSync(ARCHIVES + name)
}

/** What `archives/make.py` wrote down of a member. */
export interface ExpectedMember {
  readonly path: string
  readonly type: TarMemberType
  readonly size: number
  readonly offset: number
  readonly mode: number
  readonly mtimeMs: number
  readonly linkPath?: string
  readonly sha1?: string
}

/** What `archives/make.py` wrote down of a file in a zip archive. */
export interface ExpectedZipMember {
  readonly path: string
  readonly size: number
  readonly compressedSize: number
  readonly sha1: string
}

const everything = Object.entries<never>(
  JSON.parse(readFileSync(`${ARCHIVES}expected.json`, 'utf8')),
)

export const EXPECTED: Readonly<Record<string, readonly ExpectedMember[]>> = Object.fromEntries(
  everything.filter(([name]) => name.endsWith('.tar')),
)
export const EXPECTED_ZIPS: Readonly<Record<string, readonly ExpectedZipMember[]>> =
  Object.fromEntries(everything.filter(([name]) => name.endsWith('.zip')))

/** A member in the form of {@link ExpectedMember}. */
export function summary({
  path,
  type,
  size,
  offset,
  mode,
  mtime,
  linkPath,
  data,
}: TarMember): ExpectedMember {
  return {
    path,
    type,
    size,
    offset,
    mode,
    mtimeMs: mtime.getTime(),
    ...(linkPath === undefined ? {} : { linkPath }),
    ...(type === 'file' ? { sha1: createHash('sha1').update(data).digest('hex') } : {}),
  }
}

export async function readAll(
  source: ArchiveSource,
  options: IterateTarOptions = {},
): Promise<TarMember[]> {
  const members: TarMember[] = []
  for await (const member of iterateTar(source, options)) members.push(member)
  return members
}

/** Fields of a header block; what is missing is as GNU tar has it for a plain file. */
export interface RawHeader {
  readonly path: string
  readonly data?: Uint8Array
  readonly flag?: string
  readonly size?: string | Uint8Array
  readonly magic?: string
  readonly prefix?: string
  readonly linkPath?: string
  readonly mtime?: string
}

/** A header block with its checksum, in the form that its fields say, right or wrong. */
export function headerBlock(header: RawHeader): Buffer {
  const {
    path,
    data = new Uint8Array(0),
    flag = '0',
    magic = 'ustar\0' + '00',
    prefix = '',
  } = header
  const {
    size = `${data.length.toString(8).padStart(11, '0')}\0`,
    linkPath = '',
    mtime = '14524464400\0',
  } = header
  const block = Buffer.alloc(512)
  block.write(path, 0)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.set(typeof size === 'string' ? Buffer.from(size) : size, 124)
  block.write(mtime, 136)
  block.write(flag, 156)
  block.write(linkPath, 157)
  block.write(magic, 257)
  block.write(prefix, 345)
  return sign(block)
}

/** Writes the checksum of a header block anew. */
export function sign(block: Buffer): Buffer {
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** A header with its data, padded. */
export function block(header: RawHeader): Buffer {
  const { data = new Uint8Array(0) } = header
  return Buffer.concat([headerBlock(header), data, Buffer.alloc((512 - (data.length % 512)) % 512)])
}

export const END: Buffer = Buffer.alloc(1024)

/** The records of a pax header. */
export function paxBody(records: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(records).map(([keyword, value]) => {
    const rest = Buffer.byteLength(` ${keyword}=${value}\n`)
    let length = rest + String(rest).length
    if (String(length).length > String(rest).length) length = rest + String(length).length
    return `${length} ${keyword}=${value}\n`
  })
  return Buffer.from(lines.join(''))
}

/** A pax header block with its records. */
export function pax(records: Readonly<Record<string, string>>, flag = 'x'): Buffer {
  return block({ path: 'PaxHeaders/x', flag, data: paxBody(records) })
}

/**
 * Splits bytes at the given places, for streams. Every piece is overwritten once the next one is
 * asked for.
 */
export async function* inPieces(
  bytes: Uint8Array,
  cuts: readonly number[],
): AsyncGenerator<Uint8Array> {
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
  for (let i = 1; i < places.length; i++) {
    const piece = Uint8Array.from(bytes.subarray(places[i - 1], places[i]))
    yield piece
    piece.fill(0xee)
  }
}

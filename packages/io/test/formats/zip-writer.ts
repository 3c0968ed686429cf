import { crc32, deflateRawSync } from 'node:zlib'

/** A member to write; what is left out is as Info-ZIP has it on Linux. */
export interface ZipInput {
  readonly name: string | Uint8Array
  readonly data?: Uint8Array
  readonly isDeflated?: boolean
  readonly flags?: number
  /** System that wrote it: 0 FAT, 3 Unix, 10 NTFS. */
  readonly system?: number
  readonly extra?: Uint8Array
  /** Name in the header in front of the data. */
  readonly localName?: string
  readonly localExtra?: Uint8Array
  readonly method?: number
}

/** How an archive ends. */
export interface ZipEnd {
  readonly prefix?: Uint8Array
  readonly tail?: Uint8Array
  readonly comment?: string
  readonly zip64?: boolean
  readonly count?: number
  /** Bytes behind the entries of the directory, which its size counts. */
  readonly behindEntries?: Uint8Array
}

/** Writes a zip archive byte by byte. */
export function zipOf(members: readonly ZipInput[], end: ZipEnd = {}): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const member of members) {
    const { data = Buffer.from('data'), flags = 0, system = 3, isDeflated = false } = member
    const { extra = NONE, localExtra = NONE, method = isDeflated ? 8 : 0 } = member
    const name = Buffer.from(member.name as string)
    const localName = member.localName === undefined ? name : Buffer.from(member.localName)
    const stored = isDeflated ? deflateRawSync(data) : data
    const facts = Buffer.alloc(22)
    facts.writeUInt16LE(20, 0)
    facts.writeUInt16LE(flags, 2)
    facts.writeUInt16LE(method, 4)
    facts.writeUInt32LE(crc32(data), 10)
    facts.writeUInt32LE(stored.length, 14)
    facts.writeUInt32LE(data.length, 18)
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04'),
      facts,
      u16(localName.length, localExtra.length),
      localName,
      localExtra,
      stored,
    ])
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    const made = Buffer.from([20, system])
    const lengths = u16(name.length, extra.length)
    entries.push(
      Buffer.concat([Buffer.from('PK\x01\x02'), made, facts, lengths, place, name, extra]),
    )
    locals.push(local)
    at += local.length
  }
  const directory = Buffer.concat([...entries, end.behindEntries ?? NONE])
  const whole = [
    end.prefix ?? NONE,
    ...locals,
    directory,
    endOf(directory.length, at, members.length, end),
  ]
  return Buffer.concat([...whole, end.tail ?? NONE])
}

function endOf(size: number, offset: number, members: number, options: ZipEnd): Buffer {
  const { comment = '', zip64 = false, count = members } = options
  const record = Buffer.alloc(18)
  record.writeUInt16LE(zip64 ? 0xffff : count & 0xffff, 4)
  record.writeUInt16LE(zip64 ? 0xffff : count & 0xffff, 6)
  record.writeUInt32LE(zip64 ? 0xffffffff : size, 8)
  record.writeUInt32LE(zip64 ? 0xffffffff : offset, 12)
  record.writeUInt16LE(comment.length, 16)
  const end = Buffer.concat([Buffer.from('PK\x05\x06'), record, Buffer.from(comment, 'latin1')])
  if (!zip64) return end
  const large = Buffer.alloc(56)
  large.write('PK\x06\x06')
  large.writeBigUInt64LE(44n, 4)
  large.writeBigUInt64LE(BigInt(count), 24)
  large.writeBigUInt64LE(BigInt(count), 32)
  large.writeBigUInt64LE(BigInt(size), 40)
  large.writeBigUInt64LE(BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.write('PK\x06\x07')
  locator.writeBigUInt64LE(BigInt(offset + size), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([large, locator, end])
}

/** A field behind a name: its number and its bytes. */
export function extraField(id: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([u16(id, bytes.length), bytes])
}

/** The Unicode path field of a name. */
export function unicodePath(name: Uint8Array, path: string, version = 1): Buffer {
  const sum = Buffer.alloc(5, version)
  sum.writeUInt32LE(crc32(name), 1)
  return extraField(0x7075, Buffer.concat([sum, Buffer.from(path)]))
}

function u16(...values: readonly number[]): Buffer {
  return Buffer.from(Uint16Array.from(values).buffer)
}

const NONE = Buffer.alloc(0)

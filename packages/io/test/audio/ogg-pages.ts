// Pages of Ogg files (RFC 3533, section 6), to be changed and put together again.

export interface OggPage {
  readonly flags: number
  readonly granule: bigint
  readonly serial: number
  readonly sequence: number
  readonly segments: readonly number[]
  readonly body: Uint8Array
}

export function pagesOf(ogg: Uint8Array): OggPage[] {
  const bytes = Buffer.from(ogg)
  const pages: OggPage[] = []
  for (let at = 0; at < bytes.length; ) {
    const body = at + 27 + bytes[at + 26]!
    const segments = [...bytes.subarray(at + 27, body)]
    const end = body + segments.reduce((sum, size) => sum + size, 0)
    pages.push({
      flags: bytes[at + 5]!,
      granule: bytes.readBigInt64LE(at + 6),
      serial: bytes.readUInt32LE(at + 14),
      sequence: bytes.readUInt32LE(at + 18),
      segments,
      body: bytes.subarray(body, end),
    })
    at = end
  }
  return pages
}

export function oggPage({ flags, granule, serial, sequence, segments, body }: OggPage): Buffer {
  const head = Buffer.alloc(27)
  head.write('OggS')
  head[5] = flags
  head.writeBigInt64LE(granule, 6)
  head.writeUInt32LE(serial >>> 0, 14)
  head.writeUInt32LE(sequence, 18)
  head[26] = segments.length
  const page = Buffer.concat([head, Buffer.from(segments), body])
  page.writeUInt32LE(checksum(page), 22)
  return page
}

/** CRC-32 with the polynomial 0x04c11db7, neither reflected nor inverted. */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) {
    sum ^= byte << 24
    for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1
  }
  return sum >>> 0
}

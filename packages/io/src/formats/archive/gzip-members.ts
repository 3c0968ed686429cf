// Gzip's container (RFC 1952): members of a header, deflated data and a trailer. Node's
// decompressor takes what follows the last member for another one and fails, so members are told
// apart here: zeros between and behind them are passed over as in Python, and what does not begin
// as a member ends the data, as in GNU gzip and libarchive.
import { crc32, createInflateRaw, type InflateRaw, inflateRawSync } from 'node:zlib'
import { CompressedInputError } from './zstd-frames.ts'

const [CHECKSUM_FLAG, EXTRA_FLAG, NAME_FLAG, COMMENT_FLAG] = [2, 4, 8, 16]
const FIXED_BYTES = 10
const TRAILER_BYTES = 8
/** Longest header. An extra field has 64 KiB at most, names and comments have no limit. */
const MAX_HEADER_BYTES = 1024 * 1024

/**
 * Decompresses all members.
 * @throws what the input throws; Error when its end is missing or it is damaged
 */
export async function* gunzip(
  input: AsyncIterable<Uint8Array>,
  chunkSize: number,
): AsyncGenerator<Buffer, void, void> {
  const feed = new Feed(input[Symbol.asyncIterator]())
  try {
    for (let isFirst = true; await feed.isAtMember(isFirst); isFirst = false) {
      await feed.passHeader()
      let sum = 0
      let length = 0
      for await (const piece of inflateMember(feed, chunkSize)) {
        sum = crc32(piece, sum)
        length += piece.length
        yield piece
      }
      checkTrailer(await feed.take(TRAILER_BYTES), sum, length)
    }
    // To the end, so that a failing download is noticed.
    while ((await feed.next()) !== undefined);
  } finally {
    feed.close()
  }
}

/**
 * {@link gunzip} of what is in memory.
 * @throws RangeError with `code` `ERR_BUFFER_TOO_LARGE` when more than `maxBytes` come out
 */
export function gunzipSync(bytes: Buffer, maxBytes: number): Buffer {
  const outputs: Buffer[] = []
  let at = 0
  let left = maxBytes
  for (let isFirst = true; ; isFirst = false) {
    while (!isFirst && bytes[at] === 0) at++
    if (!beginsMember(bytes.subarray(at), isFirst)) return Buffer.concat(outputs)
    const start = headerEnd(bytes.subarray(at))
    if (start === undefined) throw truncated()
    const { buffer, engine } = inflateRawSync(bytes.subarray(at + start), {
      maxOutputLength: Math.max(1, left),
      info: true,
    }) as unknown as { buffer: Buffer; engine: InflateRaw }
    left -= buffer.length
    if (left < 0) throw Object.assign(new RangeError('too large'), { code: 'ERR_BUFFER_TOO_LARGE' })
    at += start + engine.bytesWritten
    if (at + TRAILER_BYTES > bytes.length) throw truncated()
    checkTrailer(bytes.subarray(at, at + TRAILER_BYTES), crc32(buffer), buffer.length)
    at += TRAILER_BYTES
    outputs.push(buffer)
  }
}

/** The data of the member whose header was passed. What follows them goes back to the feed. */
async function* inflateMember(feed: Feed, chunkSize: number): AsyncGenerator<Buffer, void, void> {
  const inflater = createInflateRaw({ chunkSize })
  let last: Buffer = NO_BYTES
  let before = 0
  const give = async (): Promise<void> => {
    for (;;) {
      const piece = await feed.next()
      if (piece === undefined) return void inflater.end()
      before += last.length
      last = piece
      await new Promise((resolve) => inflater.write(piece, resolve))
      // The data end in this piece: what follows is not the inflater's.
      if (inflater.destroyed || inflater.bytesWritten < before + piece.length) return
    }
  }
  give().catch((error) => inflater.destroy(error))
  try {
    yield* inflater as AsyncIterable<Buffer>
    feed.putBack(last.subarray(inflater.bytesWritten - before))
  } finally {
    inflater.destroy()
  }
}

/**
 * Bytes that come in pieces, of which some can be put back. A piece may be overwritten once the
 * next one is asked for.
 */
class Feed {
  private readonly input: AsyncIterator<Uint8Array>
  private rest: Buffer = NO_BYTES

  constructor(input: AsyncIterator<Uint8Array>) {
    this.input = input
  }

  async next(): Promise<Buffer | undefined> {
    const { rest } = this
    this.rest = NO_BYTES
    if (rest.length > 0) return rest
    const step = await this.input.next()
    if (step.done === true) return undefined
    const { buffer, byteOffset, byteLength } = step.value
    // Shared memory could change while it is decompressed.
    return buffer instanceof ArrayBuffer
      ? Buffer.from(buffer, byteOffset, byteLength)
      : Buffer.from(step.value)
  }

  putBack(bytes: Buffer): void {
    this.rest = bytes
  }

  /**
   * Whether a member comes next. Zeros in front of it are passed over, but not at the beginning.
   */
  async isAtMember(isFirst: boolean): Promise<boolean> {
    while (!isFirst && (await this.has(1)) && this.rest[0] === 0) {
      const end = this.rest.findIndex((byte) => byte !== 0)
      this.rest = end === -1 ? NO_BYTES : this.rest.subarray(end)
    }
    await this.has(3)
    return beginsMember(this.rest, isFirst)
  }

  async passHeader(): Promise<void> {
    for (let wanted = FIXED_BYTES; ; wanted = this.rest.length + 1) {
      const isThere = await this.has(wanted)
      const end = headerEnd(this.rest)
      if (end !== undefined) {
        this.rest = this.rest.subarray(end)
        return
      }
      if (!isThere) throw truncated()
    }
  }

  /** So many bytes. @throws CompressedInputError when there are fewer */
  async take(count: number): Promise<Buffer> {
    if (!(await this.has(count))) throw truncated()
    const bytes = this.rest.subarray(0, count)
    this.rest = this.rest.subarray(count)
    return bytes
  }

  /** Not waited for: a source that hangs would hang here too. */
  close(): void {
    Promise.resolve(this.input.return?.()).catch(() => {})
  }

  /** Reads on until so many bytes are there. @returns whether they are */
  private async has(count: number): Promise<boolean> {
    while (this.rest.length < count) {
      const own = Buffer.from(this.rest)
      this.rest = NO_BYTES
      const more = await this.next()
      this.rest = more === undefined ? own : Buffer.concat([own, more])
      if (more === undefined) return false
    }
    return true
  }
}

/**
 * Whether bytes, three of them where there are so many, are the beginning of a member.
 * @throws CompressedInputError when they must be
 */
function beginsMember(bytes: Buffer, isRequired: boolean): boolean {
  const isMagic = bytes[0] === 0x1f && bytes[1] === 0x8b
  if (isMagic && bytes[2] === 8) return true
  if (isRequired)
    throw new CompressedInputError(
      `has an unknown compression method (${bytes[2]}) in its gzip header`,
    )
  if (isMagic && bytes.length === 2) throw truncated()
  return false
}

/** Where a header ends, `undefined` where more of it is wanted. @throws CompressedInputError */
function headerEnd(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED_BYTES) return undefined
  const flags = bytes[3]!
  let end = FIXED_BYTES
  if ((flags & EXTRA_FLAG) !== 0) {
    if (bytes.length < end + 2) return undefined
    end += 2 + bytes.readUInt16LE(end)
  }
  for (const flag of [NAME_FLAG, COMMENT_FLAG]) {
    if ((flags & flag) === 0) continue
    const zero = bytes.indexOf(0, end)
    if (zero === -1 && bytes.length > MAX_HEADER_BYTES)
      throw new CompressedInputError(`has a gzip header of more than ${MAX_HEADER_BYTES} bytes`)
    if (zero === -1) return undefined
    end = zero + 1
  }
  if ((flags & CHECKSUM_FLAG) !== 0) end += 2
  return end <= bytes.length ? end : undefined
}

function checkTrailer(trailer: Buffer, sum: number, length: number): void {
  if (trailer.readUInt32LE(0) !== sum) throw new CompressedInputError('incorrect data check')
  if (trailer.readUInt32LE(4) !== length % 2 ** 32)
    throw new CompressedInputError('incorrect length check')
}

function truncated(): CompressedInputError {
  return new CompressedInputError('is truncated: its compressed data ends too early')
}

const NO_BYTES = Buffer.alloc(0)

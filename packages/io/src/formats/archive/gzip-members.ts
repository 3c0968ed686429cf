// Gzip's container (RFC 1952): members of a header, deflated data and a trailer. Node's
// decompressor fails on bytes after the last member, because it expects another member there. So
// this module separates the members. It skips zeros between and after them, as Python does. Any
// other bytes end the data, as in GNU gzip and libarchive.
import type { InflateRaw } from 'node:zlib'
import { nodeZlib } from '../../builtins.ts'
import { CompressedInputError } from './zstd-frames.ts'

const [CHECKSUM_FLAG, EXTRA_FLAG, NAME_FLAG, COMMENT_FLAG] = [2, 4, 8, 16]
const FIXED_BYTES = 10
const TRAILER_BYTES = 8
/** Longest accepted header. An extra field has at most 64 KiB; names and comments have no limit. */
const MAX_HEADER_BYTES = 1024 * 1024

/**
 * Decompresses all members.
 *
 * @throws the errors of the input; Error if the data are damaged or truncated
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
        sum = nodeZlib().crc32(piece, sum)
        length += piece.length
        yield piece
      }
      checkTrailer(await feed.take(TRAILER_BYTES), sum, length)
    }
    // Reads to the end, so that a failing download is noticed.
    while ((await feed.next()) !== undefined);
  } finally {
    feed.close()
  }
}

/**
 * {@link gunzip} for bytes in memory.
 *
 * @throws RangeError with `code` `ERR_BUFFER_TOO_LARGE` if the result exceeds `maxBytes`
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
    const { buffer, engine } = nodeZlib().inflateRawSync(bytes.subarray(at + start), {
      maxOutputLength: Math.max(1, left),
      info: true,
    }) as unknown as { buffer: Buffer; engine: InflateRaw }
    left -= buffer.length
    if (left < 0) throw Object.assign(new RangeError('too large'), { code: 'ERR_BUFFER_TOO_LARGE' })
    at += start + engine.bytesWritten
    if (at + TRAILER_BYTES > bytes.length) throw truncated()
    checkTrailer(bytes.subarray(at, at + TRAILER_BYTES), nodeZlib().crc32(buffer), buffer.length)
    at += TRAILER_BYTES
    outputs.push(buffer)
  }
}

/** Decompresses the member after its header. Bytes after the member go back to the feed. */
async function* inflateMember(feed: Feed, chunkSize: number): AsyncGenerator<Buffer, void, void> {
  const inflater = nodeZlib().createInflateRaw({ chunkSize })
  let last: Buffer = NO_BYTES
  let before = 0
  const give = async (): Promise<void> => {
    for (;;) {
      const piece = await feed.next()
      if (piece === undefined) return void inflater.end()
      before += last.length
      last = piece
      await new Promise((resolve) => inflater.write(piece, resolve))
      // The data end in this piece: the inflater ignores the rest.
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
 * A byte stream to which bytes can be put back. A piece may be overwritten once the next one is
 * requested.
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

  /** Whether a member comes next. Zeros in front of it are skipped, except at the beginning. */
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

  /**
   * Takes `count` bytes.
   *
   * @throws CompressedInputError if there are fewer
   */
  async take(count: number): Promise<Buffer> {
    if (!(await this.has(count))) throw truncated()
    const bytes = this.rest.subarray(0, count)
    this.rest = this.rest.subarray(count)
    return bytes
  }

  /** Not awaited: if the source hangs, the wait would hang too. */
  close(): void {
    Promise.resolve(this.input.return?.()).catch(() => {})
  }

  /**
   * Reads until `count` bytes are there.
   *
   * @returns whether they are there
   */
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
 * Whether the first bytes (three, if there are that many) begin a member.
 * @throws CompressedInputError if they must begin a member and do not
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

/**
 * End of a header; `undefined` if more bytes are needed.
 *
 * @throws CompressedInputError if the header is malformed
 */
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

import { MediaError } from '../errors.ts'

/** One chunk of a RIFF file. */
interface Chunk {
  readonly type: string
  readonly body: Buffer
}

/** The chunks of a WebP file (RFC 9649, section 2.3), or those inside a chunk, from position `at`. */
function* chunks(bytes: Buffer, at: number): Generator<Chunk> {
  for (let next = at; next + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(next + 4)
    yield { type: bytes.toString('latin1', next, next + 4), body: bytes.subarray(next + 8, next + 8 + size) }
    next += 8 + size + (size & 1)
  }
}

/** The EXIF data of a WebP file. Some writers put JPEG's header before it. */
export function webpExif(bytes: Buffer): Buffer | undefined {
  for (const { type, body } of chunks(bytes, 12)) {
    if (type === 'EXIF') return body.toString('latin1', 0, 6) === 'Exif\0\0' ? body.subarray(6) : body
  }
  return undefined
}

const ANIMATION_FLAG = 2

/**
 * The first picture of an animated WebP file as a file of its own, without its alpha; a still one as it is. FFmpeg reads
 * only still ones.
 *
 * @throws MediaError `ERR_UNSUPPORTED` where the first picture does not cover the canvas
 */
export function firstWebpPicture(bytes: Buffer): Buffer {
  if (bytes.toString('latin1', 12, 16) !== 'VP8X' || bytes.length < 30) return bytes
  if ((bytes[20]! & ANIMATION_FLAG) === 0) return bytes
  const canvas = bytes.subarray(24, 30)
  for (const { type, body } of chunks(bytes, 12)) {
    if (type !== 'ANMF' || body.length < 16) continue
    if (!body.subarray(6, 12).equals(canvas)) {
      throw new MediaError(
        'ERR_UNSUPPORTED',
        'the first picture of the animation does not cover it; the sharp backend reads it',
      )
    }
    for (const picture of chunks(body, 16)) {
      if (picture.type === 'VP8 ' || picture.type === 'VP8L') return stillWebp(picture)
    }
  }
  throw new Error('the WebP file has no whole picture')
}

function stillWebp({ type, body }: Chunk): Buffer {
  const padded = body.length + (body.length & 1)
  const file = Buffer.alloc(20 + padded)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(12 + padded, 4)
  file.write(`WEBP${type}`, 8, 'latin1')
  file.writeUInt32LE(body.length, 16)
  body.copy(file, 20)
  return file
}

import { pipeline, Readable, type Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { gunzip, gunzipSync } from './gzip-members.ts'
import { CompressedInputError, ZstdFrames } from './zstd-frames.ts'

/**
 * How an archive is compressed. All except the first two are only detected, to be refused by name.
 */
export type Compression = 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lz4' | 'compress'

/** Number of leading bytes that identify the compression. */
export const MAGIC_BYTES = 10

const MAGICS: readonly [Compression, string][] = [
  ['gzip', '1f8b08'],
  ['zstd', '28b52ffd'],
  ['zstd', '5.2a4d18'], // a frame without data, as pzstd puts first
  ['bzip2', '425a68..314159265359'], // "BZh" alone could begin a name
  ['xz', 'fd377a585a00'],
  ['lz4', '04224d18'],
  ['compress', '1f9d'],
]

/** The compression that the first bytes indicate; `undefined` for none. */
export function sniffCompression(head: Buffer): Compression | undefined {
  const hex = head.toString('hex', 0, MAGIC_BYTES)
  return MAGICS.find(([, magic]) => new RegExp(`^${magic}`).test(hex))?.[0]
}

/** Why this Node cannot read a compression; `undefined` if it can. */
export function whyNot(compression: Compression): string | undefined {
  if (compression === 'gzip') return undefined
  if (compression !== 'zstd')
    return `is compressed with ${compression}, which is not supported; gzip and zstd are`
  if (zstd.createZstdDecompress !== undefined) return undefined
  return `is compressed with zstd, which Node ${process.versions.node} cannot read; Node 22.15, 23.8 and later can`
}

/** Not in the types of the oldest Node. */
const zstd = zlib as {
  createZstdDecompress?: (options: { chunkSize: number }) => Transform
  zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer
}

const OUTPUT_CHUNK = 128 * 1024

/**
 * Decompresses a stream. The caller has checked {@link whyNot}.
 *
 * @throws the errors of the input; Error if the data are damaged or truncated
 */
export async function* decompress(
  compression: Compression,
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, void> {
  if (compression === 'gzip') return yield* gunzip(input, OUTPUT_CHUNK)
  const pieces = Readable.from(cutFrames(own(input)), { objectMode: false, highWaterMark: 1 })
  const output = zstd.createZstdDecompress!({ chunkSize: OUTPUT_CHUNK })
  // Also destroys one stream when the other fails or is closed early.
  pipeline(pieces, output, () => {})
  yield* output
}

/**
 * Copies each piece: the next piece is read while this one is still being decompressed, and may
 * overwrite it.
 */
async function* own(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of input) yield Buffer.from(piece)
}

async function* cutFrames(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const frames = new ZstdFrames()
  for await (const piece of input) yield* frames.cut(piece)
  if (!frames.isBetweenFrames)
    throw new CompressedInputError('is truncated: its compressed data ends too early')
}

/**
 * Decompresses all bytes at once. The caller has checked {@link whyNot}.
 *
 * @throws RangeError with `code` `ERR_BUFFER_TOO_LARGE` if the result exceeds `maxBytes`; Error if
 *   the data are damaged
 */
export function decompressSync(compression: Compression, bytes: Buffer, maxBytes: number): Buffer {
  if (compression === 'gzip') return gunzipSync(bytes, maxBytes)
  const frames = new ZstdFrames()
  const outputs: Buffer[] = []
  let left = maxBytes
  for (const frame of frames.cut(bytes)) {
    if (!frames.isBetweenFrames) break
    const output = zstd.zstdDecompressSync!(frame, { maxOutputLength: Math.max(left, 1) })
    left -= output.length
    if (left < 0) throw Object.assign(new RangeError('too large'), { code: 'ERR_BUFFER_TOO_LARGE' })
    outputs.push(output)
  }
  if (!frames.isBetweenFrames)
    throw new CompressedInputError('is truncated: its compressed data ends too early')
  return outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs)
}

/** Whether an error is the decompressor's complaint about its input. */
export function isDecompressionError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return error instanceof CompressedInputError || /^Z(STD)?_/.test(code)
}

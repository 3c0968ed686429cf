import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import { messageOf, SpindleError } from '../../errors.ts'
import { compressionOf } from '../manifest/compressed.ts'

/** Bytes that tell the compression. */
const HEAD = 8

/**
 * The pieces of a file, decompressed if its first bytes say that it is compressed by gzip or zstd.
 *
 * @param file name of the file, for messages
 * @throws `ERR_BAD_SOURCE` for other compressions and for damaged data; `ERR_UNSUPPORTED` for zstd
 *   before Node 22.15
 */
export async function* decompressed(
  pieces: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array, void, void> {
  const iterator = pieces[Symbol.asyncIterator]()
  const whole = { [Symbol.asyncIterator]: () => iterator }
  let isOpen = true
  try {
    const first: Uint8Array[] = []
    for (let bytes = 0; bytes < HEAD; ) {
      const step = await iterator.next()
      if (step.done === true) {
        isOpen = false
        break
      }
      first.push(new Uint8Array(step.value))
      bytes += step.value.byteLength
    }
    const head = Buffer.concat(first)
    const compression = compressionOf(head)
    if (compression === undefined) {
      if (head.length > 0) yield head
      if (isOpen) yield* whole
      return
    }
    yield* inflate(makeStream(compression, file), head, isOpen ? whole : [], file)
    isOpen = false
  } finally {
    if (isOpen) await iterator.return?.()
  }
}

function makeStream(compression: string, file: string): Transform {
  // What follows the last member of gzip is refused by Node unless it is zeros.
  if (compression === 'gzip') return zlib.createGunzip()
  if (compression !== 'zstd')
    throw new SpindleError(
      'ERR_BAD_SOURCE',
      `${file} is compressed with ${compression}; gzip and zstd are read: compress it anew`,
    )
  const { createZstdDecompress } = zlib as unknown as { createZstdDecompress?: () => Transform }
  if (createZstdDecompress === undefined)
    throw new SpindleError(
      'ERR_UNSUPPORTED',
      `${file} is compressed with zstd, which needs Node 22.15 or later; this is ${process.version}`,
    )
  return createZstdDecompress()
}

async function* inflate(
  stream: Transform,
  head: Uint8Array,
  rest: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array, void, void> {
  let fault: { readonly error: unknown } | undefined
  const feed = (async () => {
    try {
      await write(stream, head)
      for await (const piece of rest) if (!(await write(stream, piece))) return
      stream.end()
    } catch (error) {
      fault = { error }
      stream.destroy()
    }
  })()
  try {
    for await (const piece of stream) yield piece as Buffer
  } catch (error) {
    if (fault === undefined)
      throw new SpindleError('ERR_BAD_SOURCE', `${file} is damaged: ${messageOf(error)}`, {
        cause: error,
      })
  } finally {
    stream.destroy()
    await feed
  }
  if (fault !== undefined) throw fault.error
}

/** Writes into a stream, and waits while it is full. @returns whether it is still open */
function write(stream: Transform, bytes: Uint8Array): Promise<boolean> | boolean {
  if (stream.destroyed) return false
  if (stream.write(bytes)) return true
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve(!stream.destroyed)
    }
    stream.on('drain', done).on('close', done)
  })
}

import * as zlib from 'node:zlib'
import { damaged, MediaError, missingBackend } from '../../base/errors.ts'
import { lz4Frame } from './lz4.ts'

// Only Node 22.15 and later have it.
const { zstdDecompressSync } = zlib as {
  zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array
}

/** The library that reads Arrow. */
export type Flechette = typeof import('@uwdata/flechette')

let isSet = false
/** Most bytes that a buffer may decompress to. Decoding is synchronous, so one number is enough. */
let mostBytes = Number.POSITIVE_INFINITY

/**
 * Loads `@uwdata/flechette` on the first call, and gives it LZ4 and zstd.
 *
 * @throws MediaError `ERR_BACKEND_MISSING`. The message says what to install
 */
export async function loadFlechette(): Promise<Flechette> {
  let library: Flechette
  try {
    library = await import('@uwdata/flechette')
  } catch (error) {
    throw missingBackend('Arrow', '@uwdata/flechette', error)
  }
  if (isSet) return library
  isSet = true
  const { CompressionType, getCompressionCodec, setCompressionCodec } = library
  const encode = (): never => {
    throw new MediaError('ERR_UNSUPPORTED', 'Spindle does not write Arrow')
  }
  // What the program has set stays.
  if (getCompressionCodec(CompressionType.LZ4_FRAME) === null)
    setCompressionCodec(CompressionType.LZ4_FRAME, {
      decode: (bytes) => lz4Frame(bytes, mostBytes),
      encode,
    })
  if (getCompressionCodec(CompressionType.ZSTD) === null)
    setCompressionCodec(CompressionType.ZSTD, { decode: unzstd, encode })
  return library
}

/** Runs `decode` while no buffer may decompress to more than `bytes`. */
export function bounded<T>(bytes: number, decode: () => T): T {
  mostBytes = bytes
  try {
    return decode()
  } finally {
    mostBytes = Number.POSITIVE_INFINITY
  }
}

function unzstd(bytes: Uint8Array): Uint8Array {
  if (zstdDecompressSync === undefined)
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `its buffers are compressed with zstd, which needs Node 22.15 or later; this is ${process.version}`,
    )
  try {
    const maxOutputLength = Math.min(mostBytes, 2 ** 32)
    // Memory of its own, aligned for every type.
    return new Uint8Array(zstdDecompressSync(bytes, { maxOutputLength }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new MediaError('ERR_TOO_LARGE', `a buffer decompresses to more than ${mostBytes} bytes`)
    throw damaged(`damaged: ${(error as Error).message}`)
  }
}

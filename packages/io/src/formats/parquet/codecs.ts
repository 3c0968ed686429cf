import * as zlib from 'node:zlib'
import { MediaError } from '../../base/errors.ts'
import { snappyInto } from './columns/snappy.ts'

/** Decompression functions by the names of Parquet's codecs: `GZIP`, `ZSTD`, … */
export type ParquetDecompressors = Readonly<
  Record<string, (input: Uint8Array, outputLength: number) => Uint8Array>
>

/** Smallest memory of a row in bytes, whatever its contents. */
const ROW_BYTES = 64
/** Smallest memory of a column's value, in bytes. */
const VALUE_BYTES = 4

/** The memory budget of one row group. Sizes in an untrusted file may be wrong. */
export class GroupBudget {
  private readonly maxBytes: number
  private left: number
  private values = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
    this.left = maxBytes
  }

  /** @throws MediaError `ERR_TOO_LARGE`, which does not name the file */
  takeRows(rows: number): void {
    if (rows * ROW_BYTES > this.maxBytes)
      throw this.tooLarge(`has ${rows} rows of ${ROW_BYTES} bytes or more`)
  }

  /** @throws MediaError `ERR_TOO_LARGE`, which does not name the file */
  takeValues(values: number): void {
    this.values += values
    if (this.values * VALUE_BYTES > this.maxBytes)
      throw this.tooLarge(`has ${this.values} values of ${VALUE_BYTES} bytes or more`)
  }

  /** @throws MediaError `ERR_TOO_LARGE`, which does not name the file */
  takePage(bytes: number): void {
    // This also holds if the file's value is no size.
    if (!(bytes >= 0 && bytes <= this.left)) throw this.tooLarge('decompresses to more')
    this.left -= bytes
  }

  /** @throws MediaError `ERR_TOO_LARGE`, which does not name the file */
  checkTexts(bytes: number): void {
    if (bytes > Math.min(this.maxBytes, 2 ** 31 - 1))
      throw this.tooLarge(`has ${bytes} bytes of text`)
  }

  private tooLarge(what: string): MediaError {
    return new MediaError(
      'ERR_TOO_LARGE',
      `a row group ${what}; \`maxGroupBytes\` is ${this.maxBytes}`,
    )
  }
}

/**
 * Decompression for the pages of one row group: exactly the declared size of a page, within the
 * budget.
 */
export function codecs(given: ParquetDecompressors, budget: GroupBudget): ParquetDecompressors {
  const all = { ...builtIn(), ...given }
  return Object.fromEntries(
    Object.entries(all).map(([name, decompress]) => [
      name,
      (input: Uint8Array, outputLength: number): Uint8Array => {
        budget.takePage(outputLength)
        return decompress(input, outputLength)
      },
    ]),
  )
}

/** The names of the codecs that can be decompressed. */
export function codecNames(given: ParquetDecompressors): string[] {
  return ['UNCOMPRESSED', ...Object.keys({ ...builtIn(), ...given })]
}

function builtIn(): ParquetDecompressors {
  // Only Node 22.15 and later have it.
  const { zstdDecompressSync } = zlib as {
    zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array
  }
  const upTo = (length: number): { maxOutputLength: number } => ({
    maxOutputLength: Math.max(1, length),
  })
  return {
    SNAPPY(input, length) {
      const output = new Uint8Array(length)
      snappyInto(input, output)
      return output
    },
    GZIP: (input, length) => zlib.gunzipSync(input, upTo(length)),
    BROTLI: (input, length) => zlib.brotliDecompressSync(input, upTo(length)),
    ...(zstdDecompressSync === undefined
      ? {}
      : { ZSTD: (input, length) => zstdDecompressSync(input, upTo(length)) }),
  }
}

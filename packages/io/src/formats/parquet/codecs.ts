import * as zlib from 'node:zlib'
import { MediaError } from '../../base/errors.ts'
import type { Hyparquet } from './hyparquet.ts'

/** Decompression by the names of Parquet's codecs: `GZIP`, `ZSTD`, … */
export type ParquetDecompressors = Readonly<
  Record<string, (input: Uint8Array, outputLength: number) => Uint8Array>
>

/** Smallest memory that a row takes, whatever is in it. */
const ROW_BYTES = 64
/** Smallest memory that a value of a column takes. */
const VALUE_BYTES = 4

/** What one row group may come to. What it says of itself is the word of a stranger. */
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
    // Not a size either when the file says something that is none.
    if (!(bytes >= 0 && bytes <= this.left)) throw this.tooLarge('decompresses to more')
    this.left -= bytes
  }

  private tooLarge(what: string): MediaError {
    return new MediaError(
      'ERR_TOO_LARGE',
      `a row group ${what}; \`maxGroupBytes\` is ${this.maxBytes}`,
    )
  }
}

/**
 * What decompresses the pages of one row group: as many bytes as a page says and no more, within
 * the budget.
 */
export function codecs(
  library: Hyparquet,
  given: ParquetDecompressors,
  budget: GroupBudget,
): ParquetDecompressors {
  const all = { ...builtIn(library), ...given }
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
export function codecNames(library: Hyparquet, given: ParquetDecompressors): string[] {
  return ['UNCOMPRESSED', ...Object.keys({ ...builtIn(library), ...given })]
}

function builtIn({ snappyUncompress }: Hyparquet): ParquetDecompressors {
  // From Node 22.15 on.
  const { zstdDecompressSync } = zlib as {
    zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array
  }
  const upTo = (length: number): { maxOutputLength: number } => ({
    maxOutputLength: Math.max(1, length),
  })
  return {
    SNAPPY(input, length) {
      const output = new Uint8Array(length)
      snappyUncompress(input, output)
      return output
    },
    GZIP: (input, length) => zlib.gunzipSync(input, upTo(length)),
    BROTLI: (input, length) => zlib.brotliDecompressSync(input, upTo(length)),
    ...(zstdDecompressSync === undefined
      ? {}
      : { ZSTD: (input, length) => zstdDecompressSync(input, upTo(length)) }),
  }
}

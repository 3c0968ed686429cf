import * as zlib from 'node:zlib'

/** Decompression by the names of Parquet's codecs: `GZIP`, `ZSTD`, … */
export type ParquetDecompressors = Readonly<
  Record<string, (input: Uint8Array, outputLength: number) => Uint8Array>
>

/** What Node itself decompresses. Snappy is `hyparquet`'s own. */
export function codecs(): ParquetDecompressors {
  // From Node 22.15 on.
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (input: Uint8Array) => Uint8Array }
  return {
    GZIP: (input) => zlib.gunzipSync(input),
    BROTLI: (input) => zlib.brotliDecompressSync(input),
    ...(zstdDecompressSync === undefined ? {} : { ZSTD: (input) => zstdDecompressSync(input) }),
  }
}

import { damaged } from '../../../base/errors.ts'

/** A part of a file. */
export interface FileSpan {
  readonly start: number
  readonly end: number
}

/** @throws MediaError `ERR_DECODE` for a part that is not in a file of `size` bytes */
export function checkSpan({ start, end }: FileSpan, size: number): void {
  if (!(start >= 4 && end >= start && end <= size))
    throw damaged('damaged: a column is outside of the file')
}

/** Bytes of a file, and where they are in it. */
export interface FilePiece {
  readonly start: number
  readonly bytes: Uint8Array
}

/** A file of which only some pieces are there. */
export function fileOf(pieces: readonly FilePiece[]): {
  readonly byteLength: number
  slice(start: number, end?: number): Promise<ArrayBuffer>
} {
  const byteLength = Math.max(...pieces.map(({ start, bytes }) => start + bytes.length))
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const slice = new Uint8Array(end - start)
      for (const piece of pieces) {
        const from = Math.max(start, piece.start)
        const to = Math.min(end, piece.start + piece.bytes.length)
        if (from < to)
          slice.set(piece.bytes.subarray(from - piece.start, to - piece.start), from - start)
      }
      return slice.buffer
    },
  }
}

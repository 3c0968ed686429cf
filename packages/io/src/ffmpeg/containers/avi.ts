import type { SyncReader } from '../../files/routine.ts'

/** Largest index that is read, in bytes: 16 for each chunk. */
const MOST_INDEX_BYTES = 1 << 26

/**
 * Number of non-empty chunks of an AVI stream, from the index (`idx1`). The header also counts
 * empty chunks, which show the previous frame for longer. `undefined` if there is no index, or if
 * the file has several parts.
 */
export function countAviChunks(reader: SyncReader, stream: number): number | undefined {
  const { size } = reader
  if (size < 12 || text(reader.read(0, 4)) !== 'RIFF' || text(reader.read(8, 4)) !== 'AVI ')
    return undefined
  let count: number | undefined
  let parts = 0
  for (let at = 0; at + 12 <= size && parts < 2; ) {
    const head = Buffer.from(reader.read(at, 12))
    const [id, length] = [head.toString('latin1', 0, 4), head.readUInt32LE(4)]
    if (id === 'RIFF') {
      parts += 1
      at += 12
      continue
    }
    if (id === 'idx1') count = countIn(reader, at + 8, Math.min(length, size - at - 8), stream)
    at += 8 + length + (length & 1)
  }
  return parts === 1 ? count : undefined
}

function countIn(
  reader: SyncReader,
  start: number,
  length: number,
  stream: number,
): number | undefined {
  if (length > MOST_INDEX_BYTES) return undefined
  const index = Buffer.from(reader.read(start, length))
  const number = String(stream).padStart(2, '0')
  let count = 0
  for (let at = 0; at + 16 <= index.length; at += 16) {
    const id = index.toString('latin1', at, at + 4)
    const isPicture = id.startsWith(number) && (id.endsWith('dc') || id.endsWith('db'))
    if (isPicture && index.readUInt32LE(at + 12) > 0) count += 1
  }
  return count
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

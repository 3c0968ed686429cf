import type { Json } from '../../engine/seekable.ts'
import { messageOf, SpindleError } from '../../errors.ts'
import { changed, type ManifestReader } from './manifest-bytes.ts'
import { isBlank, RECORDS_A_BLOCK, type RecordIndex, textOf } from './record-index.ts'

/** Bytes per read where records follow each other. */
const AHEAD_BYTES = 256 * 1024

/** Records that are read but not parsed yet. */
interface Loaded {
  /** Number of the first record. */
  readonly first: number
  readonly bytes: Uint8Array
  /** Position of `bytes` in the file. */
  readonly offset: number
  /** Start and end of each record in `bytes`: two numbers per record. */
  readonly ends: readonly number[]
}

/** The records of a file at `positions`. */
export async function* readRecords(
  index: RecordIndex,
  positions: Iterable<number>,
): AsyncGenerator<Json, void, void> {
  const file = await index.file.open()
  try {
    let loaded: Loaded | undefined
    for (const position of positions) {
      const last = loaded === undefined ? 0 : loaded.first + loaded.ends.length / 2
      if (loaded === undefined || position < loaded.first || position >= last)
        loaded = await load(index, file, position, position === last)
      yield parse(index, loaded, position)
    }
  } finally {
    await file.close()
  }
}

async function load(
  index: RecordIndex,
  file: ManifestReader,
  position: number,
  isNext: boolean,
): Promise<Loaded> {
  const { starts, dialect } = index
  const block = Math.floor(position / RECORDS_A_BLOCK)
  const offset = starts[block]!
  let end = block + 1
  if (isNext) while (end + 1 < starts.length && starts[end + 1]! - offset <= AHEAD_BYTES) end++
  const bytes = await file.read(offset, starts[end]! - offset)
  const ends: number[] = []
  const scanner = dialect.ends()
  for (let at = 0; at < bytes.length; ) {
    const found = scanner.next(bytes, at)
    const after = found === -1 ? bytes.length : found
    if (!isBlank(bytes, at, after)) ends.push(at, after)
    at = after
  }
  return { first: block * RECORDS_A_BLOCK, bytes, offset, ends }
}

function parse(
  { file, dialect }: RecordIndex,
  { first, bytes, offset, ends }: Loaded,
  position: number,
): Json {
  const [from, end] = [ends[2 * (position - first)], ends[2 * (position - first) + 1]]
  if (from === undefined || end === undefined) throw changed(file.name)
  try {
    return dialect.parse(textOf(bytes, from, end))
  } catch (error) {
    throw new SpindleError(
      'ERR_BAD_RECORD',
      `${file.name}: record ${position}, at byte ${offset + from}, cannot be read: ${printable(messageOf(error))}`,
      { cause: error },
    )
  }
}

/** Escapes a damaged record for an error message: raw bytes could control a terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\ufffd]+/gu, '?')
}

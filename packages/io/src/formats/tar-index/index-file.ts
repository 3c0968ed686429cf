import { createHash } from 'node:crypto'
import { TarMembers } from './index-members.ts'

/** The state of an archive. */
export interface ArchiveIdentity {
  /** Size of the archive, in bytes. */
  readonly size: number
  /**
   * Modification time of a file, in milliseconds; the `ETag` or `Last-Modified` of a URL; `null` if
   * there is none.
   */
  readonly modified: number | string | null
}

/** An index that was read from its file, of an archive of the same size. */
export interface KeptIndex {
  readonly members: TarMembers
  /** Whether the archive was not touched since: it has the same time, or the same `ETag`. */
  readonly isSameState: boolean
  /** The digest of the archive's samples; `undefined` in files of the first version. */
  readonly digest: string | undefined
}

/** Why an index is refused whose archive has other content. */
export const OTHER_CONTENT = 'is of an archive of other content'

const FORMAT = 'spindle-tar-index'
const VERSION = 2
/** Bytes at both ends of an archive that identify it. */
const END_BYTES = 1 << 16
/** Members whose headers identify it, at even distances. */
const HEADERS = 16
const HEADER_BYTES = 512

/**
 * Prints an index as JSON, one column after the other.
 *
 * @param digest of the archive's {@link samplesOf}, so that the index can be published beside it
 */
export function printIndex(
  members: TarMembers,
  { size, modified }: ArchiveIdentity,
  digest: string,
): string {
  const { paths, offsets, sizes } = members
  const archive = { size, modified, digest }
  return `${JSON.stringify({ format: FORMAT, version: VERSION, archive, paths, offsets, sizes })}\n`
}

/**
 * Parses the output of {@link printIndex}.
 *
 * @returns the index, or the reason why it is not that of the archive
 */
export function parseIndex(text: string, archive: ArchiveIdentity): KeptIndex | string {
  let index: Partial<Record<string, unknown>>
  try {
    index = Object(JSON.parse(text))
  } catch {
    return 'is not JSON'
  }
  if (index.format !== FORMAT) return 'is not a tar index'
  if (index.version !== 1 && index.version !== VERSION)
    return `is of version ${index.version}, where ${VERSION} is read`
  const { size, modified, digest } = Object(index.archive) as Partial<
    ArchiveIdentity & { readonly digest: unknown }
  >
  if (size !== archive.size)
    return `is of an archive of ${size} bytes, and this has ${archive.size}`
  const { paths, offsets, sizes } = index
  if (!isColumn(paths, isText) || !isColumn(offsets, isCount) || !isColumn(sizes, isCount))
    return 'is damaged'
  if (offsets.length !== paths.length || sizes.length !== paths.length) return 'is damaged'
  const members = new TarMembers()
  for (const [number, path] of paths.entries()) {
    const [offset, bytes] = [offsets[number]!, sizes[number]!]
    if (offset + bytes > archive.size) return 'is damaged'
    members.paths.push(path)
    members.offsets.push(offset)
    members.sizes.push(bytes)
  }
  return {
    members,
    isSameState: modified === archive.modified && modified !== null,
    digest: isText(digest) ? digest : undefined,
  }
}

/**
 * The ranges of an archive whose bytes identify it: both ends, and the headers of members at even
 * distances. Its time and its `ETag` change when it is copied.
 */
export function samplesOf(
  size: number,
  { offsets }: TarMembers,
): readonly (readonly [start: number, end: number])[] {
  const count = Math.min(HEADERS, offsets.length)
  const headers = Array.from({ length: count }, (_, number) => {
    const offset = offsets[Math.floor((number * offsets.length) / count)] as number
    return [Math.max(0, offset - HEADER_BYTES), offset] as const
  })
  return [[0, Math.min(size, END_BYTES)], [Math.max(0, size - END_BYTES), size], ...headers]
}

/** The digest of the bytes of {@link samplesOf}. */
export function digestOf(samples: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const bytes of samples) hash.update(bytes)
  return hash.digest('hex').slice(0, 32)
}

/** Whether two indices have the same members at the same positions. */
export function isSameIndex(a: TarMembers, b: TarMembers): boolean {
  const columns = ['paths', 'offsets', 'sizes'] as const
  return columns.every(
    (name) =>
      a[name].length === b[name].length && a[name].every((cell, row) => cell === b[name][row]),
  )
}

function isColumn<T>(column: unknown, isCell: (cell: unknown) => cell is T): column is T[] {
  return Array.isArray(column) && column.every(isCell)
}

function isText(cell: unknown): cell is string {
  return typeof cell === 'string'
}

function isCount(cell: unknown): cell is number {
  return Number.isSafeInteger(cell) && (cell as number) >= 0
}

import { TarMembers } from './index-members.ts'

/** Identifies the state of an archive. An index of another state is not used. */
export interface ArchiveIdentity {
  /** Size of the archive, in bytes. */
  readonly size: number
  /**
   * Modification time of a file, in milliseconds; the `ETag` or `Last-Modified` of a URL; `null` if
   * there is none.
   */
  readonly modified: number | string | null
}

const FORMAT = 'spindle-tar-index'
const VERSION = 1

/** Prints an index as JSON, one column after the other. */
export function printIndex(members: TarMembers, { size, modified }: ArchiveIdentity): string {
  const { paths, offsets, sizes } = members
  return `${JSON.stringify({ format: FORMAT, version: VERSION, archive: { size, modified }, paths, offsets, sizes })}\n`
}

/**
 * Parses the output of {@link printIndex}.
 *
 * @returns the members, or the reason why they are not those of the archive
 */
export function parseIndex(text: string, archive: ArchiveIdentity): TarMembers | string {
  let index: Partial<Record<string, unknown>>
  try {
    index = Object(JSON.parse(text))
  } catch {
    return 'is not JSON'
  }
  if (index.format !== FORMAT) return 'is not a tar index'
  if (index.version !== VERSION) return `is of version ${index.version}, where ${VERSION} is read`
  const { size, modified } = Object(index.archive) as Partial<ArchiveIdentity>
  if (size !== archive.size)
    return `is of an archive of ${size} bytes, and this has ${archive.size}`
  if (modified !== archive.modified) return 'is older or newer than the archive'
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
  return members
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

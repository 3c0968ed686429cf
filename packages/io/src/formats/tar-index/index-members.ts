import type { ArchiveEntry, ArchiveTable } from '../archive/archive-files.ts'
import type { MutableMember } from '../tar/headers.ts'
import type { TarFilterOptions } from '../tar/tar-options.ts'
import type { Plan } from '../tar/walk-tar.ts'

/** The position of a file in an archive. */
export interface TarIndexEntry extends ArchiveEntry {
  /** Offset of its data from the beginning of the archive, in bytes. */
  readonly offset: number
}

/** The files of an archive, as columns: a member takes the bytes of its path and two numbers. */
export class TarMembers implements ArchiveTable<TarIndexEntry> {
  readonly paths: string[] = []
  readonly offsets: number[] = []
  readonly sizes: number[] = []
  private numbers: Map<string, number> | undefined

  /** Adds a file, or a hard link to an earlier file. A link to a missing file is left out. */
  add({ path, type, offset, size, linkPath }: MutableMember): void {
    const target = type === 'link' ? this.byPath.get(linkPath as string) : undefined
    if (type === 'link' && target === undefined) return
    this.numbers?.set(path, this.paths.length)
    this.paths.push(path)
    this.offsets.push(target === undefined ? offset : this.offsets[target]!)
    this.sizes.push(target === undefined ? size : this.sizes[target]!)
  }

  /** The number of each path. If two members have the same path, the later one counts. */
  get byPath(): ReadonlyMap<string, number> {
    this.numbers ??= new Map(this.paths.map((path, number) => [path, number]))
    return this.numbers
  }

  at(number: number): TarIndexEntry {
    const { paths, offsets, sizes } = this
    return { number, path: paths[number]!, offset: offsets[number]!, size: sizes[number]! }
  }

  placeOf(number: number): number {
    return this.offsets[number]!
  }
}

/** The plan of the walk that builds an index. */
export function indexPlan({
  concatenated = false,
  requireEndMarker = false,
}: TarFilterOptions): Plan {
  return {
    types: new Set(['file', 'link']),
    filter: undefined,
    maxMemberBytes: 0,
    concatenated,
    requireEndMarker,
    givesViews: false,
    isReused: true,
    reusesMemory: false,
    leavesData: true,
  }
}

import type { ArchiveEntry, ArchiveTable } from '../archive/archive-files.ts'
import type { MutableMember } from '../tar/headers.ts'
import type { TarFilterOptions } from '../tar/tar-options.ts'
import type { Plan } from '../tar/walk-tar.ts'

/** Where the data of a member lies. */
export interface TarIndexEntry extends ArchiveEntry {
  /** Bytes from the beginning of the archive. */
  readonly offset: number
}

/**
 * The files of an archive, as columns: a member takes as many bytes as its path and two numbers do.
 */
export class TarMembers implements ArchiveTable<TarIndexEntry> {
  readonly paths: string[] = []
  readonly offsets: number[] = []
  readonly sizes: number[] = []
  private numbers: Map<string, number> | undefined

  /**
   * A file, or a hard link, which stands for the file that it points to. Links to what is not in
   * the archive are left out.
   */
  add({ path, type, offset, size, linkPath }: MutableMember): void {
    const target = type === 'link' ? this.byPath.get(linkPath as string) : undefined
    if (type === 'link' && target === undefined) return
    this.numbers?.set(path, this.paths.length)
    this.paths.push(path)
    this.offsets.push(target === undefined ? offset : this.offsets[target]!)
    this.sizes.push(target === undefined ? size : this.sizes[target]!)
  }

  /** The number of each path; of two members of one path, of the later one. */
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

/** How an archive is walked to index it. */
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

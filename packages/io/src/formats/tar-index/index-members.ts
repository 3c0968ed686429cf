import { badOption, MediaError } from '../../base/errors.ts'
import { archiveError } from '../archive/archive-error.ts'
import type { MutableMember } from '../tar/headers.ts'
import type { TarFilterOptions } from '../tar/tar-options.ts'
import type { Plan } from '../tar/walk-tar.ts'

/** Where the data of a member lies. */
export interface TarIndexEntry {
  /** Its place among the files of the archive, from 0. */
  readonly number: number
  readonly path: string
  /** Bytes from the beginning of the archive. */
  readonly offset: number
  /** Bytes of data. */
  readonly size: number
}

/**
 * The files of an archive, as columns: a member takes as many bytes as its path and two numbers do.
 */
export class TarMembers {
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

  /**
   * The number of each path; of two members of one path, of the later one, as unpacking would have
   * it.
   */
  get byPath(): ReadonlyMap<string, number> {
    this.numbers ??= new Map(this.paths.map((path, number) => [path, number]))
    return this.numbers
  }

  at(number: number): TarIndexEntry {
    const { paths, offsets, sizes } = this
    return { number, path: paths[number]!, offset: offsets[number]!, size: sizes[number]! }
  }

  /**
   * @throws ArchiveError `ERR_NO_MEMBER`; MediaError `ERR_BAD_OPTION` for what is neither path nor
   * number
   */
  find(archive: string, member: unknown): TarIndexEntry {
    if (typeof member !== 'string' && !(Number.isInteger(member) && (member as number) >= 0))
      throw badOption('member', 'a path or an integer >= 0', member)
    const number = typeof member === 'string' ? this.byPath.get(member) : (member as number)
    if (number !== undefined && number < this.paths.length) return this.at(number)
    const problem =
      typeof member === 'string'
        ? `has no file ${JSON.stringify(member)} among its ${this.paths.length}`
        : `has no file number ${member}: it has ${this.paths.length}`
    throw archiveError('ERR_NO_MEMBER', archive, problem)
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

/** @throws MediaError `ERR_BAD_STATE` */
export function checkOpen(isOpen: boolean, archive: string): void {
  if (!isOpen)
    throw new MediaError('ERR_BAD_STATE', `${archive}: the index is closed`, { source: archive })
}

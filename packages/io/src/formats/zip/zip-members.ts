import { MediaError } from '../../base/errors.ts'
import type { Routine } from '../../files/routine.ts'
import { ArchiveError, archiveError } from '../archive/archive-error.ts'
import type { ArchiveEntry, ArchiveTable } from '../archive/archive-files.ts'
import { readZipDirectory, type ZipEntry } from './directory.ts'
import { readZipMember } from './zip-member.ts'

/** The directory entry of a file in a zip archive. */
export interface ZipMemberEntry extends ArchiveEntry {
  /** Size in the archive, in bytes. */
  readonly compressedSize: number
}

/**
 * A file of a zip archive with its data. It is a plain object and can be posted to other threads.
 */
export interface ZipMember extends ZipMemberEntry {
  /** Its data. */
  readonly data: Uint8Array
}

/** The files of a zip archive. Directories are left out, although they are members. */
export class ZipMembers implements ArchiveTable<ZipMemberEntry> {
  readonly archive: string
  readonly paths: readonly string[]
  private readonly entries: readonly ZipEntry[]
  private numbers: Map<string, number> | undefined

  constructor(archive: string, entries: readonly ZipEntry[]) {
    this.archive = archive
    this.entries = entries.filter(({ name }) => !name.endsWith('/'))
    this.paths = this.entries.map(({ name }) => name)
  }

  /** The number of each path. If two members have the same path, the later one counts. */
  get byPath(): ReadonlyMap<string, number> {
    this.numbers ??= new Map(this.paths.map((path, number) => [path, number]))
    return this.numbers
  }

  at(number: number): ZipMemberEntry {
    const { name, size, compressedSize } = this.entries[number]!
    return { number, path: name, size, compressedSize }
  }

  /** Offset of a member. */
  placeOf(number: number): number {
    return this.entries[number]!.headerOffset
  }

  /**
   * Reads one file.
   *
   * @throws ArchiveError with the names of the archive and the member
   */
  *read(number: number, verify: boolean, maxMemberBytes: number): Routine<Uint8Array> {
    const entry = this.entries[number]!
    if (entry.size > maxMemberBytes) {
      const problem = `has ${entry.size} bytes, more than \`maxMemberBytes\` (${maxMemberBytes})`
      throw archiveError('ERR_TOO_LARGE', this.archive, problem, {
        member: entry.name,
        offset: entry.headerOffset,
      })
    }
    try {
      const { buffer, byteOffset, byteLength } = yield* readZipMember(entry, verify)
      return new Uint8Array(buffer, byteOffset, byteLength)
    } catch (error) {
      throw ofArchive(error, this.archive, entry)
    }
  }
}

/**
 * Reads the directory of a zip archive.
 *
 * @throws ArchiveError `ERR_DECODE`, `ERR_UNSUPPORTED`
 */
export function* readZipMembers(archive: string, size: number): Routine<ZipMembers> {
  try {
    return new ZipMembers(archive, yield* readZipDirectory(size))
  } catch (error) {
    throw ofArchive(error, archive)
  }
}

/** Adds the archive and the member to an error of the parsers, which do not know them. */
function ofArchive(error: unknown, archive: string, entry?: ZipEntry): unknown {
  if (!(error instanceof MediaError) || error.source !== undefined) return error
  return new ArchiveError(error.code, `${archive}: ${error.message}`, {
    source: archive,
    ...(entry === undefined ? {} : { member: entry.name, offset: entry.headerOffset }),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  })
}

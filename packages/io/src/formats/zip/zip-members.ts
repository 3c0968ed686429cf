import { MediaError } from '../../base/errors.ts'
import type { Routine } from '../../files/routine.ts'
import { ArchiveError, archiveError } from '../archive/archive-error.ts'
import type { ArchiveEntry, ArchiveTable } from '../archive/archive-files.ts'
import { readZipDirectory, type ZipEntry } from './directory.ts'
import { readZipMember } from './zip-member.ts'

/** What the directory of a zip archive says of a file. */
export interface ZipMemberEntry extends ArchiveEntry {
  /** Bytes that it takes up in the archive. */
  readonly compressedSize: number
}

/** A file of a zip archive with its data. A plain object: it can be posted to other threads. */
export interface ZipMember extends ZipMemberEntry {
  readonly data: Uint8Array
}

/** The files of a zip archive. Directories, which are members too, are left out. */
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

  /** The number of each path; of two members of one path, of the later one. */
  get byPath(): ReadonlyMap<string, number> {
    this.numbers ??= new Map(this.paths.map((path, number) => [path, number]))
    return this.numbers
  }

  at(number: number): ZipMemberEntry {
    const { name, size, compressedSize } = this.entries[number]!
    return { number, path: name, size, compressedSize }
  }

  /** Where a member begins. */
  placeOf(number: number): number {
    return this.entries[number]!.headerOffset
  }

  /** Reads one file. @throws ArchiveError that names archive and member */
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

/** What is in a zip archive. @throws ArchiveError `ERR_DECODE`, `ERR_UNSUPPORTED` */
export function* readZipMembers(archive: string, size: number): Routine<ZipMembers> {
  try {
    return new ZipMembers(archive, yield* readZipDirectory(size))
  } catch (error) {
    throw ofArchive(error, archive)
  }
}

/** The parsers do not know what they read; here it is added. */
function ofArchive(error: unknown, archive: string, entry?: ZipEntry): unknown {
  if (!(error instanceof MediaError) || error.source !== undefined) return error
  return new ArchiveError(error.code, `${archive}: ${error.message}`, {
    source: archive,
    ...(entry === undefined ? {} : { member: entry.name, offset: entry.headerOffset }),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  })
}

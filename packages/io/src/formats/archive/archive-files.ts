import { badOption, MediaError } from '../../base/errors.ts'
import { archiveError } from './archive-error.ts'
import {
  type ArchiveReadManyOptions,
  type ArchiveReadOptions,
  checkReadOptions,
  readMany,
  refuseLargeResult,
} from './read-many.ts'

/** What is known of any file of an archive. */
export interface ArchiveEntry {
  /** Its place among the files of the archive, from 0. */
  readonly number: number
  /** As stored: nothing is resolved, an archive may say `../../etc/passwd`. */
  readonly path: string
  /** Bytes of data. */
  readonly size: number
}

/** The files of an archive. */
export interface ArchiveTable<E extends ArchiveEntry> {
  /** The path of each. */
  readonly paths: readonly string[]
  /**
   * The number of each path; of two members of one path, of the later one, as unpacking would have
   * it.
   */
  readonly byPath: ReadonlyMap<string, number>
  at(number: number): E
  /** Where a member begins. */
  placeOf(number: number): number
}

/**
 * The number of a member. @throws ArchiveError `ERR_NO_MEMBER`; MediaError `ERR_BAD_OPTION` for
 * what is neither path nor number
 */
export function numberOf(
  { paths, byPath }: Pick<ArchiveTable<ArchiveEntry>, 'paths' | 'byPath'>,
  archive: string,
  member: unknown,
): number {
  if (typeof member !== 'string' && !(Number.isInteger(member) && (member as number) >= 0))
    throw badOption('member', 'a path or an integer >= 0', member)
  const number = typeof member === 'string' ? byPath.get(member) : (member as number)
  if (number !== undefined && number < paths.length) return number
  const problem =
    typeof member === 'string'
      ? `has no file ${JSON.stringify(member)} among its ${paths.length}`
      : `has no file number ${member}: it has ${paths.length}`
  throw archiveError('ERR_NO_MEMBER', archive, problem)
}

/** What random access has in common, whatever the format and the form. */
abstract class ArchiveFiles<E extends ArchiveEntry> {
  /** What it reads: a path, a URL, or a number of bytes. */
  readonly source: string
  protected readonly table: ArchiveTable<E>

  protected constructor(source: string, table: ArchiveTable<E>) {
    this.source = source
    this.table = table
  }

  /** How many files there are. */
  get length(): number {
    return this.table.paths.length
  }

  /**
   * The path of each file, in the order of the archive, or of its directory. A path may be there
   * more than once.
   */
  paths(): readonly string[] {
    return this.table.paths
  }

  /** Whether there is a file of that path. */
  has(path: string): boolean {
    return this.table.byPath.has(path)
  }

  /**
   * What is known of a file without reading it. Of several of one path, the last one.
   *
   * @param member path, as stored, or number
   * @throws ArchiveError `ERR_NO_MEMBER`; MediaError `ERR_BAD_OPTION`
   */
  entry(member: string | number): E {
    return this.table.at(numberOf(this.table, this.source, member))
  }

  protected checkOpen(isOpen: boolean): void {
    const { source } = this
    if (!isOpen)
      throw new MediaError('ERR_BAD_STATE', `${source}: the archive is closed`, { source })
  }
}

/** An open file that an archive is in. */
export interface ArchiveFile<E> {
  /** Reads a member. */
  read(entry: E, signal: AbortSignal | undefined): Uint8Array | Promise<Uint8Array>
  close(): Promise<void>
}

/** An archive that is held open, many of whose files may be read at a time. */
export abstract class OpenArchive<E extends ArchiveEntry> extends ArchiveFiles<E> {
  private readonly file: ArchiveFile<E>
  private readonly pending = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined

  protected constructor(source: string, table: ArchiveTable<E>, file: ArchiveFile<E>) {
    super(source, table)
    this.file = file
  }

  /**
   * Reads one file. Many reads may run at a time; inflating large ones is done on libuv's threads.
   *
   * @param member path, as stored, or number
   * @returns its data; of an archive in memory a view where it is stored as it is, otherwise memory
   *   of its own
   * @throws ArchiveError (which names archive and member) with `code`
   * - `ERR_NO_MEMBER`: there is no such file
   * - `ERR_DECODE`: it is damaged, or its checksum is wrong (zip)
   * - `ERR_UNSUPPORTED`: encryption, other methods than storing and deflating (zip)
   * - `ERR_TOO_LARGE`: it has more than `maxMemberBytes` (zip)
   * - `ERR_READ`, `ERR_BAD_STATE` after `close`, `ERR_BAD_OPTION`
   */
  async read(member: string | number, options: ArchiveReadOptions = {}): Promise<Uint8Array> {
    checkReadOptions(options, false)
    return this.readEntry(this.entry(member), options.signal)
  }

  /**
   * Reads several files.
   *
   * @returns their data, in the order of `members`
   * @throws as {@link read}; ArchiveError `ERR_TOO_LARGE` also when they have more than
   *   `maxResultBytes`. The first failure ends all
   */
  async readMany(
    members: Iterable<string | number>,
    options: ArchiveReadManyOptions = {},
  ): Promise<Uint8Array[]> {
    checkReadOptions(options, true)
    const { concurrency = 8, signal } = options
    const entries = Array.from(members, (member) => this.entry(member))
    const sizes = entries.map(({ size }) => size)
    refuseLargeResult(this.source, sizes, options)
    const placeOf = ({ number }: E): number => this.table.placeOf(number)
    return readMany(entries, placeOf, concurrency, (entry) => this.readEntry(entry, signal))
  }

  /** Lets go of the file once the reads under way are done. May be called again. */
  close(): Promise<void> {
    this.closing ??= Promise.allSettled(this.pending).then(() => this.file.close())
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async readEntry(entry: E, signal: AbortSignal | undefined): Promise<Uint8Array> {
    this.checkOpen(this.closing === undefined)
    signal?.throwIfAborted()
    const reading = Promise.resolve(this.file.read(entry, signal))
    this.pending.add(reading)
    try {
      const { buffer, byteOffset, byteLength } = await reading
      signal?.throwIfAborted()
      return new Uint8Array(buffer, byteOffset, byteLength)
    } finally {
      this.pending.delete(reading)
    }
  }
}

/** The same for one read at a time. */
export interface ArchiveFileSync<E> {
  read(entry: E): Uint8Array
  close(): void
}

/** An archive that is held open, whose files are read one at a time. */
export abstract class OpenArchiveSync<E extends ArchiveEntry> extends ArchiveFiles<E> {
  private readonly file: ArchiveFileSync<E>
  private isOpen = true

  protected constructor(source: string, table: ArchiveTable<E>, file: ArchiveFileSync<E>) {
    super(source, table)
    this.file = file
  }

  /** Reads one file, as {@link OpenArchive.read} does, and is done when it returns. */
  read(member: string | number): Uint8Array {
    this.checkOpen(this.isOpen)
    const { buffer, byteOffset, byteLength } = this.file.read(this.entry(member))
    return new Uint8Array(buffer, byteOffset, byteLength)
  }

  /** Lets go of the file. May be called again. */
  close(): void {
    this.isOpen = false
    this.file.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

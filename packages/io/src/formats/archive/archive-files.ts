import { badOption, MediaError } from '../../base/errors.ts'
import { archiveError } from './archive-error.ts'
import {
  type ArchiveReadManyOptions,
  type ArchiveReadOptions,
  checkReadOptions,
  readMany,
  refuseLargeResult,
} from './read-many.ts'

/** The common data of a file in an archive. */
export interface ArchiveEntry {
  /** Number of the file among the files of the archive, from 0. */
  readonly number: number
  /** The path as stored. Nothing is resolved: an archive may say `../../etc/passwd`. */
  readonly path: string
  /** Size of its data, in bytes. */
  readonly size: number
}

/** The files of an archive. */
export interface ArchiveTable<E extends ArchiveEntry> {
  /** The path of each file. */
  readonly paths: readonly string[]
  /**
   * The number of each path. If two members have the same path, the later one counts, as in
   * unpacking.
   */
  readonly byPath: ReadonlyMap<string, number>
  at(number: number): E
  /** Offset of a member. */
  placeOf(number: number): number
}

/**
 * The number of a member.
 *
 * @throws ArchiveError `ERR_NO_MEMBER`; MediaError `ERR_BAD_OPTION` if `member` is neither a path
 *   nor a number
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

/** The common parts of random access, whatever the format and the form. */
abstract class ArchiveFiles<E extends ArchiveEntry> {
  /** The archive in messages: a path, a URL, or a number of bytes. */
  readonly source: string
  protected readonly table: ArchiveTable<E>

  protected constructor(source: string, table: ArchiveTable<E>) {
    this.source = source
    this.table = table
  }

  /** Number of files. */
  get length(): number {
    return this.table.paths.length
  }

  /**
   * The path of each file, in the order of the archive or its directory. A path may occur more than
   * once.
   */
  paths(): readonly string[] {
    return this.table.paths
  }

  /** Whether the archive has a file with this path. */
  has(path: string): boolean {
    return this.table.byPath.has(path)
  }

  /**
   * The entry of a file, without reading it. If several files have the path, the last one counts.
   *
   * @param member path as stored, or number from 0
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

/** The open file of an archive. */
export interface ArchiveFile<E> {
  /** Reads a member. */
  read(entry: E, signal: AbortSignal | undefined): Uint8Array | Promise<Uint8Array>
  close(): Promise<void>
}

/** An open archive with asynchronous reads, which may overlap. */
export abstract class OpenArchive<E extends ArchiveEntry> extends ArchiveFiles<E> {
  private readonly file: ArchiveFile<E>
  private readonly pending = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined

  protected constructor(source: string, table: ArchiveTable<E>, file: ArchiveFile<E>) {
    super(source, table)
    this.file = file
  }

  /**
   * Reads one file. Reads may overlap; large members are inflated on libuv's threads.
   *
   * @param member path as stored, or number from 0
   * @returns its data: a view of a stored member if the archive is in memory, otherwise new memory
   * @throws ArchiveError, which names archive and member, with `code`
   * - `ERR_NO_MEMBER`: there is no such file
   * - `ERR_DECODE`: the file is damaged, or its checksum is wrong (zip)
   * - `ERR_UNSUPPORTED`: encryption, or a method other than storing and deflating (zip)
   * - `ERR_TOO_LARGE`: the file has more than `maxMemberBytes` (zip)
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
   * @throws as {@link read}; ArchiveError `ERR_TOO_LARGE` also if the files exceed `maxResultBytes`
   *   in total. The first failure ends the call
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

  /** Closes the file after the running reads have ended. It may be called again. */
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

/** The open file of an archive, with synchronous reads. */
export interface ArchiveFileSync<E> {
  read(entry: E): Uint8Array
  close(): void
}

/** An open archive with synchronous reads. */
export abstract class OpenArchiveSync<E extends ArchiveEntry> extends ArchiveFiles<E> {
  private readonly file: ArchiveFileSync<E>
  private isOpen = true

  protected constructor(source: string, table: ArchiveTable<E>, file: ArchiveFileSync<E>) {
    super(source, table)
    this.file = file
  }

  /** Reads one file; the synchronous form of {@link OpenArchive.read}. */
  read(member: string | number): Uint8Array {
    this.checkOpen(this.isOpen)
    const { buffer, byteOffset, byteLength } = this.file.read(this.entry(member))
    return new Uint8Array(buffer, byteOffset, byteLength)
  }

  /** Closes the file. It may be called again. */
  close(): void {
    this.isOpen = false
    this.file.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

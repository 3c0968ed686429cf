import { MediaError } from '../../base/errors.ts'
import { openReader } from '../../files/open-reader.ts'
import type { OpenReader } from '../../files/reader.ts'
import { run } from '../../files/routine.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import { fetchingOf } from '../../files/url-options.ts'
import {
  type ArchiveReadManyOptions,
  type ArchiveReadOptions,
  checkReadOptions,
  readMany,
  refuseLargeResult,
} from '../archive/read-many.ts'
import { readZipMembers, type ZipMemberEntry, type ZipMembers } from './zip-members.ts'
import { type ZipOptions, zipPlan } from './zip-options.ts'

/**
 * Random access to the files of a zip archive: by path or by number, many at a time. Stored and
 * deflated members, zip64, and archives with something before them; each member is held against its
 * checksum. Directories are left out.
 *
 * A file is held open until `close()`.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { ZipFile } from '@spindle/io'
 *
 * await using zip = await ZipFile.open('packages/io/test/archives/pets.zip')
 * assert.deepEqual(zip.paths(), ['pets/cat.txt', 'pets/dog.txt'])
 * assert.equal(Buffer.from(await zip.read('pets/dog.txt')).toString(), 'woof!')
 * ```
 */
export class ZipFile {
  /** What it reads: a path, a URL, or a number of bytes. */
  readonly source: string
  private readonly reader: OpenReader
  private readonly members: ZipMembers
  private readonly plan: { readonly verify: boolean; readonly maxMemberBytes: number }
  private readonly pending = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined

  /**
   * Opens an archive: a path, URL, Blob or memory. Of a file or Blob only the directory is read;
   * what comes over the network is fetched whole.
   *
   * @throws ArchiveError with `code`
   * - `ERR_READ`: the source cannot be read
   * - `ERR_DECODE`: not a zip archive, or a damaged or truncated one
   * - `ERR_UNSUPPORTED`: one part of an archive in several files
   * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule
   * @throws the signal's reason, when aborted
   */
  static async open(source: MediaSource, options: ZipOptions = {}): Promise<ZipFile> {
    checkSource(source, 'source')
    const plan = zipPlan(options, 'signal')
    const { signal } = options
    signal?.throwIfAborted()
    const name = describeSource(source)
    const reader = await openReader(source, fetchingOf(options))
    try {
      const members = await run(readZipMembers(name, reader.size), { reader }, signal)
      return new ZipFile(name, reader, members, plan)
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  private constructor(
    source: string,
    reader: OpenReader,
    members: ZipMembers,
    plan: ZipFile['plan'],
  ) {
    this.source = source
    this.reader = reader
    this.members = members
    this.plan = plan
  }

  /** How many files there are. */
  get length(): number {
    return this.members.paths.length
  }

  /** The path of each file, in the order of the directory. A path may be there more than once. */
  paths(): readonly string[] {
    return this.members.paths
  }

  /** Whether there is a file of that path. */
  has(path: string): boolean {
    return this.members.byPath.has(path)
  }

  /**
   * What the directory says of a file. Of several of one path, the last one.
   *
   * @param member path, as stored, or number
   * @throws ArchiveError `ERR_NO_MEMBER`; MediaError `ERR_BAD_OPTION`
   */
  entry(member: string | number): ZipMemberEntry {
    return this.members.at(this.members.find(member))
  }

  /**
   * Reads one file. Many reads may run at a time; inflating large ones is done on libuv's threads.
   *
   * @param member path, as stored, or number
   * @returns its data; of a stored member of an archive in memory a view, otherwise memory of its
   *   own
   * @throws ArchiveError (which names archive and member) with `code`
   * - `ERR_NO_MEMBER`: there is no such file
   * - `ERR_DECODE`: it is damaged, or its checksum is wrong
   * - `ERR_UNSUPPORTED`: encryption, other methods than storing and deflating
   * - `ERR_TOO_LARGE`: it has more than `maxMemberBytes`
   * - `ERR_READ`, `ERR_BAD_STATE` after `close`, `ERR_BAD_OPTION`
   */
  async read(member: string | number, options: ArchiveReadOptions = {}): Promise<Uint8Array> {
    checkReadOptions(options)
    return this.readNumber(this.members.find(member), options.signal)
  }

  /**
   * Reads several files.
   *
   * @returns their data, in the order of `members`
   * @throws as {@link read}; `ERR_TOO_LARGE` also when they have more than `maxResultBytes`. The
   * first failure ends all
   */
  async readMany(
    members: Iterable<string | number>,
    options: ArchiveReadManyOptions = {},
  ): Promise<Uint8Array[]> {
    checkReadOptions(options, 'concurrency', 'maxResultBytes')
    const { concurrency = 8, signal } = options
    const numbers = Array.from(members, (member) => this.members.find(member))
    const sizes = numbers.map((number) => this.members.at(number).size)
    refuseLargeResult(this.source, sizes, options)
    const placeOf = (number: number): number => this.members.placeOf(number)
    return readMany(numbers, placeOf, concurrency, (number) => this.readNumber(number, signal))
  }

  /** Lets go of the file once the reads under way are done. May be called again. */
  close(): Promise<void> {
    this.closing ??= Promise.allSettled(this.pending).then(() => this.reader.close())
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async readNumber(number: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { source, reader, plan } = this
    if (this.closing !== undefined)
      throw new MediaError('ERR_BAD_STATE', `${source}: the zip file is closed`, { source })
    signal?.throwIfAborted()
    const reading = run(
      this.members.read(number, plan.verify, plan.maxMemberBytes),
      { reader },
      signal,
    )
    this.pending.add(reading)
    try {
      return await reading
    } finally {
      this.pending.delete(reading)
    }
  }
}

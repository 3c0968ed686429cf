import { MediaError } from '../../base/errors.ts'
import { type OpenSyncReader, openReaderSync } from '../../files/reader.ts'
import { runSync } from '../../files/routine.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import type { UrlOptions } from '../../files/url-options.ts'
import { readZipMembers, type ZipMemberEntry, type ZipMembers } from './zip-members.ts'
import { type ZipOptions, zipPlan } from './zip-options.ts'

/**
 * What `ZipFile` is, for worker ops: of a path, a `file:` URL or memory, opened and read
 * synchronously. Exported by `@spindle/io/sync`.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { ZipFileSync } from '@spindle/io/sync'
 *
 * const zip = ZipFileSync.open('packages/io/test/archives/pets.zip')
 * assert.equal(Buffer.from(zip.read(0)).toString(), 'meow')
 * zip.close()
 * ```
 */
export class ZipFileSync {
  /** What it reads: a path, a URL, or a number of bytes. */
  readonly source: string
  private readonly reader: OpenSyncReader
  private readonly members: ZipMembers
  private readonly plan: { readonly verify: boolean; readonly maxMemberBytes: number }
  private isOpen = true

  /**
   * @throws as `ZipFile.open`; MediaError `ERR_BAD_OPTION` for sources that cannot be read
   * synchronously
   */
  static open(
    source: MediaSource,
    options: Omit<ZipOptions, 'signal' | keyof UrlOptions> = {},
  ): ZipFileSync {
    checkSource(source, 'source')
    const plan = zipPlan(options)
    const name = describeSource(source)
    const reader = openReaderSync(source)
    try {
      return new ZipFileSync(
        name,
        reader,
        runSync(readZipMembers(name, reader.size), { reader }),
        plan,
      )
    } catch (error) {
      reader.close()
      throw error
    }
  }

  private constructor(
    source: string,
    reader: OpenSyncReader,
    members: ZipMembers,
    plan: ZipFileSync['plan'],
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

  /** The path of each file, in the order of the directory. */
  paths(): readonly string[] {
    return this.members.paths
  }

  /** Whether there is a file of that path. */
  has(path: string): boolean {
    return this.members.byPath.has(path)
  }

  /** What the directory says of a file. @throws as `ZipFile.entry` */
  entry(member: string | number): ZipMemberEntry {
    return this.members.at(this.members.find(member))
  }

  /** Reads one file. @returns as `ZipFile.read` @throws as `ZipFile.read` */
  read(member: string | number): Uint8Array {
    const { source, reader, plan } = this
    if (!this.isOpen)
      throw new MediaError('ERR_BAD_STATE', `${source}: the zip file is closed`, { source })
    const routine = this.members.read(this.members.find(member), plan.verify, plan.maxMemberBytes)
    return runSync(routine, { reader })
  }

  /** Lets go of the file. May be called again. */
  close(): void {
    this.isOpen = false
    this.reader.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

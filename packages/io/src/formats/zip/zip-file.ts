import { openWith } from '../../files/read-with.ts'
import { run } from '../../files/routine.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import { OpenArchive } from '../archive/archive-files.ts'
import { readZipMembers, type ZipMemberEntry } from './zip-members.ts'
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
export class ZipFile extends OpenArchive<ZipMemberEntry> {
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
    const plan = zipPlan(options, 'file')
    const name = describeSource(source)
    const { reader, value: members } = await openWith(source, options, ({ size }) =>
      readZipMembers(name, size),
    )
    return new ZipFile(name, members, {
      read: ({ number }, signal) =>
        run(members.read(number, plan.verify, plan.maxMemberBytes), { reader }, signal),
      close: () => reader.close(),
    })
  }
}

import { openWithSync } from '../../files/read-with.ts'
import { runSync } from '../../files/routine.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import type { UrlOptions } from '../../files/url-options.ts'
import { OpenArchiveSync } from '../archive/archive-files.ts'
import { readZipMembers, type ZipMemberEntry } from './zip-members.ts'
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
export class ZipFileSync extends OpenArchiveSync<ZipMemberEntry> {
  /**
   * @throws as `ZipFile.open`; MediaError `ERR_BAD_OPTION` for sources that cannot be read
   * synchronously
   */
  static open(
    source: MediaSource,
    options: Omit<ZipOptions, 'signal' | keyof UrlOptions> = {},
  ): ZipFileSync {
    checkSource(source, 'source')
    const plan = zipPlan(options, 'sync')
    const name = describeSource(source)
    const { reader, value: members } = openWithSync(source, ({ size }) =>
      readZipMembers(name, size),
    )
    return new ZipFileSync(name, members, {
      read: ({ number }) =>
        runSync(members.read(number, plan.verify, plan.maxMemberBytes), { reader }),
      close: () => reader.close(),
    })
  }
}

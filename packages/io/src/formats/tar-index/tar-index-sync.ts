import { badOption } from '../../base/errors.ts'
import { MemoryReader, type OpenSyncReader, openReaderSync } from '../../files/reader.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import type { UrlOptions } from '../../files/url-options.ts'
import { OpenArchiveSync } from '../archive/archive-files.ts'
import { bytesOf, isFile } from '../archive/archive-source.ts'
import { buildIndexSync } from './build-index.ts'
import {
  digestOf,
  isSameIndex,
  OTHER_CONTENT,
  parseIndex,
  printIndex,
  samplesOf,
} from './index-file.ts'
import { indexPlan, type TarIndexEntry, type TarMembers } from './index-members.ts'
import {
  loadIndexSync,
  modifiedAtSync,
  placeOfIndex,
  refuseStale,
  saveIndexSync,
} from './kept-index.ts'
import { type TarIndexOptions, tarIndexOptions } from './tar-index-options.ts'

/**
 * The synchronous form of `TarIndex`, for ops in worker threads. It opens a path, a `file:` URL or
 * bytes. Exported by `@spindle/io/sync`.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { TarIndexSync } from '@spindle/io/sync'
 *
 * const index = TarIndexSync.open('packages/io/test/archives/pets.tar', { indexFile: false })
 * assert.equal(Buffer.from(index.read('pets/cat.txt')).toString(), 'meow')
 * index.close()
 * ```
 */
export class TarIndexSync extends OpenArchiveSync<TarIndexEntry> {
  /** Whether the index was loaded from its file or built from the archive. */
  readonly origin: 'file' | 'archive'

  /**
   * @throws as `TarIndex.open`; MediaError `ERR_BAD_OPTION` for sources that cannot be read
   *   synchronously
   */
  static open(
    source: MediaSource,
    options: Omit<TarIndexOptions, 'signal' | keyof UrlOptions> = {},
  ): TarIndexSync {
    checkSource(source, 'source')
    tarIndexOptions.sync.check(options)
    const name = describeSource(source)
    const modified = isFile(source) ? modifiedAtSync(source) : null
    const indexFile = placeOfIndex(source, options, modified)
    if (indexFile !== false && !isFile(indexFile))
      throw badOption(
        'indexFile',
        'a path or a file: URL in the synchronous form',
        describeSource(indexFile),
      )
    const bytes = bytesOf(source)
    const reader: OpenSyncReader =
      bytes === undefined ? openReaderSync(source) : new MemoryReader(bytes)
    try {
      const archive = { size: reader.size, modified }
      const kept = indexFile === false ? undefined : loadIndexSync(indexFile)
      const found = kept === undefined ? 'is missing' : parseIndex(kept, archive)
      const isFound = typeof found !== 'string'
      if (isFound && found.isSameState) return new TarIndexSync(name, 'file', reader, found.members)
      const members = buildIndexSync(reader, name, indexPlan(options))
      const isSame = isFound && isSameIndex(found.members, members)
      if (kept !== undefined && !isSame)
        refuseStale(isFound ? OTHER_CONTENT : found, indexFile, options)
      if (indexFile !== false) {
        const ends = samplesOf(archive.size, members)
        const digest = digestOf(ends.map(([from, to]) => reader.read(from, to - from)))
        const isAsked = options.indexFile !== undefined && !isSame
        saveIndexSync(indexFile, isAsked, printIndex(members, archive, digest))
      }
      return new TarIndexSync(name, isSame ? 'file' : 'archive', reader, members)
    } catch (error) {
      reader.close()
      throw error
    }
  }

  private constructor(
    source: string,
    origin: 'file' | 'archive',
    reader: OpenSyncReader,
    members: TarMembers,
  ) {
    super(source, members, {
      read: ({ offset, size }) => reader.read(offset, size),
      close: () => reader.close(),
    })
    this.origin = origin
  }
}

import { openRangeReader } from '../../files/open-reader.ts'
import { MemoryReader } from '../../files/reader.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import { fetchingOf } from '../../files/url-options.ts'
import { OpenArchive } from '../archive/archive-files.ts'
import { bytesOf, isFile } from '../archive/archive-source.ts'
import { buildIndex, type RangeReader } from './build-index.ts'
import { printIndex } from './index-file.ts'
import { indexPlan, type TarIndexEntry, type TarMembers } from './index-members.ts'
import { loadIndex, modifiedAt, placeOfIndex, saveIndex } from './kept-index.ts'
import { type TarIndexOptions, tarIndexOptions } from './tar-index-options.ts'

/**
 * Random access to the files of a tar archive that is not compressed: by path or by number, many at
 * a time. The index is made in one pass over the headers, and kept in a file beside the archive, so
 * that the next `open` takes no time. A hard link stands for the file that it points to;
 * directories, symbolic links and devices are left out.
 *
 * A file is held open until `close()`.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { TarIndex } from '@spindle/io'
 *
 * await using index = await TarIndex.open('packages/io/test/archives/pets.tar', { indexFile: false })
 * assert.deepEqual(index.paths(), ['pets/cat.txt', 'pets/dog.txt'])
 * const [dog, cat] = await index.readMany(['pets/dog.txt', 0])
 * assert.equal(Buffer.from(dog!).toString(), 'woof!')
 * assert.equal(Buffer.from(cat!).toString(), 'meow')
 * ```
 */
export class TarIndex extends OpenArchive<TarIndexEntry> {
  /** Whether the index was read from its file, or made by going through the archive. */
  readonly origin: 'file' | 'archive'

  /**
   * Opens an archive: a path, URL, Blob or memory. At an `http:` or `https:` URL the server must
   * send parts of files (range requests); without an index file the archive is then downloaded once
   * to make the index.
   *
   * @throws ArchiveError as `iterateTar` does when it goes through the archive; `ERR_UNSUPPORTED`
   *   when it is compressed
   * @throws MediaError `ERR_BAD_OPTION`; `ERR_READ`; `ERR_STALE_INDEX` with `ifStale: 'refuse'`;
   *   `ERR_WRITE` when the index
   * cannot be written where `indexFile` says
   */
  static async open(source: MediaSource, options: TarIndexOptions = {}): Promise<TarIndex> {
    checkSource(source, 'source')
    tarIndexOptions.async.check(options)
    const { signal } = options
    signal?.throwIfAborted()
    const name = describeSource(source)
    const modified = isFile(source) ? await modifiedAt(source) : null
    const bytes = bytesOf(source)
    const reader: OpenRangeReader =
      bytes === undefined
        ? await openRangeReader(source, fetchingOf(options))
        : new MemoryReader(bytes)
    try {
      const identity = { size: reader.size, modified: reader.modified ?? modified }
      const indexFile = placeOfIndex(source, options, modified)
      const stored = indexFile === false ? undefined : await loadIndex(indexFile, identity, options)
      if (stored !== undefined) return new TarIndex(name, 'file', reader, stored)
      const members = await buildIndex(reader, name, indexPlan(options), signal)
      if (indexFile !== false)
        await saveIndex(indexFile, options.indexFile === undefined, printIndex(members, identity))
      return new TarIndex(name, 'archive', reader, members)
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  private constructor(
    source: string,
    origin: 'file' | 'archive',
    reader: OpenRangeReader,
    members: TarMembers,
  ) {
    super(source, members, {
      read: ({ offset, size }, signal) => reader.read(offset, size, signal),
      close: () => reader.close(),
    })
    this.origin = origin
  }
}

interface OpenRangeReader extends RangeReader {
  /** What a server says of the state of the archive. */
  readonly modified?: string | null
  close(): Promise<void>
}

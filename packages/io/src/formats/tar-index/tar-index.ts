import type { MediaError } from '../../base/errors.ts'
import { openRangeReader } from '../../files/open-reader.ts'
import { placed } from '../../files/placed.ts'
import { MemoryReader } from '../../files/reader.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import { fetchingOf } from '../../files/url-options.ts'
import { OpenArchive } from '../archive/archive-files.ts'
import { bytesOf, isFile } from '../archive/archive-source.ts'
import { buildIndex, type RangeReader } from './build-index.ts'
import {
  digestOf,
  isSameIndex,
  type KeptIndex,
  OTHER_CONTENT,
  parseIndex,
  printIndex,
  samplesOf,
} from './index-file.ts'
import { indexPlan, type TarIndexEntry, type TarMembers } from './index-members.ts'
import { loadIndex, modifiedAt, placeOfIndex, refuseStale, saveIndex } from './kept-index.ts'
import { type TarIndexOptions, tarIndexOptions } from './tar-index-options.ts'

/**
 * Random access to the files of an uncompressed tar archive, by path or by number; reads may
 * overlap. `open` builds the index in one pass over the headers and saves it beside the archive, so
 * that later calls load it at once. A hard link has the data of the file that it points to.
 * Directories, symbolic links and devices are left out.
 *
 * The file stays open until `close()`.
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
  /** Whether the index was loaded from its file or built from the archive. */
  readonly origin: 'file' | 'archive'

  /**
   * Opens an archive: a path, URL, Blob or bytes. The server of an `http:` or `https:` URL must
   * support range requests. Without an index file, the archive is then downloaded once to build the
   * index.
   *
   * @throws ArchiveError as `iterateTar` while it builds the index; `ERR_UNSUPPORTED` if the
   *   archive is compressed
   * @throws MediaError `ERR_BAD_OPTION`; `ERR_READ`; `ERR_STALE_INDEX` with `ifStale: 'refuse'`;
   *   `ERR_WRITE` if the index cannot be written to `indexFile`
   */
  static async open(source: MediaSource, options: TarIndexOptions = {}): Promise<TarIndex> {
    checkSource(source, 'source')
    tarIndexOptions.async.check(options)
    const at = placed(source, options)
    const { signal } = options
    signal?.throwIfAborted()
    const name = describeSource(at.source)
    const isLocal = isFile(at.source)
    const modified = isFile(at.source) ? await modifiedAt(at.source) : null
    const bytes = bytesOf(at.source)
    const reader: OpenRangeReader =
      bytes === undefined
        ? await openRangeReader(at.source, fetchingOf(at.options))
        : new MemoryReader(bytes)
    try {
      const archive = { size: reader.size, modified: reader.modified ?? modified }
      const indexFile = placeOfIndex(at.source, options, modified)
      const kept = indexFile === false ? undefined : await loadIndex(indexFile, at.options)
      const found = kept === undefined ? 'is missing' : parseIndex(kept, archive)
      const isFound = typeof found !== 'string'
      if (
        isFound &&
        (found.isSameState || (!isLocal && (await isSameArchive(found, reader, signal))))
      )
        return new TarIndex(name, 'file', reader, found.members)
      const stale = isFound ? OTHER_CONTENT : found
      // An archive on a network would be downloaded for nothing.
      if (!isLocal && kept !== undefined) refuseStale(stale, indexFile, options)
      const members = await buildIndex(reader, name, indexPlan(options), signal)
      // The headers of a local archive tell whether an index fits that was made at another time.
      const isSame = isFound && isLocal && isSameIndex(found.members, members)
      if (kept !== undefined && !isSame) refuseStale(stale, indexFile, options)
      if (indexFile !== false && isFile(indexFile)) {
        const ends = await Promise.all(
          samplesOf(archive.size, members).map(([from, to]) =>
            reader.read(from, to - from, signal),
          ),
        )
        const isAsked = options.indexFile !== undefined && !isSame
        await saveIndex(indexFile, isAsked, printIndex(members, archive, digestOf(ends)))
      }
      return new TarIndex(name, isSame ? 'file' : 'archive', reader, members)
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

/** Whether an index that was made elsewhere is of this archive. */
async function isSameArchive(
  { members, digest }: KeptIndex,
  reader: OpenRangeReader,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (digest === undefined) return false
  const ends = samplesOf(reader.size, members)
  try {
    const bytes = await Promise.all(ends.map(([from, to]) => reader.read(from, to - from, signal)))
    return digestOf(bytes) === digest
  } catch (error) {
    // `maxBytes` bounds members, and may be less than what is compared here.
    if ((error as Partial<MediaError>).code === 'ERR_TOO_LARGE') return false
    throw error
  }
}

interface OpenRangeReader extends RangeReader {
  /** The server's mark of the archive's state: its `ETag` or `Last-Modified`. */
  readonly modified?: string | null
  close(): Promise<void>
}

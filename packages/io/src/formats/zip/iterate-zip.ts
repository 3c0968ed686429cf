import { badOption } from '../../base/errors.ts'
import { openReader } from '../../files/open-reader.ts'
import { placed } from '../../files/placed.ts'
import type { OpenReader } from '../../files/reader.ts'
import { run, SMALL_IN_SEQUENCE } from '../../files/routine.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import { fetchingOf } from '../../files/url-options.ts'
import { isFile } from '../archive/archive-source.ts'
import { withReuse } from '../archive/reusing.ts'
import { readZipMembers, type ZipMember } from './zip-members.ts'
import { type IterateZipOptions, zipPlan } from './zip-options.ts'

/**
 * Iterates the files of a zip archive with their data, in the order of the directory. One file at a
 * time is in memory, plus 256 KiB if the archive is a file. Streams are not accepted, because the
 * directory is at the end.
 *
 * For an archive in memory, `data` of stored members is a view of that memory. All other data have
 * their own memory, unless `reuse` is set.
 *
 * @throws MediaError `ERR_BAD_OPTION` at once; while iterating, as `ZipFile.open` and
 *   `ZipFile.read`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { iterateZip } from '@spindle/io'
 *
 * const names: string[] = []
 * for await (const { path, data } of iterateZip('packages/io/test/archives/pets.zip')) names.push(`${path}: ${data.length}`)
 * assert.deepEqual(names, ['pets/cat.txt: 4', 'pets/dog.txt: 5'])
 * ```
 */
export function iterateZip(
  source: MediaSource,
  options: IterateZipOptions = {},
): AsyncIterable<ZipMember> {
  checkSource(source, 'source')
  const plan = zipPlan(options, 'iterate')
  const at = placed(source, options)
  const { filter, reuse = false, signal } = options
  const fetching = fetchingOf(at.options)
  const iterable: AsyncIterable<ZipMember> = {
    [Symbol.asyncIterator]: async function* () {
      signal?.throwIfAborted()
      const archive = describeSource(at.source)
      const opened = await openReader(at.source, fetching)
      const reader = isFile(at.source) ? new AheadReader(opened) : opened
      try {
        const members = await run(readZipMembers(archive, reader.size), { reader: opened }, signal)
        for (let number = 0; number < members.paths.length; number++) {
          const entry = members.at(number)
          const isWanted: unknown = filter === undefined || filter(entry)
          // A promise would be truthy.
          if (typeof isWanted !== 'boolean')
            throw badOption('filter', 'a function that returns true or false', isWanted)
          if (!isWanted) continue
          signal?.throwIfAborted()
          const reading = members.read(number, plan.verify, plan.maxMemberBytes)
          const data = await run(reading, { reader, inflatesOnLoop: SMALL_IN_SEQUENCE }, signal)
          const isPart = reader instanceof AheadReader && reader.has(data)
          yield { ...entry, data: isPart && !reuse ? new Uint8Array(data) : data }
        }
      } finally {
        await opened.close()
      }
    },
  }
  return withReuse(iterable, reuse)
}

/**
 * Largest read-ahead, in bytes, for adjacent ranges; after a jump it grows again from a small size.
 */
const MOST_AHEAD = 256 * 1024
const LEAST_AHEAD = 4 * 1024

/**
 * Reads adjacent ranges many at a time. The result is a view of its own memory, valid until the
 * next read, or longer if that range is already in memory.
 */
class AheadReader implements OpenReader {
  readonly size: number
  /** The result must not be overwritten: other callers may get the same bytes. */
  readonly isOwn = false
  private readonly reader: OpenReader
  private memory: Uint8Array = new Uint8Array(0)
  private start = 0
  private end = 0
  private ahead = LEAST_AHEAD

  constructor(reader: OpenReader) {
    this.reader = reader
    this.size = reader.size
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    if (offset < this.start || offset + length > this.end) return this.load(offset, length)
    return this.memory.subarray(offset - this.start, offset - this.start + length)
  }

  /** Whether bytes are in its own memory. */
  has(bytes: Uint8Array): boolean {
    return bytes.buffer === this.memory.buffer
  }

  async close(): Promise<void> {
    await this.reader.close()
  }

  private async load(offset: number, length: number): Promise<Uint8Array> {
    const follows = offset >= this.start && offset - this.end <= LEAST_AHEAD
    this.ahead = follows ? Math.min(4 * this.ahead, MOST_AHEAD) : LEAST_AHEAD
    const wanted = Math.min(this.size - offset, Math.max(length, this.ahead))
    // While the memory is overwritten, it is invalid.
    this.end = this.start
    if (this.memory.length < wanted) this.memory = Buffer.allocUnsafeSlow(wanted)
    const bytes = this.memory.subarray(0, wanted)
    await (this.reader.readInto?.(offset, bytes) ?? this.copy(offset, bytes))
    this.start = offset
    this.end = offset + wanted
    return this.memory.subarray(0, length)
  }

  private async copy(offset: number, into: Uint8Array): Promise<void> {
    into.set(await this.reader.read(offset, into.byteLength))
  }
}

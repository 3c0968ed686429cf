import { badOption } from '../../base/errors.ts'
import { AheadReader } from '../../files/ahead-reader.ts'
import { openReader } from '../../files/open-reader.ts'
import { run, SMALL_IN_SEQUENCE } from '../../files/routine.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import { fetchingOf } from '../../files/url-options.ts'
import { isFile } from '../archive/archive-source.ts'
import { withReuse } from '../archive/reusing.ts'
import { readZipMembers, type ZipMember } from './zip-members.ts'
import { type IterateZipOptions, zipPlan } from './zip-options.ts'

/**
 * The files of a zip archive with their data, in the order of its directory. One at a time is in
 * memory, and of a file 256 KiB more. Streams cannot be given: the directory is at the end.
 *
 * Of an archive in memory, `data` of stored members is a view of that memory; everything else has
 * memory of its own, unless `reuse` says otherwise.
 *
 * @throws MediaError `ERR_BAD_OPTION` at once; what `ZipFile.open` and `ZipFile.read` throw while
 *   it is iterated
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
  const { filter, reuse = false, signal } = options
  const fetching = fetchingOf(options)
  const iterable: AsyncIterable<ZipMember> = {
    [Symbol.asyncIterator]: async function* () {
      signal?.throwIfAborted()
      const archive = describeSource(source)
      const opened = await openReader(source, fetching)
      const reader = isFile(source) ? new AheadReader(opened) : opened
      try {
        const members = await run(readZipMembers(archive, reader.size), { reader: opened }, signal)
        for (let number = 0; number < members.paths.length; number++) {
          const entry = members.at(number)
          const isWanted: unknown = filter === undefined || filter(entry)
          // A promise would count as true.
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

import { badOption } from '../../errors.ts'
import { checkSource, type MediaSource } from '../../source.ts'
import type { ZipMember } from './members.ts'
import { type IterateZipOptions, zipPlan } from './options.ts'
import { ZipFile } from './zip-file.ts'

/**
 * The files of a zip archive with their data, in the order of its directory. One at a time is in memory. Streams cannot be given: the directory
 * is at the end.
 *
 * @throws MediaError `ERR_BAD_OPTION` at once; what `ZipFile.open` and `ZipFile.read` throw while it is iterated
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
export function iterateZip(source: MediaSource, options: IterateZipOptions = {}): AsyncIterable<ZipMember> {
  checkSource(source, 'source')
  zipPlan(options, 'filter', 'signal')
  const { filter, ...open } = options
  return {
    [Symbol.asyncIterator]: async function* () {
      const zip = await ZipFile.open(source, open)
      try {
        for (let number = 0; number < zip.length; number++) {
          const entry = zip.entry(number)
          const isWanted: unknown = filter === undefined || filter(entry)
          // A promise would count as true.
          if (typeof isWanted !== 'boolean')
            throw badOption('filter', 'a function that returns true or false', isWanted)
          if (isWanted)
            yield {
              ...entry,
              data: await zip.read(number, open.signal === undefined ? {} : { signal: open.signal }),
            }
        }
      } finally {
        await zip.close()
      }
    },
  }
}

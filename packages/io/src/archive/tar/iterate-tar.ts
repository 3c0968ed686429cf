import { type ArchiveSource, checkArchiveSource } from '../archive-source.ts'
import type { TarMember } from './member.ts'
import { openWindow } from './open-window.ts'
import { type IterateTarOptions, pieceOptions, tarPlan } from './options.ts'
import { walkTar } from './walk.ts'
import { Request } from './window.ts'

/**
 * The members of a tar archive, in order: ustar, old v7, GNU and pax; as it is, or compressed with gzip or zstd, which its first bytes
 * tell.
 *
 * Of an archive in memory, `data` is a view of that memory, nothing is copied; in all other cases it has memory of its own, so that it can be
 * kept, and transferred to another thread, without others. One member at a time is in memory, and up to 1 MiB of what follows it.
 * A path, URL, Blob or memory can be iterated again and again; a stream only once.
 *
 * @throws MediaError `ERR_BAD_OPTION` at once; while it is iterated, ArchiveError (which names the archive, the member and the
 * offset) with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: not a tar archive, or a damaged or truncated one
 * - `ERR_UNSUPPORTED`: sparse members, several volumes, other compressions, zstd before Node 22.15 and 23.8
 * - `ERR_TOO_LARGE`: a member has more than `maxMemberBytes`
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { iterateTar } from '@spindle/io'
 *
 * const names: string[] = []
 * for await (const { path, data } of iterateTar('packages/io/test/archives/pets.tar.gz')) names.push(`${path}: ${data.length}`)
 * assert.deepEqual(names, ['pets/cat.txt: 4', 'pets/dog.txt: 5'])
 * ```
 */
export function iterateTar(source: ArchiveSource, options: IterateTarOptions = {}): AsyncIterable<TarMember> {
  checkArchiveSource(source, 'source')
  const plan = tarPlan(options, 'maxMemberBytes', 'views', 'signal')
  const pieces = pieceOptions(options)
  return {
    [Symbol.asyncIterator]: async function* () {
      const window = await openWindow(source, plan.givesViews, pieces)
      try {
        for (const step of walkTar(window, plan)) {
          options.signal?.throwIfAborted()
          if (step instanceof Request) await window.serve(step)
          else yield step
        }
      } finally {
        await window.close()
      }
    },
  }
}

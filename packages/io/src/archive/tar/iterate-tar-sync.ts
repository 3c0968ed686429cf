import { type ArchiveSource, checkArchiveSource } from '../archive-source.ts'
import type { TarMember } from './member.ts'
import { openWindowSync } from './open-window-sync.ts'
import { bytesOption, type IterateTarSyncOptions, tarPlan } from './options.ts'
import { walkTar } from './walk.ts'
import { Request } from './window.ts'

/**
 * What `iterateTar` does, for a plain `for`: of a path, a `file:` URL or memory. A compressed archive is decompressed as a whole first.
 *
 * @throws what `iterateTar` throws; also `ERR_TOO_LARGE` when a compressed archive has more than `maxDecompressedBytes`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { readFileSync } from 'node:fs'
 * import { iterateTarSync } from '@spindle/io/sync'
 *
 * const bytes = readFileSync('packages/io/test/archives/pets.tar')
 * for (const { data } of iterateTarSync(bytes)) assert.equal(data.buffer, bytes.buffer) // views
 * ```
 */
export function iterateTarSync(
  source: ArchiveSource,
  options: IterateTarSyncOptions = {},
): Iterable<TarMember> {
  checkArchiveSource(source, 'source')
  const plan = tarPlan(options, 'maxMemberBytes', 'views', 'maxDecompressedBytes')
  return {
    [Symbol.iterator]: function* () {
      const window = openWindowSync(
        source,
        plan.givesViews,
        bytesOption(options, 'maxDecompressedBytes', GIB, 4 * GIB),
      )
      try {
        for (const step of walkTar(window, plan)) {
          if (step instanceof Request) window.serve(step)
          else yield step
        }
      } finally {
        window.close()
      }
    },
  }
}

const GIB = 1024 ** 3

import { integer, type Rules, signal } from 'spindle/options'
import { limit, mediaOptions } from '../../base/options.ts'
import { archiveError } from './archive-error.ts'

/** Options of `read` of an archive. */
export interface ArchiveReadOptions {
  /** Gives up: rejects with the signal's reason. A read of a file that has begun is waited for. */
  readonly signal?: AbortSignal
}

/** Options of `readMany` of an archive. */
export interface ArchiveReadManyOptions extends ArchiveReadOptions {
  /** Most reads at a time, 1 to 1024. Default 8. */
  readonly concurrency?: number
  /**
   * Most bytes of all that the call returns; more is an error, `ERR_TOO_LARGE`, before anything is
   * read. An integer >= 1, or `Infinity`. Default 2 GiB.
   */
  readonly maxResultBytes?: number
}

const readOptions = mediaOptions('ArchiveReadOptions', {
  signal: signal(),
} satisfies Rules<ArchiveReadOptions>)
const manyOptions = mediaOptions('ArchiveReadManyOptions', {
  signal: signal(),
  concurrency: integer({ min: 1, max: 1024, default: 8, unit: 'reads' }),
  maxResultBytes: limit(2 ** 31),
} satisfies Rules<ArchiveReadManyOptions>)

/** @throws MediaError `ERR_BAD_OPTION` */
export function checkReadOptions(options: ArchiveReadManyOptions, isMany: boolean): void {
  if (isMany) manyOptions.check(options)
  else readOptions.check(options)
}

/** Refuses to return more than was allowed. @throws ArchiveError `ERR_TOO_LARGE` */
export function refuseLargeResult(
  archive: string,
  sizes: Iterable<number>,
  { maxResultBytes = 2 ** 31 }: ArchiveReadManyOptions,
): void {
  let bytes = 0
  for (const size of sizes) bytes += size
  if (bytes <= maxResultBytes) return
  const problem = `the files have ${bytes} bytes together, more than \`maxResultBytes\` (${maxResultBytes})`
  throw archiveError('ERR_TOO_LARGE', archive, problem)
}

/**
 * Reads several things, at most `concurrency` at a time, in the order in which they lie, which
 * disks like.
 *
 * @returns what was read, in the order of `entries`
 * @throws the first failure, once what runs is done
 */
export async function readMany<E, R = Uint8Array>(
  entries: readonly E[],
  placeOf: (entry: E) => number,
  concurrency: number,
  read: (entry: E) => Promise<R>,
): Promise<R[]> {
  const order = entries.map((_, i) => i).sort((a, b) => placeOf(entries[a]!) - placeOf(entries[b]!))
  const results = new Array<R>(entries.length)
  const failures: unknown[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < order.length && failures.length === 0) {
      const i = order[next++]!
      try {
        results[i] = await read(entries[i]!)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, order.length) }, lane))
  if (failures.length > 0) throw failures[0]
  return results
}

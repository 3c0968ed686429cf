import { object, type Rules, signal as signalRule } from 'spindle/options'
import { findObjects, type ObjectPlace, type StoreOptions } from 'spindle/source'
import { badOption, type MediaError } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import { openRanges } from '../files/fetch.ts'
import { openReader } from '../files/open-reader.ts'
import type { Fetching } from '../files/url-options.ts'
import { inspectArchive, isArchive } from './inspect-archive.ts'
import { inspectArrays, isNpy, isSafetensors } from './inspect-arrays.ts'
import { inspectRecords } from './inspect-records.ts'
import type { Inspected, Inspection } from './inspection.ts'
import { probe } from './probe.ts'

/** Options of {@link inspect}. */
export interface InspectOptions {
  /** Options of the store that a URL stands for, such as `{ credentials }`. */
  readonly store?: StoreOptions
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const inspectOptions = mediaOptions('InspectOptions', {
  store: object(),
  signal: signalRule(),
} satisfies Rules<InspectOptions>)

/** Bytes of the beginning that tell what a file is. */
const HEAD_BYTES = 1 << 16

/**
 * Finds out what a file is, how many records it has, their shapes and sizes, and shows the first
 * one. Little is read: headers, the directory or the footer, and the first record.
 *
 * @param file a path, or a URL that `openStore` of `spindle/source` takes
 * @throws MediaError `ERR_READ`; `ERR_DECODE` for a damaged file; `ERR_BAD_OPTION`; `ERR_NOT_FOUND`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { inspect } from '@spindle/io'
 *
 * const { kind, records, first } = await inspect('packages/io/test/archives/pets.tar')
 * assert.deepEqual([kind, records, first], ['tar', undefined, { path: 'pets/cat.txt', size: 4 }])
 * ```
 */
export async function inspect(
  file: string | URL,
  options: InspectOptions = {},
): Promise<Inspection> {
  const { store, signal } = inspectOptions.check(options)
  if (!(file instanceof URL) && (typeof file !== 'string' || file === ''))
    throw badOption('file', 'a path or a URL', file)
  const call = signal === undefined ? {} : { signal }
  const [found] = await findObjects(file, { ...call, ...(store !== undefined && { store }) })
  if (found === undefined) throw badOption('file', 'the name of one file', file)
  const where = found.store.place(found.name)
  const fetching = 'path' in where ? call : { ...call, headers: where.headers, fetch: where.fetch }
  const inspected = await beginning(where, found.name, fetching)
  return await inspectionOf(inspected)
}

async function inspectionOf(file: Inspected): Promise<Inspection> {
  if (isNpy(file) || isSafetensors(file)) return await inspectArrays(file)
  if (isArchive(file)) return await inspectArchive(file)
  const records = await inspectRecords(file)
  if (records !== undefined) return records
  try {
    const info = await probe(file.place, file.fetching as never)
    const { kind, ...facts } = info as unknown as Record<string, unknown>
    const shown = Object.entries(facts).filter(([, value]) => typeof value !== 'object')
    return { kind: String(kind), bytes: file.size, facts: Object.fromEntries(shown) as never }
  } catch (error) {
    if ((error as Partial<MediaError>).code !== 'ERR_DECODE') throw error
    return { kind: 'unknown', bytes: file.size, facts: { reason: (error as Error).message } }
  }
}

async function beginning(where: ObjectPlace, name: string, fetching: Fetching): Promise<Inspected> {
  if ('path' in where) {
    const reader = await openReader(where.path, fetching)
    try {
      const head = await reader.read(0, Math.min(reader.size, HEAD_BYTES))
      return { place: where.path, name, size: reader.size, head: Buffer.from(head), fetching }
    } finally {
      await reader.close()
    }
  }
  const ranges = await openRanges(where.url, fetching)
  const head = await ranges.read(0, Math.min(ranges.size, HEAD_BYTES))
  return { place: where.url, name, size: ranges.size, head, fetching }
}

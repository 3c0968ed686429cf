import type { Rule, Rules } from 'spindle/options'
import { limit, mediaOptions } from '../../base/options.ts'
import { type ArchiveError, archiveError } from '../archive/archive-error.ts'
import { isReusing } from '../archive/reusing.ts'

/**
 * The members of an archive that belong together, in WebDataset's convention: `0001.jpg` and
 * `0001.cls` are one sample.
 */
export interface Sample {
  /** The path up to the first dot after its last slash: `train/0001`. */
  readonly __key__: string
  /** The data of each member by the rest of its path, in lower case: `jpg`, `cls`, `seg.png`. */
  readonly files: Readonly<Record<string, Uint8Array>>
}

/** What is grouped: members of `iterateTar`, `iterateZip`, or anything like them. */
export interface KeyedMember {
  readonly path: string
  readonly data: Uint8Array
}

/** Options of {@link groupByKey}. */
export interface GroupByKeyOptions {
  /**
   * Most bytes of one sample, all its files together; more is an error, `ERR_TOO_LARGE`. An integer
   * >= 1, or `Infinity`. Default 4 GiB.
   */
  readonly maxSampleBytes?: number
}

/** The rule of `maxSampleBytes`. */
export const sampleLimit: Rule<number, 'always'> = limit(4 * 1024 ** 3)

const groupOptions = mediaOptions('GroupByKeyOptions', {
  maxSampleBytes: sampleLimit,
} satisfies Rules<GroupByKeyOptions>)

/** A sample that comes to more than is allowed. */
export function largeSample(archive: string, key: string, maxBytes: number): ArchiveError {
  const problem = `sample ${JSON.stringify(key)} has more than \`maxSampleBytes\` (${maxBytes})`
  return archiveError('ERR_TOO_LARGE', archive, problem)
}

/**
 * Puts members that follow each other and have the same key together, as WebDataset does. One
 * sample at a time is in memory. Members whose names have no dot, or begin with one, belong to no
 * sample and are left out. Of members that are read with `reuse`, copies are made.
 *
 * @throws ArchiveError `ERR_DECODE` when a sample has two members of one extension: then the
 *   archive is not sorted, or not of this convention;
 * `ERR_TOO_LARGE` for a sample of more than `maxSampleBytes`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { groupByKey } from '@spindle/io'
 *
 * const members = ['train/1.jpg', 'train/1.cls', 'train/2.jpg'].map((path) => ({ path, data: Buffer.from(path) }))
 * const samples: string[] = []
 * for await (const { __key__, files } of groupByKey(members)) samples.push(`${__key__}: ${Object.keys(files)}`)
 * assert.deepEqual(samples, ['train/1: jpg,cls', 'train/2: jpg'])
 * ```
 */
export function groupByKey(
  members: AsyncIterable<KeyedMember> | Iterable<KeyedMember>,
  options: GroupByKeyOptions = {},
): AsyncIterable<Sample> {
  const { maxSampleBytes } = groupOptions.check(options)
  return { [Symbol.asyncIterator]: () => group(members, maxSampleBytes) }
}

async function* group(
  members: AsyncIterable<KeyedMember> | Iterable<KeyedMember>,
  maxBytes: number,
): AsyncGenerator<Sample, void, void> {
  let bytes = 0
  let key: string | undefined
  let files = new Map<string, Uint8Array>()
  // A sample is kept while the next member is asked for.
  const isCopied = isReusing(members)
  for await (const { path, data } of members) {
    const parts = splitKey(path)
    if (parts === undefined) continue
    if (parts.key !== key) {
      if (key !== undefined) yield sampleOf(key, files)
      key = parts.key
      files = new Map()
      bytes = 0
    }
    bytes += data.byteLength
    if (bytes > maxBytes) throw largeSample('samples', key, maxBytes)
    if (files.has(parts.extension)) {
      const problem = `is the second one of extension ${JSON.stringify(parts.extension)} in its sample`
      throw archiveError('ERR_DECODE', 'samples', problem, { member: path })
    }
    files.set(parts.extension, isCopied ? new Uint8Array(data) : data)
  }
  if (key !== undefined) yield sampleOf(key, files)
}

/** Own properties, whatever their names. */
function sampleOf(key: string, files: ReadonlyMap<string, Uint8Array>): Sample {
  return { __key__: key, files: Object.fromEntries(files) }
}

/**
 * `a.b/c.seg.png` is `a.b/c` and `seg.png`; `undefined` for a name without a dot, or that begins
 * with one.
 */
export function splitKey(
  path: string,
): { readonly key: string; readonly extension: string } | undefined {
  const name = path.lastIndexOf('/') + 1
  const dot = path.indexOf('.', name)
  if (dot <= name) return undefined
  return { key: path.slice(0, dot), extension: path.slice(dot + 1).toLowerCase() }
}

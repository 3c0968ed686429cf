import { boolean, type Options, type Rules, type RulesOf } from 'spindle/options'
import type { AnyNdArray } from '../../base/array.ts'
import { MediaError } from '../../base/errors.ts'
import { limit, mediaOptions } from '../../base/options.ts'
import type { Routine } from '../../files/routine.ts'
import { rowsRule } from '../npy/npy-rows.ts'
import { decodeWhole, readNpy } from '../npy/parse-npy.ts'
import { readZipDirectory, type ZipEntry } from '../zip/directory.ts'
import { findData, isPossible, readZipMember } from '../zip/zip-member.ts'

/** Options of reading an npz. */
export interface NpzOptions {
  /**
   * Whether each array is checked against its checksum. Default true. The check costs about 0.2 ms
   * for each MB. Use false only if something else vouches for the file.
   */
  readonly verify?: boolean
  /**
   * Largest array that is read as a whole, in decompressed bytes of its member; more is an error,
   * `ERR_TOO_LARGE`. An integer >= 1, or `Infinity`. Default 1 GiB. `rows` of a stored array do not
   * count.
   */
  readonly maxMemberBytes?: number
}

/** The rules of {@link NpzOptions}. */
export const npzRules: RulesOf<NpzOptions, keyof NpzOptions> = {
  verify: boolean({ default: true }),
  maxMemberBytes: limit(1024 ** 3),
}

const npzOptions = mediaOptions('NpzOptions', npzRules)

/** The checked options for reading an npz, with defaults. */
export interface NpzPlan {
  readonly verify: boolean
  readonly maxMemberBytes: number
}

/** Options of `get` of an npz. */
export interface NpzGetOptions {
  /**
   * Only these rows of the first axis, `[start, end)`; an `end` after the last row means all.
   * Default: all. For a stored array, only they are read and the checksum cannot be checked; a
   * deflated array is read as a whole.
   */
  readonly rows?: readonly [start: number, end: number]
}

const getOptions = mediaOptions('NpzGetOptions', { rows: rowsRule } satisfies Rules<NpzGetOptions>)

/**
 * Name without `.npy` -> entry of the array. If two members have one name, the later counts, as in
 * Python.
 */
export type NpzMembers = ReadonlyMap<string, ZipEntry>

/**
 * Checks options and fills in defaults.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function npzPlan(
  options: NpzOptions,
  declared: Options<typeof npzRules> = npzOptions,
): NpzPlan {
  return declared.check(options)
}

/** @throws MediaError `ERR_BAD_OPTION` */
export function checkGetOptions(options: NpzGetOptions): void {
  getOptions.check(options)
}

/** Reads the directory of an npz. Errors do not name the source. */
export function* readNpzMembers(size: number): Routine<NpzMembers> {
  const members = new Map<string, ZipEntry>()
  for (const entry of yield* readZipDirectory(size)) {
    members.set(entry.name.endsWith('.npy') ? entry.name.slice(0, -4) : entry.name, entry)
  }
  return members
}

/**
 * The member with a name, with or without `.npy`.
 *
 * @throws MediaError `ERR_NO_MEMBER`
 */
export function findMember(members: NpzMembers, name: string): ZipEntry {
  const entry =
    members.get(name) ?? (name.endsWith('.npy') ? members.get(name.slice(0, -4)) : undefined)
  if (entry !== undefined) return entry
  const names = [...members.keys()].slice(0, 8).map((known) => JSON.stringify(known))
  const more = members.size > names.length ? ` and ${members.size - names.length} more` : ''
  const there = members.size === 0 ? 'it is empty' : `it has ${names.join(', ')}${more}`
  throw new MediaError('ERR_NO_MEMBER', `no array ${JSON.stringify(name)}; ${there}`)
}

/**
 * Reads one array, or some of its rows. Errors name the member, but not the source.
 *
 * @param isOwn whether the bytes that are read may be overwritten
 */
export function* readArray(
  entry: ZipEntry,
  { rows }: NpzGetOptions,
  { verify, maxMemberBytes }: NpzPlan,
  isOwn: boolean,
): Routine<AnyNdArray> {
  if (rows !== undefined && entry.method === 0) {
    const offset = yield* findData(entry, true)
    return yield* withMember(entry, readNpy(offset, entry.size, rows, isOwn))
  }
  // A member that cannot have this size is damaged; reading it reports that.
  if (entry.size > maxMemberBytes && isPossible(entry)) {
    const problem = `has ${entry.size} bytes; \`maxMemberBytes\` is ${maxMemberBytes}`
    throw new MediaError('ERR_TOO_LARGE', `member ${JSON.stringify(entry.name)}: ${problem}`)
  }
  const bytes = yield* readZipMember(entry, verify, true)
  return yield* withMember(entry, decodeWhole(bytes, isOwn || entry.method !== 0, rows))
}

function* withMember<T>({ name }: ZipEntry, routine: Routine<T>): Routine<T> {
  try {
    return yield* routine
  } catch (error) {
    if (!(error instanceof MediaError) || error.source !== undefined) throw error
    throw new MediaError(error.code, `member ${JSON.stringify(name)}: ${error.message}`, {
      cause: error.cause,
    })
  }
}

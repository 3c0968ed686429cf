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
   * Whether the bytes of each array are held against the checksum in the archive. Default true. It
   * costs about 0.2 ms a MB; false is for files that something else vouches for.
   */
  readonly verify?: boolean
  /**
   * Most bytes of one array's member when it is read as a whole; reading a larger one is an error,
   * `ERR_TOO_LARGE`, whatever it takes up compressed. An integer >= 1, or `Infinity`. Default 1
   * GiB. `rows` of an array that is stored as it is are not counted.
   */
  readonly maxMemberBytes?: number
}

/** The rules of {@link NpzOptions}. */
export const npzRules: RulesOf<NpzOptions, keyof NpzOptions> = {
  verify: boolean({ default: true }),
  maxMemberBytes: limit(1024 ** 3),
}

const npzOptions = mediaOptions('NpzOptions', npzRules)

/** Options of reading an npz, checked and filled in. */
export interface NpzPlan {
  readonly verify: boolean
  readonly maxMemberBytes: number
}

/** Options of getting one array. */
export interface NpzGetOptions {
  /**
   * Only these rows of the first axis, `[start, end)`; an `end` behind the last row means all.
   * Default: all. Of an array that is stored as it is, only they are read, and no checksum can be
   * held against them; a deflated one is read whole.
   */
  readonly rows?: readonly [start: number, end: number]
}

const getOptions = mediaOptions('NpzGetOptions', { rows: rowsRule } satisfies Rules<NpzGetOptions>)

/**
 * Name without `.npy` -> where the array lies. Of two members of one name the later counts, as in
 * Python.
 */
export type NpzMembers = ReadonlyMap<string, ZipEntry>

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
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

/** What is in an npz. Faults do not name the source. */
export function* readNpzMembers(size: number): Routine<NpzMembers> {
  const members = new Map<string, ZipEntry>()
  for (const entry of yield* readZipDirectory(size)) {
    members.set(entry.name.endsWith('.npy') ? entry.name.slice(0, -4) : entry.name, entry)
  }
  return members
}

/** The member of a name, with or without `.npy`. @throws MediaError `ERR_NO_MEMBER` */
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
 * One array, or some of its rows. Faults name the member, but not the source.
 *
 * @param isOwn whether what is read may be overwritten
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
  // What cannot be so large is damaged, which reading it says.
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

import { checkBoolean, checkKnown, checkSignal } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../../files/url-options.ts'
import type { ZipMemberEntry } from './zip-members.ts'

/** Options of `ZipFile.open`. */
export interface ZipOptions extends UrlOptions {
  /**
   * Whether the bytes of each member are held against the checksum in the archive. Default true. It
   * costs about 0.2 ms a MB; false is for files that something else vouches for.
   */
  readonly verify?: boolean
  /**
   * Most bytes of one member when it is read, 1 to 4 GiB. Default 1 GiB. Reading a larger one is an
   * error (`ERR_TOO_LARGE`), whatever it takes up compressed.
   */
  readonly maxMemberBytes?: number
  /** Gives up: rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `iterateZip`. */
export interface IterateZipOptions extends ZipOptions {
  /** Which members to give. Others are not read. */
  readonly filter?: (entry: ZipMemberEntry) => boolean
  /**
   * Give views of what was read of a file at once, of members that are stored as they are. Default
   * false. The bytes of a member are then valid until the next one is asked for, in a `for` loop
   * until the end of its body: what is kept longer must be copied, and nothing can be transferred.
   * Deflated members have memory of their own all the same.
   */
  readonly reuse?: boolean
}

const GIB = 1024 ** 3

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function zipPlan(
  options: IterateZipOptions,
  ...alsoKnown: ('signal' | 'filter' | 'reuse')[]
): { readonly verify: boolean; readonly maxMemberBytes: number } {
  const fetched = alsoKnown.includes('signal') ? URL_OPTIONS : []
  checkKnown(options, ['verify', 'maxMemberBytes', ...alsoKnown], fetched)
  const { verify = true, maxMemberBytes = GIB, filter, reuse = false } = options
  checkBoolean('verify', verify)
  checkBoolean('reuse', reuse)
  if (!Number.isInteger(maxMemberBytes) || maxMemberBytes < 1 || maxMemberBytes > 4 * GIB)
    throw badOption('maxMemberBytes', `an integer from 1 to ${4 * GIB}`, maxMemberBytes)
  if (filter !== undefined && typeof filter !== 'function')
    throw badOption('filter', 'a function', filter)
  checkSignal(options.signal)
  fetchingOf(options)
  return { verify, maxMemberBytes }
}

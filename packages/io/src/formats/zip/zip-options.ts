import { checkBoolean, checkKnown, checkSignal } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../../files/url-options.ts'
import type { ZipMemberEntry } from './zip-members.ts'

/** Options of `ZipFile.open`. */
export interface ZipOptions extends UrlOptions {
  /**
   * Whether each member is checked against its checksum. Default true. The check costs about 0.2 ms
   * for each MB. Use false only if something else vouches for the file.
   */
  readonly verify?: boolean
  /**
   * Largest member, in decompressed bytes; an integer from 1 to 4 GiB. Default 1 GiB. Reading a
   * larger member is an error (`ERR_TOO_LARGE`).
   */
  readonly maxMemberBytes?: number
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `iterateZip`. */
export interface IterateZipOptions extends ZipOptions {
  /** Selects members. Others are not read. Default: all. */
  readonly filter?: (entry: ZipMemberEntry) => boolean
  /**
   * Whether stored members of a file are views of a reused read buffer. Default false. The bytes of
   * a member are then valid until the next member is requested: in a `for` loop, until the end of
   * its body. Copy data that you keep longer; nothing can be transferred. Deflated members always
   * have their own memory.
   */
  readonly reuse?: boolean
}

const GIB = 1024 ** 3

/**
 * Checks options and fills in defaults.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
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

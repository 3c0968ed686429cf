import { boolean, func, integer, type Rules, signal } from 'spindle/options'
import { mediaOptions } from '../../base/options.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
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

const plainRules = {
  verify: boolean({ default: true }),
  maxMemberBytes: integer({ min: 1, max: 4 * GIB, default: GIB }),
}
const zipRules = {
  ...plainRules,
  signal: signal(),
  ...urlRules,
} satisfies Rules<ZipOptions>

const declared = {
  file: mediaOptions('ZipOptions', zipRules),
  sync: mediaOptions('ZipOptions', plainRules),
  iterate: mediaOptions('IterateZipOptions', {
    ...zipRules,
    filter: func(),
    reuse: boolean({ default: false }),
  } satisfies Rules<IterateZipOptions>),
}

/**
 * Checks options and fills in defaults.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function zipPlan(
  options: IterateZipOptions,
  form: 'sync' | 'file' | 'iterate',
): { readonly verify: boolean; readonly maxMemberBytes: number } {
  const { verify, maxMemberBytes } = declared[form].check(options)
  return { verify, maxMemberBytes }
}

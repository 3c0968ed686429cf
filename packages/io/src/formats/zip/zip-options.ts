import { boolean, func, integer, type Rules, signal } from 'spindle/options'
import { mediaOptions } from '../../base/options.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
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

/** Checks options and fills in defaults. @throws MediaError `ERR_BAD_OPTION` */
export function zipPlan(
  options: IterateZipOptions,
  form: 'sync' | 'file' | 'iterate',
): { readonly verify: boolean; readonly maxMemberBytes: number } {
  const { verify, maxMemberBytes } = declared[form].check(options)
  return { verify, maxMemberBytes }
}

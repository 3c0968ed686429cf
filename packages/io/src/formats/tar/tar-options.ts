import { boolean, func, integer, is, type Rules, signal } from 'spindle/options'
import { badOption } from '../../base/errors.ts'
import { limit, mediaOptions } from '../../base/options.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
import { TAR_MEMBER_TYPES, type TarHeader, type TarMemberType } from './tar-member.ts'
import type { Plan } from './walk-tar.ts'

/** Which members of a tar archive are given. */
export interface TarFilterOptions {
  /** Types of members to give. Default `['file']`; other members are passed over. */
  readonly types?: readonly TarMemberType[]
  /**
   * Which members of those types to give. The data of others is not read from a file, not copied
   * from a stream.
   */
  readonly filter?: (header: TarHeader) => boolean
  /**
   * Read on after an end marker, as of archives put one after another by `cat`
   * (`tar --ignore-zeros`). Default false: then a second archive is an error.
   */
  readonly concatenated?: boolean
  /**
   * Fail when the archive ends without an end marker, two blocks of zeros. Default false, as GNU
   * tar does.
   */
  readonly requireEndMarker?: boolean
}

/** Options of `iterateTarSync`. */
export interface IterateTarSyncOptions extends TarFilterOptions {
  /**
   * Most bytes of one member, 1 to 4 GiB. Default 1 GiB. A larger member that is wanted is an error
   * (`ERR_TOO_LARGE`). Members of archives in memory are views, and may be of any size.
   */
  readonly maxMemberBytes?: number
  /**
   * Give views of what was read at once instead of memory of their own. Default false. Saves a
   * copy, but a member that is kept keeps up to 4 MiB of others, and cannot be transferred without
   * them; pieces of a stream must not be overwritten by who gives them.
   */
  readonly views?: boolean
  /**
   * Put the data of one member where that of an earlier one was. Default false. The bytes of a
   * member are then valid until the next one is asked for, in a `for` loop until the end of its
   * body: what is kept longer must be copied, and nothing can be transferred. Reading a file this
   * way takes a third of the processor's time, because no memory is left for the garbage collector.
   * Excludes `views`. Of archives in memory, members are views of that memory all the same.
   */
  readonly reuse?: boolean
  /**
   * Most bytes that a compressed archive may decompress to, 1 to 4 GiB: it is decompressed as a
   * whole. Default 1 GiB.
   */
  readonly maxDecompressedBytes?: number
}

/** How an archive that comes piece by piece is read. */
export interface TarUrlOptions extends Omit<UrlOptions, 'maxBytes'> {
  /**
   * Most bytes that are fetched of a URL; more is an error, `ERR_TOO_LARGE`. Default `Infinity`:
   * they are not kept.
   */
  readonly maxBytes?: number
  /**
   * Most bytes that a compressed archive may decompress to; more is an error, `ERR_TOO_LARGE`. An
   * integer >= 1, or `Infinity`. Default 1 TiB.
   */
  readonly maxDecompressedBytes?: number
  /**
   * Bytes that may be read ahead of what was taken from a URL, by up to 8 requests at a time, an
   * integer >= 0. On a server that is far away, this is several times faster. Default 0: one
   * request.
   */
  readonly readAheadBytes?: number
}

/** Options of `iterateTar`. */
export interface IterateTarOptions
  extends Omit<IterateTarSyncOptions, 'maxDecompressedBytes'>,
    TarUrlOptions {
  /** Gives up: iterating rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `streamTar`. */
export interface StreamTarOptions extends TarFilterOptions, TarUrlOptions {
  /** Most bytes of one piece of a member, 1 to 1 GiB. Default 256 KiB. */
  readonly pieceBytes?: number
  /** Gives up: iterating rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const GIB = 1024 ** 3
const bytesRule = integer({ min: 1, max: 4 * GIB, default: GIB })

const filterRules = {
  types: is('a list of at least one type', (value) => Array.isArray(value) && value.length > 0, {
    default: ['file'] as readonly TarMemberType[],
  }),
  filter: func<NonNullable<TarFilterOptions['filter']>>(),
  concatenated: boolean({ default: false }),
  requireEndMarker: boolean({ default: false }),
} satisfies Rules<TarFilterOptions>

const memberRules = {
  maxMemberBytes: bytesRule,
  views: boolean({ default: false }),
  reuse: boolean({ default: false }),
}
const piecesRules = {
  ...urlRules,
  maxBytes: limit(Number.POSITIVE_INFINITY),
  maxDecompressedBytes: limit(1024 * GIB),
  readAheadBytes: integer({ min: 0, default: 0 }),
  signal: signal(),
}

const declared = {
  sync: mediaOptions('IterateTarSyncOptions', {
    ...filterRules,
    ...memberRules,
    maxDecompressedBytes: bytesRule,
  } satisfies Rules<IterateTarSyncOptions>),
  iterate: mediaOptions('IterateTarOptions', {
    ...filterRules,
    ...memberRules,
    ...piecesRules,
  } satisfies Rules<IterateTarOptions>),
  stream: mediaOptions('StreamTarOptions', {
    ...filterRules,
    ...piecesRules,
    pieceBytes: integer({ min: 1, max: GIB, default: 256 * 1024 }),
  } satisfies Rules<StreamTarOptions>),
}

/** Options of any of the forms, with defaults. */
type Checked = Required<IterateTarSyncOptions> & { readonly pieceBytes: number }

/**
 * Checks options of any of the forms, and fills in defaults. @throws MediaError `ERR_BAD_OPTION`
 */
export function tarPlan(
  options: IterateTarOptions & IterateTarSyncOptions & StreamTarOptions,
  form: 'sync' | 'iterate' | 'stream',
): Plan & Pick<Checked, 'maxDecompressedBytes' | 'pieceBytes'> {
  const checked = declared[form].check(options) as Partial<Checked>
  const { types, filter, concatenated, requireEndMarker } = checked as Checked
  const { views = false, reuse = false, maxMemberBytes = GIB } = checked
  const { maxDecompressedBytes, pieceBytes } = checked as Checked
  for (const type of types)
    if (!TAR_MEMBER_TYPES.includes(type))
      throw badOption(
        'types',
        `made of ${TAR_MEMBER_TYPES.map((one) => `'${one}'`).join(', ')}`,
        type,
      )
  if (views && reuse) throw badOption('reuse', 'false where `views` is true', reuse)
  return {
    types: new Set(types),
    ...{ filter, maxMemberBytes, concatenated, requireEndMarker },
    givesViews: views || reuse,
    isReused: !views,
    reusesMemory: reuse,
    leavesData: form === 'stream',
    ...{ maxDecompressedBytes, pieceBytes },
  }
}

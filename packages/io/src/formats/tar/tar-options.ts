import { boolean, func, integer, is, type Rules, signal } from 'spindle/options'
import { badOption } from '../../base/errors.ts'
import { limit, mediaOptions } from '../../base/options.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
import { TAR_MEMBER_TYPES, type TarHeader, type TarMemberType } from './tar-member.ts'
import type { Plan } from './walk-tar.ts'

/** Which members of a tar archive are returned. */
export interface TarFilterOptions {
  /** Types of members to return. Default `['file']`; other members are skipped. */
  readonly types?: readonly TarMemberType[]
  /**
   * Selects members of those types. Data of other members are not read from a file and not copied
   * from a stream. Default: all members.
   */
  readonly filter?: (header: TarHeader) => boolean
  /**
   * Whether to continue after an end marker, for archives that were concatenated with `cat` (`tar
   * --ignore-zeros`). Default false: then a second archive is an error.
   */
  readonly concatenated?: boolean
  /**
   * Whether an archive without an end marker (two blocks of zeros) is an error. Default false, as
   * in GNU tar.
   */
  readonly requireEndMarker?: boolean
}

/** Options of `iterateTarSync`. */
export interface IterateTarSyncOptions extends TarFilterOptions {
  /**
   * Largest member, in bytes; an integer from 1 to 4 GiB. Default 1 GiB. A larger member that
   * passes the filter is an error (`ERR_TOO_LARGE`). Members of archives in memory are views and
   * may have any size.
   */
  readonly maxMemberBytes?: number
  /**
   * Whether data may be views of a read buffer instead of their own memory. Default false. This
   * saves a copy. But a member that you keep also keeps up to 4 MiB of its neighbours, and cannot
   * be transferred without them. A source stream must not overwrite its pieces.
   */
  readonly views?: boolean
  /**
   * Whether the data of members share one memory that is reused. Default false. The bytes of a
   * member are then valid until the next member is requested: in a `for` loop, until the end of its
   * body. Copy data that you keep longer; nothing can be transferred. Reading a file takes a third
   * of the CPU time, because no memory is left for the garbage collector. Excludes `views`. Members
   * of archives in memory are views of that memory anyway.
   */
  readonly reuse?: boolean
  /**
   * Largest decompressed size, in bytes; an integer from 1 to 4 GiB. A compressed archive is
   * decompressed as a whole. Default 1 GiB.
   */
  readonly maxDecompressedBytes?: number
}

/** Options for archives that are read piece by piece. */
export interface TarUrlOptions extends Omit<UrlOptions, 'maxBytes'> {
  /**
   * Largest number of bytes to fetch from a URL; more is an error, `ERR_TOO_LARGE`. Default
   * `Infinity`, because they are not kept.
   */
  readonly maxBytes?: number
  /**
   * Largest decompressed size, in bytes; more is an error, `ERR_TOO_LARGE`. An integer >= 1, or
   * `Infinity`. Default 1 TiB.
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
  /** Aborts the iteration: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `streamTar`. */
export interface StreamTarOptions extends TarFilterOptions, TarUrlOptions {
  /** Largest piece of a member, in bytes; an integer from 1 to 1 GiB. Default 256 KiB. */
  readonly pieceBytes?: number
  /** Aborts the iteration: it rejects with the signal's reason. */
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
 * Checks the options of all forms and fills in defaults.
 *
 * @throws MediaError `ERR_BAD_OPTION`
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

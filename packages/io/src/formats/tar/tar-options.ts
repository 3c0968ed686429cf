import { checkBoolean, checkKnown, checkSignal } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../../files/url-options.ts'
import type { PieceOptions } from '../archive/byte-pieces.ts'
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
const FILTERS = ['types', 'filter', 'concatenated', 'requireEndMarker']

/**
 * Checks the options of all forms and fills in defaults.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function tarPlan(
  options: IterateTarOptions & IterateTarSyncOptions & StreamTarOptions,
  ...alsoKnown: (
    | 'maxMemberBytes'
    | 'views'
    | 'reuse'
    | 'maxDecompressedBytes'
    | 'pieceBytes'
    | 'signal'
  )[]
): Plan {
  const isAsync = alsoKnown.includes('signal')
  const known = isAsync ? ['maxDecompressedBytes', ...alsoKnown] : alsoKnown
  checkKnown(options, [...FILTERS, ...known], isAsync ? URL_OPTIONS : [])
  const { types = ['file'], filter, concatenated = false, requireEndMarker = false } = options
  const { views = false, reuse = false } = options
  if (!Array.isArray(types) || types.length === 0)
    throw badOption('types', 'a list of at least one type', types)
  for (const type of types as readonly TarMemberType[])
    if (!TAR_MEMBER_TYPES.includes(type))
      throw badOption(
        'types',
        `made of ${TAR_MEMBER_TYPES.map((name) => `'${name}'`).join(', ')}`,
        type,
      )
  if (filter !== undefined && typeof filter !== 'function')
    throw badOption('filter', 'a function', filter)
  checkBoolean('concatenated', concatenated)
  checkBoolean('requireEndMarker', requireEndMarker)
  checkBoolean('views', views)
  checkBoolean('reuse', reuse)
  if (views && reuse) throw badOption('reuse', 'false where `views` is true', reuse)
  checkSignal(options.signal)
  fetchingOf(options)
  const maxMemberBytes = bytesOption(options, 'maxMemberBytes', GIB, 4 * GIB)
  bytesOption(options, 'pieceBytes', 256 * 1024, GIB)
  const leavesData = alsoKnown.includes('pieceBytes')
  return {
    types: new Set(types),
    filter,
    maxMemberBytes,
    concatenated,
    requireEndMarker,
    givesViews: views || reuse,
    isReused: !views,
    reusesMemory: reuse,
    leavesData,
  }
}

/**
 * The options for an archive that is read piece by piece.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function pieceOptions(options: IterateTarOptions & StreamTarOptions): PieceOptions {
  const { maxDecompressedBytes = 1024 * GIB } = options
  const isCount = Number.isInteger(maxDecompressedBytes) && maxDecompressedBytes >= 1
  if (!isCount && maxDecompressedBytes !== Number.POSITIVE_INFINITY)
    throw badOption('maxDecompressedBytes', 'an integer >= 1 or Infinity', maxDecompressedBytes)
  return { fetching: fetchingOf(options), maxDecompressedBytes }
}

/**
 * Checks a number of bytes.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function bytesOption<N extends string>(
  options: { readonly [K in N]?: number },
  name: N,
  byDefault: number,
  max: number,
): number {
  const value = options[name] ?? byDefault
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw badOption(name, `an integer from 1 to ${max}`, value)
  return value
}

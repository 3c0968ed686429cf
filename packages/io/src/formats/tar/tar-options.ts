import { checkBoolean, checkKnown, checkSignal } from '../../base/check.ts'
import { badOption } from '../../base/errors.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../../files/url-options.ts'
import type { PieceOptions } from '../archive/byte-pieces.ts'
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
const FILTERS = ['types', 'filter', 'concatenated', 'requireEndMarker']

/**
 * Checks options of any of the forms, and fills in defaults. @throws MediaError `ERR_BAD_OPTION`
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

/** How an archive that comes in pieces is read. @throws MediaError `ERR_BAD_OPTION` */
export function pieceOptions(options: IterateTarOptions & StreamTarOptions): PieceOptions {
  const { maxDecompressedBytes = 1024 * GIB } = options
  const isCount = Number.isInteger(maxDecompressedBytes) && maxDecompressedBytes >= 1
  if (!isCount && maxDecompressedBytes !== Number.POSITIVE_INFINITY)
    throw badOption('maxDecompressedBytes', 'an integer >= 1 or Infinity', maxDecompressedBytes)
  return { fetching: fetchingOf(options), maxDecompressedBytes }
}

/** A number of bytes. @throws MediaError `ERR_BAD_OPTION` */
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

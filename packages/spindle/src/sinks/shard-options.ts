import { badOption } from '../check.ts'
import { choice, func, integer, is, object, options, type RulesOf } from '../options/index.ts'
import type { ObjectStore } from '../source/store/object-store.ts'
import { openStore } from '../source/store/open-store.ts'
import type { StoreOptions } from '../source/store/store-options.ts'
import type { Compression } from './compressed-output.ts'

/** Options of all sinks that write shards. */
export interface ShardOptions {
  /**
   * A shard is complete when it has this many bytes, before compression. Default 256 000 000. A
   * shard holds at least one item.
   */
  readonly maxBytes?: number
  /** A shard is complete when it has this many records. An integer >= 1. Default: no limit. */
  readonly maxRecords?: number
  /**
   * Name of each shard, relative to the place, without the format's ending. A function of the
   * shard's number (0, 1, 2, …) that always gives the same name, and different names for different
   * numbers. Default `shard-000000`.
   */
  readonly name?: (shard: number) => string
  /** Digest of each shard in the manifest. Default `'sha256'`. `false`: none, which is faster. */
  readonly digest?: 'sha256' | 'sha512' | 'md5' | false
  /** Options of the store, if the place is a path or URL. */
  readonly store?: StoreOptions
}

/** {@link ShardOptions} of formats that are compressed as a whole. */
export interface CompressedShardOptions extends ShardOptions {
  /** Compression of each shard. `'zstd'` needs Node 22.15. Default: none. */
  readonly compress?: Compression
}

/** The options, checked and with defaults. */
export interface ShardPlan {
  readonly store: ObjectStore
  readonly maxBytes: number
  readonly maxRecords: number
  readonly nameOf: (shard: number) => string
  readonly digest: 'sha256' | 'sha512' | 'md5' | false
}

/** The rules of {@link ShardOptions}, for the options of a format that extend them. */
export const shardRules: RulesOf<ShardOptions, 'maxBytes' | 'maxRecords' | 'name' | 'digest'> = {
  maxBytes: integer({ min: 1, orInfinity: true, default: 256_000_000 }),
  maxRecords: integer({
    min: 1,
    orInfinity: true,
    default: Number.POSITIVE_INFINITY,
    unit: 'records',
  }),
  name: func({ defaultOf: () => defaultName }),
  digest: is(
    "'sha256' or 'sha512' or 'md5'",
    (value) => value === false || ['sha256', 'sha512', 'md5'].includes(value as string),
    { default: 'sha256' },
  ),
  store: object(),
}

/** The rules of {@link CompressedShardOptions}. */
export const compressedShardRules: RulesOf<
  CompressedShardOptions,
  'maxBytes' | 'maxRecords' | 'name' | 'digest'
> = {
  ...shardRules,
  compress: choice(['gzip', 'zstd']),
}

const shardOptions = options('ShardOptions', shardRules)

/**
 * Checks the options of a sink.
 *
 * @param known names of options of the format
 * @throws `ERR_BAD_OPTION`
 */
export function shardPlan(
  place: string | URL | ObjectStore,
  options: ShardOptions,
  known: readonly string[] = [],
): ShardPlan {
  const ofShards = Object.entries(options ?? {}).filter(([name]) => !known.includes(name))
  const { store, name, ...checked } = shardOptions.check(
    known.length === 0 ? options : (Object.fromEntries(ofShards) as ShardOptions),
  )
  const isPlace = typeof place === 'string' || place instanceof URL
  if (!isPlace && typeof (place as Partial<ObjectStore> | null)?.createIfAbsent !== 'function')
    badOption('place', 'a path, a URL, or a store that openStore() made', place)
  if (!isPlace && store !== undefined)
    badOption('store', 'missing where the place is a store already', store)
  return {
    store: isPlace ? openStore(place, store) : place,
    nameOf: name,
    ...checked,
  }
}

function defaultName(shard: number): string {
  return `shard-${String(shard).padStart(6, '0')}`
}

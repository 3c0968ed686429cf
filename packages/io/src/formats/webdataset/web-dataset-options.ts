import { boolean, integer, is, list, type Rules, signal } from 'spindle/options'
import type { FindObjectsOptions } from 'spindle/source'
import { mediaOptions } from '../../base/options.ts'
import { type Fetching, fetchingOf, type UrlOptions, urlRules } from '../../files/url-options.ts'
import { sampleLimit } from './group-by-key.ts'

/** Options of `fromWebDataset`. */
export interface WebDatasetOptions extends UrlOptions {
  /**
   * Number of shards that give samples in turn. An integer >= 1. Default 1: one shard after
   * another.
   */
  readonly interleave?: number
  /**
   * Whether the shards are in random order, a different one in each epoch. Default false: in the
   * given order.
   */
  readonly shuffleShards?: boolean
  /** Seed of the random orders. An integer. Default 0. */
  readonly seed?: number
  /**
   * Extensions of the files to return, case ignored: `['jpg', 'cls']`. Other files are not copied.
   * Default: all.
   */
  readonly extensions?: readonly string[]
  /**
   * Read the shards as streams, without an index: the first sample comes at once, shards may be
   * compressed (gzip, zstd), and the number of samples is not known. To begin at a late position,
   * shards in front of it are read. Default: true if a shard is on a network or compressed, and
   * `index` is not given.
   */
  readonly stream?: boolean
  /**
   * For shards that are read as streams from a network: bytes that may be read ahead of what was
   * taken, by up to 8 requests at a time, an integer >= 0. Default 32 MiB.
   */
  readonly readAheadBytes?: number
  /**
   * Where the index of each shard is saved, as `indexFile` of `TarIndex.open`. `false` saves none,
   * and each opening scans the shards. Default: beside each shard that is a file.
   */
  readonly index?: false | ((shard: string) => string | URL | false)
  /**
   * Largest sample, in bytes, all its files together; more is an error, `ERR_TOO_LARGE`. An integer
   * >= 1, or `Infinity`. Default 4 GiB.
   */
  readonly maxSampleBytes?: number
  /** Aborts: opening and iterating reject with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The checked options with their defaults. */
export interface WebDatasetPlan {
  readonly interleave: number
  readonly shuffleShards: boolean
  readonly seed: number
  readonly extensions: readonly string[] | undefined
  readonly index: WebDatasetOptions['index']
  readonly stream: boolean | undefined
  readonly readAheadBytes: number
  readonly store: FindObjectsOptions['store']
  readonly maxSampleBytes: number
  /** Options for fetching URLs, and the signal. */
  readonly fetching: Fetching
}

const datasetRules = {
  interleave: integer({ min: 1, default: 1, unit: 'shards' }),
  shuffleShards: boolean({ default: false }),
  seed: is('an integer', Number.isSafeInteger, { default: 0 }),
  extensions: list('text', (end) => typeof end === 'string', { minLength: 1 }),
  index: is(
    'false or a function of the name of a shard',
    (value) => value === false || typeof value === 'function',
  ),
  stream: boolean(),
  readAheadBytes: integer({ min: 0, default: 32 * 1024 * 1024 }),
  maxSampleBytes: sampleLimit,
  signal: signal(),
  ...urlRules,
} satisfies Rules<WebDatasetOptions>

const datasetOptions = mediaOptions('WebDatasetOptions', datasetRules, ({ stream, index }) =>
  stream === true && index !== undefined ? ['index', 'left out where `stream` is true'] : undefined,
)

/** @throws MediaError `ERR_BAD_OPTION` */
export function webDatasetPlan(options: WebDatasetOptions): WebDatasetPlan {
  const checked = datasetOptions.check(options)
  const { interleave, shuffleShards, seed, extensions, index, stream, store } = checked
  const { maxSampleBytes, readAheadBytes } = checked
  return {
    ...{ interleave, shuffleShards, seed, index, stream, store },
    ...{ maxSampleBytes, readAheadBytes },
    extensions: extensions?.map((end) => end.replace(/^\./, '').toLowerCase()),
    fetching: fetchingOf(options),
  }
}

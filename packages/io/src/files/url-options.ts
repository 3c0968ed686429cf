import { durationMs, func, integer, object, type RulesOf } from 'spindle/options'
import type { FindObjectsOptions, ReadUrlOptions } from 'spindle/source'
import { checkRule } from '../base/check.ts'
import { badOption } from '../base/errors.ts'
import { limit } from '../base/options.ts'

/**
 * How an `http:` or `https:` URL is fetched, as by `readUrl` of `spindle/source`. No effect for
 * other sources.
 */
export interface UrlOptions {
  /**
   * Largest number of bytes to fetch; more is an error, `ERR_TOO_LARGE`. An integer >= 1, or
   * `Infinity`. Default 1 GiB.
   */
  readonly maxBytes?: number
  /**
   * Longest wait without any response or data from the server, in milliseconds, or `Infinity`.
   * Default 30 000.
   */
  readonly timeoutMs?: number
  /**
   * Longest total wait, retries included, in milliseconds, or `Infinity`. Default 3 600 000, one
   * hour.
   */
  readonly totalTimeoutMs?: number
  /** Number of consecutive retries without progress. An integer >= 0. Default 4. */
  readonly retries?: number
  /** Headers of each request: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Function that makes requests, for example one that signs them. Default: `fetch`. */
  readonly fetch?: typeof fetch
  /**
   * The store in which the source is a name, or options of the store that a URL stands for, such as
   * `{ credentials }`; see `openStore` of `spindle/source`. URLs of `s3:`, `gs:`, `az:` and `hf:`
   * need none if the environment has the keys.
   */
  readonly store?: NonNullable<FindObjectsOptions['store']>
}

/** The rules of {@link UrlOptions}. */
export const urlRules: RulesOf<
  UrlOptions,
  'maxBytes' | 'timeoutMs' | 'totalTimeoutMs' | 'retries'
> = {
  maxBytes: limit(1024 ** 3),
  timeoutMs: durationMs({ orInfinity: true, default: 30_000 }),
  totalTimeoutMs: durationMs({ orInfinity: true, default: 3_600_000 }),
  retries: integer({ min: 0, default: 4 }),
  headers: object(),
  fetch: func(),
  store: object(),
}

/** The names of {@link UrlOptions}. */
const URL_OPTIONS: readonly (keyof UrlOptions)[] = Object.keys(urlRules) as (keyof UrlOptions)[]

/** The options of `readUrl`. */
export type Fetching = Omit<ReadUrlOptions, 'range'> & {
  /** For streams: bytes that are read ahead. */
  readonly readAheadBytes?: number
}

/**
 * Selects the options for fetching URLs, and the signal.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function fetchingOf(options: UrlOptions & { readonly signal?: AbortSignal }): Fetching {
  const fetching: Record<string, unknown> = {}
  if (options.signal !== undefined) fetching.signal = options.signal
  for (const name of URL_OPTIONS) {
    const value = options[name]
    if (value === undefined) continue
    checkRule(name, value, urlRules[name])
    // `placed()` has made a path or a URL of it.
    if (name === 'store') continue
    fetching[name] = value
  }
  checkHeaders(options.headers)
  return fetching
}

/** The same for what is read piece by piece, which may be read ahead. */
export function streamingOf(
  options: UrlOptions & { readonly signal?: AbortSignal; readonly readAheadBytes?: number },
): Fetching {
  const { readAheadBytes = 0 } = options
  return { ...fetchingOf(options), ...(readAheadBytes > 0 && { readAheadBytes }) }
}

/** Values of headers are often secret, and stay out of messages. */
export function checkHeaders(headers: UrlOptions['headers'] = {}): void {
  for (const [name, value] of Object.entries(headers))
    if (typeof value !== 'string')
      throw badOption(`headers[${JSON.stringify(name)}]`, 'a string', value)
}

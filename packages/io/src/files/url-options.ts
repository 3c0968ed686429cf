import type { ReadUrlOptions } from 'spindle/source'
import { badOption } from '../base/errors.ts'

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
}

/** The names of {@link UrlOptions}. */
export const URL_OPTIONS: readonly (keyof UrlOptions)[] = [
  'maxBytes',
  'timeoutMs',
  'totalTimeoutMs',
  'retries',
  'headers',
  'fetch',
]

/** The options of `readUrl`. */
export type Fetching = Omit<ReadUrlOptions, 'range'>

/**
 * Selects the options for fetching URLs, and the signal.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function fetchingOf(options: UrlOptions & { readonly signal?: AbortSignal }): Fetching {
  const { maxBytes, timeoutMs, totalTimeoutMs, retries, headers, fetch, signal } = options
  checkCount('maxBytes', maxBytes, 1, true)
  checkMs('timeoutMs', timeoutMs)
  checkMs('totalTimeoutMs', totalTimeoutMs)
  checkCount('retries', retries, 0, false)
  checkHeaders(headers)
  if (fetch !== undefined && typeof fetch !== 'function')
    throw badOption('fetch', 'a function', fetch)
  const given = { maxBytes, timeoutMs, totalTimeoutMs, retries, headers, fetch, signal }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function checkCount(name: string, value: unknown, least: number, orInfinity: boolean): void {
  if (value === undefined || (orInfinity && value === Number.POSITIVE_INFINITY)) return
  if (Number.isInteger(value) && (value as number) >= least) return
  throw badOption(name, `an integer >= ${least}${orInfinity ? ' or Infinity' : ''}`, value)
}

function checkMs(name: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value > 0)) return
  throw badOption(name, 'a number of milliseconds > 0 or Infinity', value)
}

/** Values of headers are often secret, and stay out of messages. */
function checkHeaders(headers: unknown): void {
  if (headers === undefined) return
  if (typeof headers !== 'object' || headers === null)
    throw badOption('headers', 'an object', headers)
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string')
      throw badOption(`headers[${JSON.stringify(name)}]`, 'a string', value)
  }
}

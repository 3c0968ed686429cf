import type { ReadUrlOptions } from 'spindle/source'
import { badOption } from '../base/errors.ts'

/**
 * How what lies at an `http:` or `https:` URL is fetched: as `readUrl` of `spindle/source` does it.
 * Nothing of this matters for other sources.
 */
export interface UrlOptions {
  /**
   * Most bytes that are fetched; more is an error, `ERR_TOO_LARGE`. An integer >= 1, or `Infinity`.
   * Default 1 GiB.
   */
  readonly maxBytes?: number
  /**
   * Longest wait for a sign of life of the server, in milliseconds, or `Infinity`. Default 30 000.
   */
  readonly timeoutMs?: number
  /**
   * Longest wait for all of it, retries included, in milliseconds, or `Infinity`. Default 3 600
   * 000, an hour.
   */
  readonly totalTimeoutMs?: number
  /** Attempts after the first without any progress. An integer >= 0. Default 4. */
  readonly retries?: number
  /** Sent with each request: `{ authorization: 'Bearer …' }`. */
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

/** What `readUrl` is given. */
export type Fetching = Omit<ReadUrlOptions, 'range'>

/**
 * Those of some options that say how a URL is fetched, and the signal. @throws MediaError
 * `ERR_BAD_OPTION`
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

/** Values of headers are secrets often, and stay out of messages. */
function checkHeaders(headers: unknown): void {
  if (headers === undefined) return
  if (typeof headers !== 'object' || headers === null)
    throw badOption('headers', 'an object', headers)
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string')
      throw badOption(`headers[${JSON.stringify(name)}]`, 'a string', value)
  }
}

import { badOption, checkDuration, checkInteger, checkOptions } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { Collected } from './collected.ts'
import { hasCredentials } from './follow.ts'
import { RESTART, type ReadPlan, Transfer } from './transfer.ts'

/** Options of {@link readUrl}. */
export interface ReadUrlOptions {
  /** From which byte to which (this one excluded): `[0, 512]`. Default: all. */
  readonly range?: readonly [start: number, end: number]
  /** Attempts after the first without any progress. An integer >= 0. Default 4. */
  readonly retries?: number
  /**
   * Longest wait for a sign of life: for the answer, then for each piece of it, in milliseconds.
   * `Infinity` for none. Default 30 000.
   */
  readonly timeoutMs?: number
  /**
   * Longest wait in all, retries included, in milliseconds; `ERR_TIMEOUT`. `Infinity` for no limit.
   * Default 3 600 000, an hour.
   */
  readonly totalTimeoutMs?: number
  /**
   * Wait before the first retry, in milliseconds; the next ones wait twice as long each. Default 200.
   */
  readonly minDelayMs?: number
  /**
   * Longest wait before a retry, in milliseconds. What a server asks for (`Retry-After`) counts up
   * to there. Default 10 000.
   */
  readonly maxDelayMs?: number
  /** Most bytes. More is an error, `ERR_TOO_LARGE`. Default 1 GiB. */
  readonly maxBytes?: number
  /** Sent with each request: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Gives up: rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** What makes requests. Default: `fetch`. */
  readonly fetch?: typeof fetch
}

/**
 * Reads what a web server has, or a range of it. An op:
 * `builder.pipe((url) => readUrl(url), { concurrency: 16 })`.
 *
 * What may pass is tried again: connections that fail or stall, the statuses 408, 425, 429 and 5xx.
 * Where a transfer broke off, it goes on with the rest, if the server can tell that what it has is
 * still the same (by a strong `ETag` or `Last-Modified`, and by the size), otherwise from the
 * start. Lengths and ranges of answers are checked against what was asked for: what is returned is
 * whole. An encoding that was not asked for (`Content-Encoding`) is refused, since its end is not
 * checked. Up to 20 redirects are followed, to `http:` and `https:`. Messages name URLs without
 * user name, password, query and fragment.
 *
 * @returns the bytes; the `Buffer` owns its memory, so it can be transferred to another thread
 * @throws `ERR_HTTP` with the status or the cause; `ERR_TOO_LARGE`; `ERR_TIMEOUT` if the last
 *   attempt stalled, or all took longer than `totalTimeoutMs`; `ERR_BAD_OPTION`, also for a URL
 *   with a user name or password
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { createServer } from 'node:http'
 * import { once } from 'node:events'
 * import { readUrl } from 'spindle/source'
 *
 * let requests = 0
 * const server = createServer((_, response) => {
 *   response.statusCode = requests++ === 0 ? 503 : 200
 *   response.end('hello')
 * }).listen(0)
 * await once(server, 'listening')
 * const bytes = await readUrl(`http://localhost:${(server.address() as { port: number }).port}/`, { minDelayMs: 1 })
 * assert.equal(bytes.toString(), 'hello')
 * server.close()
 * ```
 */
export async function readUrl(url: string | URL, options: ReadUrlOptions = {}): Promise<Buffer> {
  const plan = readPlan(options)
  return bytesOf(new Transfer(urlOf(url), plan))
}

/** All that a transfer gives, in memory of its own, which can be transferred. */
export async function bytesOf(transfer: Transfer): Promise<Buffer> {
  const collected = new Collected()
  for await (const piece of transfer.pieces()) {
    if (piece === RESTART) collected.clear()
    else collected.add(piece)
  }
  return collected.joined()
}

/** @throws `ERR_BAD_OPTION` */
export function urlOf(url: string | URL): URL {
  const parsed = url instanceof URL ? url : URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    badOption('url', 'an http: or https: URL', url)
  if (hasCredentials(parsed)) {
    const rule = 'without user name and password (`headers: { authorization }` says who asks)'
    badOption('url', rule, parsed)
  }
  return parsed
}

/** Checks options, and fills in defaults. @throws `ERR_BAD_OPTION` */
export function readPlan(options: ReadUrlOptions): ReadPlan {
  checkOptions(options, [
    'range',
    'retries',
    'timeoutMs',
    'totalTimeoutMs',
    'minDelayMs',
    'maxDelayMs',
    'maxBytes',
    'headers',
    'signal',
    'fetch',
  ])
  const { range, retries = 4, timeoutMs = 30_000, minDelayMs = 200, maxDelayMs = 10_000 } = options
  const { totalTimeoutMs = 3_600_000, maxBytes = 1024 ** 3, headers = {} } = options
  const { signal, fetch: request = fetch } = options
  checkInteger('retries', retries, 0)
  checkDuration('timeoutMs', timeoutMs, undefined, true)
  checkDuration('totalTimeoutMs', totalTimeoutMs, undefined, true)
  checkDuration('minDelayMs', minDelayMs)
  checkDuration('maxDelayMs', maxDelayMs)
  checkInteger('maxBytes', maxBytes, 0, undefined, true)
  checkHeaders(headers)
  if (range !== undefined) {
    if (!Array.isArray(range) || range.length !== 2)
      badOption('range', 'a pair of numbers of bytes', range)
    checkInteger('range[0]', range[0], 0)
    checkInteger('range[1]', range[1], range[0] + 1)
    refuseLarge(range[1] - range[0], maxBytes)
  }
  return {
    range,
    retries,
    timeoutMs,
    totalTimeoutMs,
    minDelayMs,
    maxDelayMs,
    maxBytes,
    headers,
    signal,
    fetch: request,
  }
}

/** Refuses a range that is larger than `maxBytes`. @throws `ERR_TOO_LARGE` */
export function refuseLarge(bytes: number, maxBytes: number, url?: URL): void {
  if (bytes <= maxBytes) return
  const place = url === undefined ? '' : `${urlForMessages(url)}: `
  throw new SpindleError(
    'ERR_TOO_LARGE',
    `${place}the range has ${bytes} bytes; \`maxBytes\` is ${maxBytes}`,
  )
}

/** Values of headers are secrets often, and stay out of messages. */
function checkHeaders(headers: unknown): void {
  if (typeof headers !== 'object' || headers === null) badOption('headers', 'an object', headers)
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') badOption(`headers[${JSON.stringify(name)}]`, 'a string', value)
  }
}

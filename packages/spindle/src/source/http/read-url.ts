import { badOption, checkDuration, checkInteger, checkOptions } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { Download } from './download.ts'

/** Options of {@link readUrl}. */
export interface ReadUrlOptions {
  /** From which byte to which (this one excluded): `[0, 512]`. Default: all. */
  readonly range?: readonly [start: number, end: number]
  /** Attempts after the first without any progress. An integer >= 0. Default 4. */
  readonly retries?: number
  /** Longest wait for a sign of life: for the answer, then for each piece of it, in milliseconds. `Infinity` for none. Default 30 000. */
  readonly timeoutMs?: number
  /** Wait before the first retry, in milliseconds; the next ones wait twice as long each. Default 200. */
  readonly minDelayMs?: number
  /** Longest wait before a retry, in milliseconds. What a server asks for (`Retry-After`) counts up to there. Default 10 000. */
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

/** Options, checked and filled in. */
export interface ReadPlan {
  readonly range: readonly [number, number] | undefined
  readonly retries: number
  readonly timeoutMs: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
  readonly maxBytes: number
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
  readonly fetch: typeof fetch
}

/**
 * Reads what a web server has, or a range of it. An op: `builder.pipe((url) => readUrl(url), { concurrency: 16 })`.
 *
 * What may pass is tried again: connections that fail or stall, the statuses 408, 425, 429 and 5xx. Where a transfer broke off, it goes on with the rest, if the server can
 * tell that what it has is still the same (`ETag` or `Last-Modified`), otherwise from the start. Lengths and ranges of answers are checked against what was asked for:
 * what is returned is whole.
 *
 * @returns the bytes; the `Buffer` owns its memory, so it can be transferred to another thread
 * @throws `ERR_HTTP` with the status or the cause; `ERR_TOO_LARGE`; `ERR_TIMEOUT` if the last attempt stalled; `ERR_BAD_OPTION`
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
  return new Download(urlOf(url), plan).run()
}

/** @throws `ERR_BAD_OPTION` */
export function urlOf(url: string | URL): URL {
  const parsed = url instanceof URL ? url : URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    badOption('url', 'an http: or https: URL', url)
  return parsed
}

/** Checks options, and fills in defaults. @throws `ERR_BAD_OPTION` */
export function readPlan(options: ReadUrlOptions): ReadPlan {
  checkOptions(options, [
    'range',
    'retries',
    'timeoutMs',
    'minDelayMs',
    'maxDelayMs',
    'maxBytes',
    'headers',
    'signal',
    'fetch',
  ])
  const { range, retries = 4, timeoutMs = 30_000, minDelayMs = 200, maxDelayMs = 10_000 } = options
  const { maxBytes = 1024 ** 3, headers = {}, signal, fetch: request = fetch } = options
  checkInteger('retries', retries, 0)
  checkDuration('timeoutMs', timeoutMs, undefined, true)
  checkDuration('minDelayMs', minDelayMs)
  checkDuration('maxDelayMs', maxDelayMs)
  checkInteger('maxBytes', maxBytes, 0, undefined, true)
  if (range !== undefined) {
    if (!Array.isArray(range) || range.length !== 2) badOption('range', 'a pair of numbers of bytes', range)
    checkInteger('range[0]', range[0], 0)
    checkInteger('range[1]', range[1], range[0] + 1)
    if (range[1] - range[0] > maxBytes)
      throw new SpindleError(
        'ERR_TOO_LARGE',
        `the range has ${range[1] - range[0]} bytes; \`maxBytes\` is ${maxBytes}`,
      )
  }
  return { range, retries, timeoutMs, minDelayMs, maxDelayMs, maxBytes, headers, signal, fetch: request }
}

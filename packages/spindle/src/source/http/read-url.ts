import { badOption, checkInteger } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import {
  durationMs,
  func,
  integer,
  is,
  object,
  options,
  type Rules,
  signal,
} from '../../options/index.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { hasCredentials } from './follow.ts'
import { RESTART, type ReadPlan, Transfer } from './transfer.ts'

/** Options of {@link readUrl}. */
export interface ReadUrlOptions {
  /** First byte, and the byte after the last: `[0, 512]`. Default: the whole body. */
  readonly range?: readonly [start: number, end: number]
  /**
   * Number of attempts after the first that may pass without progress, an integer >= 0. Default 4.
   */
  readonly retries?: number
  /**
   * Longest wait for the response, and then for each piece of the body, in milliseconds. `Infinity`
   * for no limit. Default 30 000.
   */
  readonly timeoutMs?: number
  /**
   * Longest total wait, retries included, in milliseconds; then `ERR_TIMEOUT`. `Infinity` for no
   * limit. Default 3 600 000, one hour.
   */
  readonly totalTimeoutMs?: number
  /**
   * Wait before the first retry, in milliseconds. Each further wait is twice as long. Default 200.
   */
  readonly minDelayMs?: number
  /**
   * Longest wait before a retry, in milliseconds. It also limits what the server asks for
   * (`Retry-After`). Default 10 000.
   */
  readonly maxDelayMs?: number
  /** Maximum number of bytes; more is an error, `ERR_TOO_LARGE`. Default 1 GiB. */
  readonly maxBytes?: number
  /** Headers of each request: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Aborts the transfer; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Function that makes requests. Default: `fetch`. */
  readonly fetch?: typeof fetch
}

const readOptions = options('ReadUrlOptions', {
  range: is('a pair of numbers of bytes', (value) => Array.isArray(value) && value.length === 2),
  retries: integer({ min: 0, default: 4 }),
  timeoutMs: durationMs({ orInfinity: true, default: 30_000 }),
  totalTimeoutMs: durationMs({ orInfinity: true, default: 3_600_000 }),
  minDelayMs: durationMs({ default: 200 }),
  maxDelayMs: durationMs({ default: 10_000 }),
  maxBytes: integer({ min: 0, orInfinity: true, default: 1024 ** 3 }),
  headers: object({ default: {} }),
  signal: signal(),
  fetch: func({ defaultOf: () => fetch }),
} satisfies Rules<ReadUrlOptions>)

/**
 * Reads a URL, or a range of it. An op: `builder.pipe((url) => readUrl(url), { concurrency: 16 })`.
 *
 * Failures that may be temporary are retried: connections that fail or stall, and the statuses 408,
 * 425, 429 and 5xx. A broken transfer continues where it stopped if the server can prove that the
 * file is unchanged, by its size and a strong `ETag` or `Last-Modified`. Otherwise it starts again.
 *
 * Lengths and ranges of responses are checked against the request, so the result is never
 * truncated. A `Content-Encoding` that was not requested is refused, because the end of such a body
 * cannot be checked. Up to 20 redirects are followed, to `http:` and `https:`. Error messages name
 * URLs without user name, password, query and fragment.
 *
 * @returns the bytes; the `Buffer` owns its memory, so it can be transferred to another thread
 * @throws `ERR_HTTP` with the status or the cause; `ERR_TOO_LARGE`; `ERR_TIMEOUT` if the last
 *   attempt stalled, or everything took longer than `totalTimeoutMs`; `ERR_BAD_OPTION`, also for a
 *   URL with a user name or password
 *
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

/** All bytes of a transfer, in memory that can be transferred. */
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

/**
 * Checks the options and fills in the defaults.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function readPlan(options: ReadUrlOptions): ReadPlan {
  const plan = readOptions.check(options)
  const { range, maxBytes } = plan
  checkHeaders(plan.headers)
  if (range !== undefined) {
    checkInteger('range[0]', range[0], 0)
    checkInteger('range[1]', range[1], range[0] + 1)
    refuseLarge(range[1] - range[0], maxBytes)
  }
  return plan
}

/**
 * Refuses a range that is larger than `maxBytes`.
 *
 * @throws `ERR_TOO_LARGE`
 */
export function refuseLarge(bytes: number, maxBytes: number, url?: URL): void {
  if (bytes <= maxBytes) return
  const place = url === undefined ? '' : `${urlForMessages(url)}: `
  throw new SpindleError(
    'ERR_TOO_LARGE',
    `${place}the range has ${bytes} bytes; \`maxBytes\` is ${maxBytes}`,
  )
}

/** Header values often are secrets, so messages do not contain them. */
function checkHeaders(headers: object): void {
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') badOption(`headers[${JSON.stringify(name)}]`, 'a string', value)
  }
}

/**
 * Smaller pieces are merged into chunks of this size: each piece would need more memory for itself
 * than for its bytes.
 */
const CHUNK_BYTES = 64 * 1024

/** Collects bytes that arrive in pieces. The server decides how many pieces there are. */
export class Collected {
  private chunks: Uint8Array[] = []
  /** The last chunk, which is not full. */
  private open: Uint8Array = new Uint8Array(0)
  private filled = 0
  private length = 0

  add(piece: Uint8Array): void {
    this.length += piece.length
    if (piece.length >= CHUNK_BYTES / 4) {
      this.closeChunk()
      this.chunks.push(piece)
      return
    }
    if (this.filled + piece.length > this.open.length) {
      this.closeChunk()
      this.open = new Uint8Array(CHUNK_BYTES)
    }
    this.open.set(piece, this.filled)
    this.filled += piece.length
  }

  clear(): void {
    this.chunks = []
    this.open = new Uint8Array(0)
    this.filled = 0
    this.length = 0
  }

  /**
   * All bytes, in memory that is not shared and can be transferred. `fetch` results and
   * `Buffer.concat` may share memory with others.
   */
  joined(): Buffer {
    this.closeChunk()
    const bytes = Buffer.allocUnsafeSlow(this.length)
    let at = 0
    for (const chunk of this.chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }

  private closeChunk(): void {
    if (this.filled > 0) this.chunks.push(this.open.subarray(0, this.filled))
    this.open = new Uint8Array(0)
    this.filled = 0
  }
}

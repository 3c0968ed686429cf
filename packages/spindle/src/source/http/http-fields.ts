import { epochMs } from '../../timers.ts'

/** The part of a body that a response contains. */
export interface ContentRange {
  readonly start: number
  /** The position after the last byte. */
  readonly end: number
  /** Size of the whole body, if the server sends it. */
  readonly total: number | undefined
}

/** What a response says about the version of the file. */
export interface Version {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /**
   * The strong validator: it may be sent as `If-Range` and must be equal in all parts that are
   * joined. `undefined` if parts cannot be joined.
   */
  readonly strong: string | undefined
}

/** Parses a `Content-Range` header (RFC 9110, 14.4). */
export function parseContentRange(text: string | null): ContentRange | undefined {
  const parts = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(text ?? '')
  if (parts === null) return undefined
  const [start, last] = [Number(parts[1]), Number(parts[2])]
  const total = parts[3] === '*' ? undefined : Number(parts[3])
  const isRange = last >= start && (total === undefined || last < total)
  const isExact = Number.isSafeInteger(last) && (total === undefined || Number.isSafeInteger(total))
  return isRange && isExact ? { start, end: last + 1, total } : undefined
}

/** Size of the whole body, also for a response to a range beyond the end. */
export function totalOf({ status, headers }: Response): number | undefined {
  const range = headers.get('content-range')
  if (status === 206) return parseContentRange(range)?.total
  if (status === 416) {
    const total = /^bytes \*\/(\d+)$/i.exec(range ?? '')?.[1]
    return total === undefined ? undefined : Number(total)
  }
  return status === 200 ? lengthOf(headers) : undefined
}

/**
 * Length of the body in bytes. `undefined` for an encoded body, because `Content-Length` then
 * counts the encoded bytes.
 */
export function lengthOf(headers: Headers): number | undefined {
  const length = headers.get('content-length')
  return length === null || !/^\d+$/.test(length) || codingOf(headers) !== undefined
    ? undefined
    : Number(length)
}

/** The body's content encoding, if it has one. */
export function codingOf(headers: Headers): string | undefined {
  const codings = (headers.get('content-encoding') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
  const names = codings.filter((name) => name !== '' && name !== 'identity')
  return names.length === 0 ? undefined : names.join(', ')
}

/**
 * The version of the file that a response belongs to. Parts may be joined only by a strong
 * validator (RFC 9110, 15.3.7.3). That is an `ETag` that is not weak. Without an `ETag` it is a
 * `Last-Modified` at least one second before the response's `Date` (8.8.2.2), because a file may
 * change twice in one second.
 */
export function versionOf(headers: Headers): Version {
  const etag = headers.get('etag') ?? undefined
  const lastModified = headers.get('last-modified') ?? undefined
  const ageMs = Date.parse(headers.get('date') ?? '') - Date.parse(lastModified ?? '')
  const strongDate = ageMs >= 1000 ? lastModified : undefined
  const strong = etag === undefined ? strongDate : /^W\//i.test(etag) ? undefined : etag
  return { etag, lastModified, strong }
}

/** Whether two responses may belong to the same version: no value that both have differs. */
export function isSameVersion(a: Version, b: Version): boolean {
  return a.etag === b.etag && (a.etag !== undefined || a.lastModified === b.lastModified)
}

/**
 * How long the server asks to wait before a retry, in milliseconds; the header has seconds or a
 * date.
 */
export function retryAfterMs(headers: Headers): number {
  const text = headers.get('retry-after')
  if (text === null) return 0
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - epochMs()
  return Number.isFinite(ms) ? Math.max(ms, 0) : 0
}

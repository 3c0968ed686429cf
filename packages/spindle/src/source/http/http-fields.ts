import { epochMs } from '../../timers.ts'

/** Which part of a body an answer has. */
export interface ContentRange {
  readonly start: number
  /** The byte after the last. */
  readonly end: number
  /** How many bytes there are in all, where the server says so. */
  readonly total: number | undefined
}

/** What an answer says about the state of the file that it is of. */
export interface Version {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /**
   * What may be sent as `If-Range`, and must be the same in every part that is joined; `undefined`
   * where parts cannot be joined.
   */
  readonly strong: string | undefined
}

/** Reads a `Content-Range` (RFC 9110, 14.4). */
export function parseContentRange(text: string | null): ContentRange | undefined {
  const parts = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(text ?? '')
  if (parts === null) return undefined
  const [start, last] = [Number(parts[1]), Number(parts[2])]
  const total = parts[3] === '*' ? undefined : Number(parts[3])
  const isRange = last >= start && (total === undefined || last < total)
  const isExact = Number.isSafeInteger(last) && (total === undefined || Number.isSafeInteger(total))
  return isRange && isExact ? { start, end: last + 1, total } : undefined
}

/** How many bytes there are in all, also where the range that was asked for is beyond them. */
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
 * How many bytes the body will have; unknown where it is sent in an encoding, whose length that is.
 */
export function lengthOf(headers: Headers): number | undefined {
  const length = headers.get('content-length')
  return length === null || !/^\d+$/.test(length) || codingOf(headers) !== undefined
    ? undefined
    : Number(length)
}

/** In which encoding a body is sent, if not as it is. */
export function codingOf(headers: Headers): string | undefined {
  const codings = (headers.get('content-encoding') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
  const names = codings.filter((name) => name !== '' && name !== 'identity')
  return names.length === 0 ? undefined : names.join(', ')
}

/**
 * The state that an answer is of. Parts may be joined by a strong validator only (RFC 9110,
 * 15.3.7.3): an `ETag` that is not weak, or, where there is none, a `Last-Modified` at least a
 * second before the answer's `Date` (8.8.2.2), as a file may change twice in one second.
 */
export function versionOf(headers: Headers): Version {
  const etag = headers.get('etag') ?? undefined
  const lastModified = headers.get('last-modified') ?? undefined
  const ageMs = Date.parse(headers.get('date') ?? '') - Date.parse(lastModified ?? '')
  const strongDate = ageMs >= 1000 ? lastModified : undefined
  const strong = etag === undefined ? strongDate : /^W\//i.test(etag) ? undefined : etag
  return { etag, lastModified, strong }
}

/** Whether two answers may be of the same state: what both say about it does not differ. */
export function isSameVersion(a: Version, b: Version): boolean {
  return a.etag === b.etag && (a.etag !== undefined || a.lastModified === b.lastModified)
}

/** How long the server asks to wait: seconds, or a date. */
export function retryAfterMs(headers: Headers): number {
  const text = headers.get('retry-after')
  if (text === null) return 0
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - epochMs()
  return Number.isFinite(ms) ? Math.max(ms, 0) : 0
}

import { epochMs } from '../../timers.ts'

/** Which part of a body an answer has. */
export interface ContentRange {
  readonly start: number
  /** The byte after the last. */
  readonly end: number
  /** How many bytes there are in all, where the server says so. */
  readonly total: number | undefined
}

/** Reads a `Content-Range` (RFC 9110, 14.4). */
export function parseContentRange(text: string | null): ContentRange | undefined {
  const parts = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text ?? '')
  if (parts === null) return undefined
  const [start, last] = [Number(parts[1]), Number(parts[2])]
  const total = parts[3] === '*' ? undefined : Number(parts[3])
  const isRange = last >= start && (total === undefined || last < total) && Number.isSafeInteger(last)
  return isRange ? { start, end: last + 1, total } : undefined
}

/** How many bytes there are in all, also where the range that was asked for is beyond them. */
export function totalOf({ status, headers }: Response): number | undefined {
  const range = headers.get('content-range')
  if (status === 206) return parseContentRange(range)?.total
  if (status === 416) {
    const total = /^bytes \*\/(\d+)$/.exec(range ?? '')?.[1]
    return total === undefined ? undefined : Number(total)
  }
  const length = headers.get('content-length')
  return status === 200 && length !== null && !headers.has('content-encoding') ? Number(length) : undefined
}

/** What may be sent as `If-Range`: a strong `ETag`, or `Last-Modified`. */
export function validatorOf(headers: Headers): string | undefined {
  const tag = headers.get('etag')
  if (tag !== null && !tag.startsWith('W/')) return tag
  return headers.get('last-modified') ?? undefined
}

/** How long the server asks to wait: seconds, or a date. */
export function retryAfterMs(headers: Headers): number {
  const text = headers.get('retry-after')
  if (text === null) return 0
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - epochMs()
  return Number.isFinite(ms) ? Math.max(ms, 0) : 0
}

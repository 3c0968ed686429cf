import { codingOf, parseContentRange, versionOf } from './http-fields.ts'
import type { CachedVersion, PieceCache } from './piece-cache.ts'

type Fetch = typeof globalThis.fetch

/**
 * Makes a `fetch` that keeps pieces of files in a cache. It asks the server once for each opening
 * whether the file is the same (`If-None-Match`), so a file that was replaced is read anew, and
 * pieces of two versions are never joined. Files without a strong `ETag`, and servers that send no
 * ranges, are not cached.
 */
export function cachedFetch(send: Fetch, cache: PieceCache, pieceBytes: number): Fetch {
  const known = new Map<string, CachedVersion>()
  const loading = new Map<string, Promise<Buffer>>()

  /** The version that the server has now; a response if the cache is of no use for it. */
  const ask = async (url: string, init: RequestInit): Promise<CachedVersion | Response> => {
    const kept = await cache.version(url)
    const first = kept && (await cache.get(url, kept, 0))
    const isKept = kept !== undefined && (first !== undefined || kept.total === 0)
    const headers = {
      ...asked(init),
      range: `bytes=0-${pieceBytes - 1}`,
      ...(isKept && { 'if-none-match': kept.etag }),
    }
    const response = await send(url, { ...init, headers })
    if (response.status === 304 && isKept) return kept
    const version = response.status === 206 ? versionIn(response.headers) : undefined
    if (version === undefined) return response
    const bytes = Buffer.from(await response.arrayBuffer())
    if (bytes.length !== Math.min(pieceBytes, version.total)) throw brokenOff(bytes.length)
    await cache.set(url, version, 0, bytes)
    await cache.setVersion(url, version)
    return version
  }

  const pieceOf = async (
    url: string,
    version: CachedVersion,
    piece: number,
    init: RequestInit,
  ): Promise<Buffer> => {
    const kept = await cache.get(url, version, piece)
    if (kept !== undefined) return kept
    const start = piece * pieceBytes
    const end = Math.min(version.total, start + pieceBytes)
    const headers = { ...asked(init), range: `bytes=${start}-${end - 1}` }
    const response = await send(url, { ...init, headers })
    const got = response.status === 206 ? versionIn(response.headers) : undefined
    if (got?.etag !== version.etag || got.total !== version.total) {
      await response.body?.cancel().catch(() => {})
      known.delete(url)
      throw new Error(`status ${response.status}, or another version of it`)
    }
    const bytes = Buffer.from(await response.arrayBuffer())
    if (bytes.length !== end - start) throw brokenOff(bytes.length)
    await cache.set(url, version, piece, bytes)
    return bytes
  }

  /** One request for a piece that several ask for; each has its own signal otherwise. */
  const shared = (url: string, version: CachedVersion, piece: number, init: RequestInit) => {
    const key = `${url}\n${version.etag}\n${piece}`
    const running = loading.get(key)
    // That of another call may be aborted: then this one asks itself.
    if (running !== undefined) return running.catch(() => pieceOf(url, version, piece, init))
    const promise = pieceOf(url, version, piece, init).finally(() => loading.delete(key))
    loading.set(key, promise)
    return promise
  }

  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    const headers = new Headers(init.headers)
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers.get('range') ?? '')
    if (range === null && headers.has('range')) return await send(input, init)
    const start = Number(range?.[1] ?? 0)
    // A file is opened by a request for all of it, or for its first byte.
    const isOpening = range === null || range[0] === 'bytes=0-0'
    let version = isOpening ? undefined : known.get(url)
    if (version === undefined) {
      const answer = await ask(url, init)
      if (answer instanceof Response) {
        known.delete(url)
        // It fits what was asked for if it is no part of the file.
        if (answer.status !== 206 && answer.status !== 416) return answer
        await answer.body?.cancel().catch(() => {})
        return await send(input, init)
      }
      version = answer
      known.set(url, version)
    }
    const { etag, total } = version
    const end = Math.min(total, range?.[2] ? Number(range[2]) + 1 : total)
    const ifRange = headers.get('if-range')
    if (start >= end || (ifRange !== null && ifRange !== etag)) return await send(input, init)
    let at = start
    const current = version
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const piece = Math.floor(at / pieceBytes)
          const bytes = await shared(url, current, piece, init)
          const from = at - piece * pieceBytes
          const part = bytes.subarray(from, Math.min(bytes.length, end - piece * pieceBytes))
          at += part.length
          // A copy: several readers may have the piece.
          controller.enqueue(new Uint8Array(part))
          if (at >= end) controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, {
      status: range === null ? 200 : 206,
      headers: {
        etag,
        'content-length': String(end - start),
        ...(range !== null && { 'content-range': `bytes ${start}-${end - 1}/${total}` }),
      },
    })
  }
}

/** The headers of a request, without those that the cache sends itself. */
function asked(init: RequestInit): Record<string, string> {
  const headers = Object.fromEntries(new Headers(init.headers))
  for (const name of ['range', 'if-range', 'if-none-match']) delete headers[name]
  return { ...headers, 'accept-encoding': 'identity' }
}

function versionIn(headers: Headers): CachedVersion | undefined {
  const { etag, strong } = versionOf(headers)
  const total = parseContentRange(headers.get('content-range'))?.total
  if (etag === undefined || strong !== etag || total === undefined) return undefined
  return codingOf(headers) === undefined ? { etag, total } : undefined
}

function brokenOff(bytes: number): Error {
  return new Error(`it broke off after ${bytes} bytes of a piece`)
}

import { archiveError } from '../archive-error.ts'
import { explainFetch } from '../pieces.ts'

/** Reads ranges of what a web server has. */
export class HttpReader {
  readonly size: number
  /** The `ETag`, or where there is none, the `Last-Modified` of the archive. */
  readonly modified: string | null
  private readonly url: URL

  /** @throws ArchiveError `ERR_READ`; `ERR_UNSUPPORTED` for a server that does not send ranges */
  static async open(url: URL, signal: AbortSignal | undefined): Promise<HttpReader> {
    // Not HEAD: URLs that are signed for GET refuse it.
    const response = await request(url, 0, 1, signal)
    await response.arrayBuffer()
    const total = /^bytes 0-0\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
    if (total === undefined)
      throw archiveError('ERR_UNSUPPORTED', url.href, 'the server does not tell its size')
    return new HttpReader(url, Number(total), modifiedOf(response))
  }

  private constructor(url: URL, size: number, modified: string | null) {
    this.url = url
    this.size = size
    this.modified = modified
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0)
    const { url } = this
    const response = await request(url, offset, length, signal)
    try {
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (modifiedOf(response) !== this.modified) throw new Error('has changed since it was opened')
      if (bytes.length !== length) throw new Error(`the server sent ${bytes.length} of ${length} bytes`)
      return bytes
    } catch (error) {
      signal?.throwIfAborted()
      throw archiveError('ERR_READ', url.href, explainFetch(error))
    }
  }

  async close(): Promise<void> {}
}

async function request(
  url: URL,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const headers = { range: `bytes=${offset}-${offset + length - 1}`, 'accept-encoding': 'identity' }
  let response: Response
  try {
    response = await fetch(url, { headers, ...(signal === undefined ? {} : { signal }) })
  } catch (error) {
    signal?.throwIfAborted()
    throw archiveError('ERR_READ', url.href, explainFetch(error))
  }
  if (response.status === 206) return response
  await response.body?.cancel()
  if (response.ok)
    throw archiveError(
      'ERR_UNSUPPORTED',
      url.href,
      'the server does not send parts of files (HTTP range requests)',
    )
  const problem = `the server answered ${response.status} ${response.statusText}`.trimEnd()
  throw archiveError('ERR_READ', url.href, problem)
}

function modifiedOf(response: Response): string | null {
  return response.headers.get('etag') ?? response.headers.get('last-modified')
}

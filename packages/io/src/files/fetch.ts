import { HttpError, RemoteFile, readUrl, streamUrl, urlForMessages } from 'spindle/source'
import { SpindleError } from 'spindle/worker'
import { MediaError, mediaError } from '../base/errors.ts'
import { nodeHttp } from '../builtins.ts'
import type { OpenReader } from './reader.ts'
import type { Fetching } from './url-options.ts'

/**
 * The bytes of a URL: `http:`, `https:`, `data:` or `blob:`.
 *
 * @throws MediaError `ERR_READ`, `ERR_TOO_LARGE`, `ERR_BAD_OPTION` for a URL with a user name or
 *   password; the signal's reason if it is aborted
 */
export async function fetchBytes(url: URL, fetching: Fetching): Promise<Buffer> {
  try {
    return isWeb(url) ? await readUrl(url, fetching) : await readLocal(url)
  } catch (error) {
    throw fetchFault(error, url, fetching.signal)
  }
}

/** {@link fetchBytes}, piece by piece. */
export async function* fetchPieces(
  url: URL,
  fetching: Fetching,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (isWeb(url)) yield* streamUrl(url, fetching)
    else yield await readLocal(url)
  } catch (error) {
    throw fetchFault(error, url, fetching.signal)
  }
}

/** Ranges of a web server's resource, all of the same state. */
export interface RemoteRanges extends OpenReader {
  /** The `ETag`, or the `Last-Modified` if there is none. */
  readonly modified: string | null
  read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer>
  /** The whole resource, piece by piece. */
  stream(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void>
  /** A part of the resource, piece by piece. */
  streamFrom(
    start: number,
    end: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void>
}

/**
 * Opens a resource of a web server.
 *
 * @throws MediaError as {@link fetchBytes}; `ERR_UNSUPPORTED` if the server does not support ranges
 */
export async function openRanges(url: URL, fetching: Fetching): Promise<RemoteRanges> {
  const file = await RemoteFile.open(url, fetching).catch((error) => {
    throw rangesFault(error, url) ?? fetchFault(error, url, fetching.signal)
  })
  const called = async <T>(work: () => Promise<T>, signal = fetching.signal): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw fetchFault(error, url, signal)
    }
  }
  async function* streamFrom(
    start: number,
    end: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* file.stream(start, end, signal)
    } catch (error) {
      throw fetchFault(error, url, signal)
    }
  }
  return {
    size: file.size,
    modified: file.validator ?? null,
    read: (offset, length, signal) =>
      called(() => file.read(offset, offset + length, signal), signal),
    stream: (signal) => streamFrom(0, file.size, signal),
    streamFrom,
    isOwn: true,
    close: async () => {},
  }
}

/**
 * Converts an error of fetching to a MediaError.
 *
 * @returns the signal's reason if it is aborted
 */
function fetchFault(error: unknown, url: URL, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason
  if (error instanceof MediaError) return error
  const source = urlForMessages(url)
  if (!(error instanceof SpindleError)) return mediaError('ERR_READ', source, error)
  const { status } = error instanceof HttpError ? error : {}
  const isRefusal = status !== undefined && status !== 200 && status !== 206
  const problem = isRefusal
    ? `the server answered ${status} ${nodeHttp().STATUS_CODES[status] ?? ''}`.trimEnd()
    : withoutPrefix(error.message, `${source}: `)
  const code =
    error.code === 'ERR_TOO_LARGE' || error.code === 'ERR_BAD_OPTION' ? error.code : 'ERR_READ'
  return new MediaError(code, `${source}: ${problem}`, { source, cause: error })
}

/** The error for a server that does not support ranges; `undefined` for other errors. */
function rangesFault(error: unknown, url: URL): MediaError | undefined {
  if (!(error instanceof HttpError) || (error.status !== 200 && error.status !== 206))
    return undefined
  const source = urlForMessages(url)
  const problem =
    error.status === 200
      ? 'the server does not send parts of files (HTTP range requests)'
      : withoutPrefix(error.message, `${source}: `)
  return new MediaError('ERR_UNSUPPORTED', `${source}: ${problem}`, { source, cause: error })
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text
}

function isWeb({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

/** Reads URLs that need no network: the bytes are in the URL, or in memory. */
async function readLocal(url: URL): Promise<Buffer> {
  if (url.protocol !== 'data:' && url.protocol !== 'blob:')
    throw new Error(
      `a URL of the scheme ${url.protocol} is not read; file:, http:, https: and data: are`,
    )
  try {
    const response = await fetch(url)
    return Buffer.from(await response.arrayBuffer())
  } catch {
    // The message of fetch may contain the whole URL.
    throw new Error(`the ${url.protocol} URL is malformed`)
  }
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { extname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MediaError, mediaError } from '../base/errors.ts'
import { nodeCrypto, nodeHttp } from '../builtins.ts'
import { fetchPieces, openRanges, type RemoteRanges } from '../files/fetch.ts'
import { describeSource } from '../files/source.ts'
import type { Fetching } from '../files/url-options.ts'
import { closeAtExit } from './close-at-exit.ts'

/**
 * Lets FFmpeg in another thread read a web address. FFmpeg sends HTTP requests to this process,
 * which fetches the data like all loaders, with their time limits, retries and checks. A fetch by
 * FFmpeg itself could not be interrupted; these reads end when the feed is closed. If the server
 * supports ranges, FFmpeg can seek.
 */
export class WebFeed {
  readonly #url: URL
  readonly #fetching: Fetching
  readonly #path = `/${nodeCrypto().randomBytes(16).toString('hex')}`
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #abort = new AbortController()
  #stay: () => void = () => {}
  /** The resource of the server; `undefined` if it sends no ranges. */
  #opened: Promise<RemoteRanges | undefined> | undefined
  #sent = 0
  #failure: MediaError | undefined

  /** @param fetching `maxBytes` bounds all bytes that are sent to FFmpeg */
  static async open(url: URL, fetching: Fetching): Promise<WebFeed> {
    const feed = new WebFeed(url, fetching)
    await new Promise<void>((resolve, reject) => {
      feed.#server.once('error', reject)
      feed.#server.listen(0, '127.0.0.1', resolve)
    })
    feed.#stay = closeAtExit(() => feed.close())
    return feed
  }

  private constructor(url: URL, fetching: Fetching) {
    this.#url = url
    this.#fetching = fetching
    this.#server = nodeHttp().createServer(
      (request, response) => void this.#answer(request, response),
    )
    // The waiting call keeps the process alive; afterwards nothing does.
    this.#server.unref()
    this.#server.on('connection', (socket) => {
      socket.unref()
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** The URL for FFmpeg, with a name that cannot be guessed. */
  get href(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}${this.#path}${extname(this.#url.pathname)}`
  }

  /** The error of the web server. */
  get failure(): MediaError | undefined {
    return this.#failure
  }

  /** Ends all reads. It may be called again. */
  close(): void {
    this.#stay()
    this.#abort.abort()
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {})
    if (request.method !== 'GET' || !request.url?.startsWith(this.#path)) {
      response.writeHead(404).end()
      return
    }
    const left = new AbortController()
    response.once('close', () => left.abort())
    const signal = AbortSignal.any([this.#abort.signal, left.signal])
    try {
      this.#opened ??= this.#open(request)
      const ranges = await this.#opened
      const pieces = this.#counted(
        ranges === undefined
          ? fetchPieces(this.#url, { ...this.#asked(request), signal })
          : this.#range(ranges, request, response, signal),
        signal,
      )
      await pipeline(Readable.from(pieces, { objectMode: false }), response)
    } catch (error) {
      this.#note(error, signal)
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    }
  }

  async #open(request: IncomingMessage): Promise<RemoteRanges | undefined> {
    try {
      return await openRanges(this.#url, { ...this.#asked(request), signal: this.#abort.signal })
    } catch (error) {
      if (error instanceof MediaError && error.code === 'ERR_UNSUPPORTED') return undefined
      throw error
    }
  }

  /** The headers of the caller, and those of FFmpeg's own options. */
  #asked({ headers }: IncomingMessage): Fetching {
    const own = Object.entries(headers).filter(
      ([name, value]) => typeof value === 'string' && !OURS.has(name) && !value.startsWith('Lavf/'),
    ) as [string, string][]
    return {
      ...this.#fetching,
      maxBytes: Number.POSITIVE_INFINITY,
      headers: { ...Object.fromEntries(own), ...this.#fetching.headers },
    }
  }

  #range(
    ranges: RemoteRanges,
    { headers }: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const { size } = ranges
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
    const start = Number(from)
    const end = to === '' ? size : Math.min(size, Number(to) + 1)
    if (start >= end && size > 0) {
      response.writeHead(416, { 'content-range': `bytes */${size}` })
      return Readable.from([])
    }
    response.writeHead(headers.range === undefined ? 200 : 206, {
      'accept-ranges': 'bytes',
      'content-length': end - start,
      ...(headers.range === undefined
        ? {}
        : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    })
    return ranges.streamFrom(start, end, signal)
  }

  /** Records an error before FFmpeg, which only sees the end, can report it. */
  async *#counted(
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#fetching
    try {
      for await (const piece of pieces) {
        this.#sent += piece.length
        if (this.#sent > maxBytes)
          throw new MediaError(
            'ERR_TOO_LARGE',
            `more bytes were fetched than \`maxBytes\` (${maxBytes})`,
          )
        yield piece
      }
    } catch (error) {
      this.#note(error, signal)
      throw error
    }
  }

  #note(error: unknown, signal: AbortSignal): void {
    if (!signal.aborted) this.#failure ??= faultOf(error, this.#url)
  }
}

/** Headers between FFmpeg and this process. */
const OURS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'host',
  'icy-metadata',
  'if-range',
  'range',
])

function faultOf(error: unknown, url: URL): MediaError {
  const source = describeSource(url)
  if (error instanceof MediaError && error.source !== undefined) return error
  return mediaError(error instanceof MediaError ? error.code : 'ERR_READ', source, error)
}

import { createServer, type Server, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { removeSpilled, spillPath } from '../audio/spill.ts'

/**
 * Hands bytes that come by and by to FFmpeg in another thread: through a socket that only the first who connects gets. FFmpeg waits for them in a
 * native call, which nothing can interrupt; but it ends when the socket is closed.
 */
export class LiveFeed {
  /** Where FFmpeg connects to. */
  readonly url: string
  readonly #server: Server
  readonly #path: string | undefined
  readonly #bytes: Readable
  #socket: Socket | undefined
  #isClosed = false
  #failure: Error | undefined

  static async open(bytes: Readable): Promise<LiveFeed> {
    const path = process.platform === 'win32' ? undefined : spillPath()
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (path === undefined) server.listen(0, '127.0.0.1', resolve)
      else server.listen(path, resolve)
    })
    return new LiveFeed(server, path, bytes)
  }

  private constructor(server: Server, path: string | undefined, bytes: Readable) {
    this.#server = server
    this.#path = path
    this.#bytes = bytes
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    this.url = path === undefined ? `tcp://127.0.0.1:${port}` : `unix:${path}`
    server.once('connection', (socket) => void this.#send(socket))
  }

  /** What went wrong with the source; `undefined` where it came to its end. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Ends the input: what has been sent is still decoded. May be called again. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#server.close()
    this.#socket?.destroy()
    this.#bytes.destroy()
    if (this.#path !== undefined) removeSpilled(this.#path)
  }

  async #send(socket: Socket): Promise<void> {
    this.#server.close()
    if (this.#isClosed) {
      socket.destroy()
      return
    }
    this.#socket = socket
    socket.resume()
    try {
      await pipeline(this.#bytes, socket)
    } catch (error) {
      // Who reads may have had enough.
      const { code } = error as NodeJS.ErrnoException
      if (!this.#isClosed && code !== 'EPIPE' && code !== 'ECONNRESET') this.#failure = error as Error
      socket.destroy()
    }
  }
}

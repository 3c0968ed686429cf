import { createServer, type Server, type Socket } from 'node:net'
import { finished, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { removeAtExit, removeSpilled, spillPath } from '../files/spill.ts'
import { closeAtExit } from './close-at-exit.ts'
import { Mp4Watch } from './watch-mp4.ts'

/**
 * Hands bytes that come by and by to FFmpeg in another thread: through a socket that only the first
 * who connects gets. FFmpeg waits for them in a native call, which nothing can interrupt; but it
 * ends when the socket is closed.
 */
export class StreamingInput {
  #server: Server | undefined
  #path: string | undefined
  /**
   * What has come of the input: it is read from the beginning on, for its end or failure may come
   * before FFmpeg does.
   */
  readonly #bytes = new Mp4Watch()
  readonly #source: Readable
  #socket: Socket | undefined
  #isClosed = false
  #isLeft = false
  #stay: () => void = () => {}
  #failure: Error | undefined

  static async open(source: Readable): Promise<StreamingInput> {
    const feed = new StreamingInput(source)
    await feed.#listen()
    return feed
  }

  private constructor(source: Readable) {
    this.#source = source
    source.pipe(this.#bytes)
    // What it refuses, before FFmpeg has come or after.
    this.#bytes.once('error', (error) => {
      if (!this.#isClosed) this.#failure ??= error
      source.destroy()
    })
    finished(source, { writable: false }, (error) => {
      if (error && !this.#isClosed && !this.#isLeft) this.#failure ??= error
      // What came before is still given on.
      this.#bytes.end()
    })
  }

  async #listen(): Promise<void> {
    this.#path = process.platform === 'win32' ? undefined : spillPath()
    if (this.#path !== undefined) removeAtExit(this.#path)
    this.#stay = closeAtExit(() => this.close())
    const server = createServer()
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (this.#path === undefined) server.listen(0, '127.0.0.1', resolve)
      else server.listen(this.#path, resolve)
    })
    server.once('connection', (socket) => void this.#send(socket))
  }

  /** Where FFmpeg connects to. */
  get url(): string {
    if (this.#path !== undefined) return `unix:${this.#path}`
    const address = this.#server?.address()
    return `tcp://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  /** What went wrong with the source; `undefined` where it came to its end. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Ends the input: what has been sent is still decoded. May be called again. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stay()
    this.#server?.close()
    this.#socket?.destroy()
    this.#source.destroy()
    this.#bytes.destroy()
    if (this.#path !== undefined) removeSpilled(this.#path)
  }

  async #send(socket: Socket): Promise<void> {
    this.#server?.close()
    if (this.#isClosed) {
      socket.destroy()
      return
    }
    this.#socket = socket
    // Heard before the source is: then it is who reads that has had enough, and no fault of the
    // source.
    for (const event of ['error', 'close'])
      socket.once(event, () => {
        if (!this.#bytes.errored) this.#isLeft = true
      })
    socket.resume()
    try {
      await pipeline(this.#bytes, socket)
    } catch (error) {
      // Who reads may have had enough.
      if (!this.#isClosed && !this.#isLeft) this.#failure ??= error as Error
      socket.destroy()
    }
  }
}

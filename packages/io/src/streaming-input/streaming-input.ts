import type { Server, Socket } from 'node:net'
import { finished, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { nodeNet } from '../builtins.ts'
import { removeAtExit, removeSpilled, spillPath } from '../files/spill.ts'
import { closeAtExit } from './close-at-exit.ts'
import { Mp4Watch } from './watch-mp4.ts'

/**
 * Passes a byte stream to FFmpeg in another thread, through a socket that accepts only the first
 * connection. FFmpeg waits for bytes in a native call, which cannot be interrupted, but the call
 * ends when the socket is closed.
 */
export class StreamingInput {
  #server: Server | undefined
  #path: string | undefined
  /**
   * The received bytes. They are read from the start, because the input may end or fail before
   * FFmpeg connects.
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
    // Errors of the check, before or after FFmpeg connects.
    this.#bytes.once('error', (error) => {
      if (!this.#isClosed) this.#failure ??= error
      source.destroy()
    })
    finished(source, { writable: false }, (error) => {
      if (error && !this.#isClosed && !this.#isLeft) this.#failure ??= error
      // The bytes before the error are still passed on.
      this.#bytes.end()
    })
  }

  async #listen(): Promise<void> {
    this.#path = process.platform === 'win32' ? undefined : spillPath()
    if (this.#path !== undefined) removeAtExit(this.#path)
    this.#stay = closeAtExit(() => this.close())
    const server = nodeNet().createServer()
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (this.#path === undefined) server.listen(0, '127.0.0.1', resolve)
      else server.listen(this.#path, resolve)
    })
    server.once('connection', (socket) => void this.#send(socket))
  }

  /** The URL that FFmpeg connects to. */
  get url(): string {
    if (this.#path !== undefined) return `unix:${this.#path}`
    const address = this.#server?.address()
    return `tcp://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  /** The error of the source; `undefined` if it reached its end. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Ends the input; bytes that were sent are still decoded. It may be called again. */
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
    // These listeners run before those of the source: then the reader has stopped, and the source
    // is not at fault.
    for (const event of ['error', 'close'])
      socket.once(event, () => {
        if (!this.#bytes.errored) this.#isLeft = true
      })
    socket.resume()
    try {
      await pipeline(this.#bytes, socket)
    } catch (error) {
      // The reader may have stopped.
      if (!this.#isClosed && !this.#isLeft) this.#failure ??= error as Error
      socket.destroy()
    }
  }
}

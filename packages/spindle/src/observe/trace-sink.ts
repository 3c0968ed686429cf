import { createWriteStream } from 'node:fs'
import type { TraceEvent, TraceSink } from './trace-events.ts'

/** Number of characters gathered before a write. */
const CHUNK = 1 << 16

/** Keeps events in an array, up to a maximum number. */
export class ArraySink implements TraceSink {
  readonly #events: TraceEvent[]
  readonly #most: number

  constructor(events: TraceEvent[], most: number) {
    this.#events = events
    this.#most = most
  }

  write(event: TraceEvent): boolean {
    if (this.#events.length >= this.#most) return false
    this.#events.push(event)
    return true
  }

  async end(): Promise<void> {}
}

/**
 * Writes events to a stream as JSON. The bytes that the stream has not written yet are bounded:
 * above the bound, events are dropped to save memory.
 */
export class StreamSink implements TraceSink {
  readonly #stream: NodeJS.WritableStream & { readonly writableLength?: number }
  readonly #isOwn: boolean
  readonly #mostBytes: number
  #text = '{"displayTimeUnit":"ms","traceEvents":[\n'
  #isFirst = true
  #error: unknown

  constructor(stream: NodeJS.WritableStream, isOwn: boolean, mostBytes: number) {
    this.#stream = stream
    this.#isOwn = isOwn
    this.#mostBytes = mostBytes
    stream.on('error', (error) => {
      this.#error ??= error
    })
  }

  /** Writes to a new file. */
  static file(path: string, mostBytes: number): StreamSink {
    return new StreamSink(createWriteStream(path), true, mostBytes)
  }

  write(event: TraceEvent): boolean {
    if (this.#error !== undefined || (this.#stream.writableLength ?? 0) > this.#mostBytes)
      return false
    this.#text += `${this.#isFirst ? '' : ',\n'}${JSON.stringify(event)}`
    this.#isFirst = false
    if (this.#text.length >= CHUNK) this.#flush()
    return true
  }

  #flush(): void {
    this.#stream.write(this.#text)
    this.#text = ''
  }

  async end(): Promise<void> {
    this.#text += '\n]}\n'
    if (this.#error === undefined) this.#flush()
    if (this.#error === undefined && this.#isOwn) {
      this.#stream.end()
      const { finished } = await import('node:stream/promises')
      await finished(this.#stream)
    } else if (this.#error === undefined) await this.#taken()
    if (this.#error !== undefined) throw this.#error
  }

  /** Resolves when the stream has taken all data. For a stream that others continue to use. */
  #taken(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.once('close', () =>
        reject(new Error('the stream was closed before it had taken the trace')),
      )
      this.#stream.write('', (error) => (error ? reject(error) : resolve()))
    })
  }
}

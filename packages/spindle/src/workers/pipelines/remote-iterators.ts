import { IteratorState } from './iterator-state.ts'
import type { RemoteStream } from './remote-stream.ts'

/**
 * Gives items as promises. Refers to the handle, so that a pipeline that is being iterated does not
 * count as forgotten.
 */
export class RemoteAsyncIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #stream: RemoteStream
  readonly #iteratorState: IteratorState
  readonly handle: object

  constructor(stream: RemoteStream, timeoutMs: number, handle: object) {
    this.#stream = stream
    this.#iteratorState = new IteratorState(timeoutMs)
    this.handle = handle
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#stream.next(this.#iteratorState) as Promise<IteratorResult<T, undefined>>
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#stream.leave(this.#iteratorState)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Gives items synchronously, and blocks the thread while it waits for them. */
export class RemoteIterator<T> implements IterableIterator<T, undefined> {
  readonly #stream: RemoteStream
  readonly #iteratorState: IteratorState
  readonly handle: object

  constructor(stream: RemoteStream, timeoutMs: number, handle: object) {
    this.#stream = stream
    this.#iteratorState = new IteratorState(timeoutMs)
    this.handle = handle
  }

  next(): IteratorResult<T, undefined> {
    return this.#stream.nextBlocking(this.#iteratorState) as IteratorResult<T, undefined>
  }

  return(): IteratorResult<T, undefined> {
    this.#stream.leave(this.#iteratorState)
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }
}

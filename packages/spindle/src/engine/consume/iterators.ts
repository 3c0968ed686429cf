import { markCaller } from '../flow/call-scopes.ts'
import { shouldYieldMidway } from '../flow/time-slice.ts'
import { ConsumerSession, PendingNext } from './pending-reads.ts'
import type { SinkReader } from './sink-reader.ts'

/** One item now or when it comes. */
export function takeItem<T>(
  reader: SinkReader,
  session: ConsumerSession,
  timeoutMs: number,
): Promise<IteratorResult<T, undefined>> {
  reader.lookAtTime()
  asked(reader, session)
  // A consumer that computes for long lets the loop turn before it gets the next item, if it can
  // wait.
  const mustWait = timeoutMs === Number.POSITIVE_INFINITY && shouldYieldMidway()
  const value = mustWait ? undefined : reader.take(session.epoch, session.holder)
  if (value !== undefined) {
    reader.settle()
    reader.time.gives()
    return step(value as T)
  }
  let waiter: PendingNext | undefined
  const promise = new Promise<IteratorResult<T, undefined>>((resolve, reject) => {
    waiter = new PendingNext(
      session,
      reader.time,
      resolve as (result: IteratorResult<unknown>) => void,
      reject,
    )
    if (timeoutMs !== Number.POSITIVE_INFINITY) waiter.limit(reader, timeoutMs)
    reader.await(waiter)
  })
  if (session.holder === undefined && waiter !== undefined) waiter.promise = promise
  return promise
}

/** A consumer has done with the items it has: where that is kept book of, the source may go on. */
function asked(reader: SinkReader, session: ConsumerSession): void {
  const { commits } = reader
  if (commits !== undefined) reader.inScope(() => commits.asked(session.holder))
}

function leaves(reader: SinkReader, session: ConsumerSession): void {
  const { commits } = reader
  if (commits !== undefined) reader.inScope(() => commits.leaves(session))
}

/**
 * A promise of an item that is there. An async function makes it a tenth cheaper than
 * `Promise.resolve`.
 */
async function step<T>(value: T): Promise<IteratorResult<T, undefined>> {
  return { done: false, value }
}

/**
 * Gives a pipeline's items one by one. A time-out does not end it; the end of the stream or epoch,
 * an error and `return()` do.
 */
export class ItemIterator<T> implements AsyncIterableIterator<T, undefined> {
  private readonly reader: SinkReader
  private readonly timeoutMs: number
  private readonly enter: () => ConsumerSession
  private session: ConsumerSession | undefined

  constructor(reader: SinkReader, timeoutMs: number, enter: () => ConsumerSession) {
    this.reader = reader
    this.timeoutMs = timeoutMs
    this.enter = enter
    this.session = undefined
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.session ??= this.enter()
    if (this.reader.keepsScopes) markCaller(this.reader.mark)
    if (this.session.isOver) return Promise.resolve({ done: true, value: undefined })
    return takeItem<T>(this.reader, this.session, this.timeoutMs)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.session ??= new ConsumerSession(0)
    leaves(this.reader, this.session)
    this.session.end()
    this.reader.leave(this.session)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Gives what is ready, at least one item at a time. */
export class ChunkIterator<T> implements AsyncIterableIterator<T[], undefined> {
  private readonly reader: SinkReader
  private readonly max: number
  private readonly enter: () => ConsumerSession
  private session: ConsumerSession | undefined

  constructor(reader: SinkReader, max: number, enter: () => ConsumerSession) {
    this.reader = reader
    this.max = max
    this.enter = enter
  }

  async next(): Promise<IteratorResult<T[], undefined>> {
    this.session ??= this.enter()
    if (this.session.isOver) return { done: true, value: undefined }
    const { reader, session } = this
    if (reader.keepsScopes) markCaller(reader.mark)
    reader.lookAtTime()
    asked(reader, session)
    const chunk: T[] = []
    if (!shouldYieldMidway()) this.fill(chunk, session)
    if (chunk.length === 0) {
      const first = await takeItem<T>(reader, session, Number.POSITIVE_INFINITY)
      if (first.done === true) return first
      chunk.push(first.value)
      this.fill(chunk, session)
    }
    reader.settle()
    reader.time.gives()
    return { done: false, value: chunk }
  }

  private fill(chunk: T[], session: ConsumerSession): void {
    while (chunk.length < this.max) {
      const value = this.reader.take(session.epoch, session.holder)
      if (value === undefined) break
      chunk.push(value as T)
    }
  }

  async return(): Promise<IteratorResult<T[], undefined>> {
    this.session ??= new ConsumerSession(0)
    leaves(this.reader, this.session)
    this.session.end()
    this.reader.leave(this.session)
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

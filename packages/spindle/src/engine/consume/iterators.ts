import { markCaller } from '../flow/call-scopes.ts'
import { shouldYieldMidway } from '../flow/time-slice.ts'
import { ConsumerSession, PendingNext } from './pending-reads.ts'
import type { SinkReader } from './sink-reader.ts'

/** Takes one item, now or when it arrives. */
export function takeItem<T>(
  reader: SinkReader,
  session: ConsumerSession,
  timeoutMs: number,
): Promise<IteratorResult<T, undefined>> {
  reader.lookAtTime()
  asked(reader, session)
  // If the consumer computes for long and can wait, the event loop turns before the next item.
  const mustWait = timeoutMs === Number.POSITIVE_INFINITY && shouldYieldMidway()
  const value = mustWait ? undefined : reader.take(session.epoch, session.holder)
  if (value !== undefined) {
    reader.settle()
    reader.time.gives()
    return step(value as T)
  }
  let pendingNext: PendingNext | undefined
  const promise = new Promise<IteratorResult<T, undefined>>((resolve, reject) => {
    pendingNext = new PendingNext(
      session,
      reader.time,
      resolve as (result: IteratorResult<unknown>) => void,
      reject,
    )
    if (timeoutMs !== Number.POSITIVE_INFINITY) pendingNext.limit(reader, timeoutMs)
    reader.await(pendingNext)
  })
  if (session.holder === undefined && pendingNext !== undefined) pendingNext.promise = promise
  return promise
}

/** The consumer has finished its previous items. In a resumable run, the source may continue. */
function asked(reader: SinkReader, session: ConsumerSession): void {
  const { commits } = reader
  if (commits !== undefined) reader.inScope(() => commits.asked(session.holder))
}

function leaves(reader: SinkReader, session: ConsumerSession): void {
  const { commits } = reader
  if (commits !== undefined) reader.inScope(() => commits.leaves(session))
}

/** Makes a promise of an item. An async function is a tenth cheaper than `Promise.resolve`. */
async function step<T>(value: T): Promise<IteratorResult<T, undefined>> {
  return { done: false, value }
}

/**
 * Iterates a pipeline's items. It ends at the end of the stream or epoch, by an error and by
 * `return()`, but not by a timeout.
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

/** Iterates arrays of the items that are ready, with at least one item each. */
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

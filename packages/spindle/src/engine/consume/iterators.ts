import { TimeoutError } from '../../errors.ts'
import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'
import { markCaller } from '../flow/call-scopes.ts'
import type { Item } from '../flow/item.ts'
import { shouldYieldMidway } from '../flow/time-slice.ts'
import type { Holder } from '../progress/commits.ts'
import type { ConsumerTime } from './consumer-time.ts'
import type { PendingRead, SinkReader } from './sink-reader.ts'

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

/** The common part of iterators. The consumer enters at its first step. */
abstract class ReaderIterator {
  protected readonly reader: SinkReader
  private readonly enter: () => ConsumerSession
  private session: ConsumerSession | undefined

  constructor(reader: SinkReader, enter: () => ConsumerSession) {
    this.reader = reader
    this.enter = enter
    this.session = undefined
  }

  protected entered(): ConsumerSession {
    this.session ??= this.enter()
    return this.session
  }

  protected leave(): void {
    this.session ??= new ConsumerSession(0)
    leaves(this.reader, this.session)
    this.session.end()
    this.reader.leave(this.session)
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/**
 * Iterates a pipeline's items. It ends at the end of the stream or epoch, by an error and by
 * `return()`, but not by a timeout.
 */
export class ItemIterator<T> extends ReaderIterator implements AsyncIterableIterator<T, undefined> {
  private readonly timeoutMs: number

  constructor(reader: SinkReader, timeoutMs: number, enter: () => ConsumerSession) {
    super(reader, enter)
    this.timeoutMs = timeoutMs
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const session = this.entered()
    if (this.reader.keepsScopes) markCaller(this.reader.mark)
    if (session.isOver) return Promise.resolve({ done: true, value: undefined })
    return takeItem<T>(this.reader, session, this.timeoutMs)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.leave()
    return Promise.resolve({ done: true, value: undefined })
  }
}

/** Iterates arrays of the items that are ready, with at least one item each. */
export class ChunkIterator<T>
  extends ReaderIterator
  implements AsyncIterableIterator<T[], undefined>
{
  private readonly max: number

  constructor(reader: SinkReader, max: number, enter: () => ConsumerSession) {
    super(reader, enter)
    this.max = max
  }

  async next(): Promise<IteratorResult<T[], undefined>> {
    const session = this.entered()
    if (session.isOver) return { done: true, value: undefined }
    const { reader } = this
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
    this.leave()
    return { done: true, value: undefined }
  }
}

/** A consumer: an iterator, a `forEach`, or a single `getItem`. */
export class ConsumerSession implements Holder {
  /** The epoch whose items the consumer takes. */
  readonly epoch: number
  /**
   * Holds its items until they are committed: the session itself, or `undefined` for a `getItem`,
   * whose items have no particular holder.
   */
  readonly holder: Holder | undefined
  held: Item[] | undefined = undefined
  isOver = false
  private readonly onEnd: (() => void) | undefined

  constructor(epoch: number, onEnd?: () => void) {
    this.epoch = epoch
    this.onEnd = onEnd
    this.holder = onEnd === undefined ? undefined : this
  }

  /** The consumer has left, or there are no more items for it. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.onEnd?.()
  }
}

/** A pending promise for one item. */
class PendingNext implements PendingRead {
  readonly epoch: number
  readonly holder: Holder | undefined
  readonly session: ConsumerSession
  private readonly resolve: (result: IteratorResult<unknown>) => void
  private readonly reject: (error: unknown) => void
  private timer: Timer | undefined
  /** The promise returned by a `getItem`. */
  promise: Promise<unknown> | undefined

  private readonly time: ConsumerTime

  constructor(
    session: ConsumerSession,
    time: ConsumerTime,
    resolve: (result: IteratorResult<unknown>) => void,
    reject: (error: unknown) => void,
  ) {
    this.time = time
    this.epoch = session.epoch
    this.holder = session.holder
    this.session = session
    this.resolve = resolve
    this.reject = reject
    this.timer = undefined
    this.promise = undefined
  }

  /** Rejects after the time limit and stops waiting. A later item goes to the next request. */
  limit(reader: SinkReader, timeoutMs: number): void {
    this.timer = setTimeout(() => {
      reader.remove(this)
      this.reject(new TimeoutError(`no item within \`timeoutMs\` ${timeoutMs}`))
    }, timeoutMs)
  }

  hush(): void {
    this.promise?.catch(() => {})
  }

  give(value: unknown): boolean {
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.time.gives()
    this.resolve({ done: false, value })
    return false
  }

  end(): void {
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.session.end()
    this.resolve({ done: true, value: undefined })
  }

  fail(error: unknown): void {
    // As in an async generator, only one pending call of an iterator throws. The others find that
    // the iterator has ended.
    if (this.session.isOver) {
      this.end()
      return
    }
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.session.end()
    this.reject(error)
  }
}

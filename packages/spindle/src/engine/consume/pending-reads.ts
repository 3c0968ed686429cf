import { TimeoutError } from '../../errors.ts'
import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'
import { adopt, isThenable } from '../../user-code.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { makeCallScope } from '../flow/call-scopes.ts'
import { enter, leave } from '../flow/current-call.ts'
import type { Item } from '../flow/item.ts'
import type { Holder } from '../progress/commits.ts'
import type { ConsumerCall, ConsumerTime } from './consumer-time.ts'
import type { PendingRead, SinkReader } from './sink-reader.ts'

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
export class PendingNext implements PendingRead {
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

/**
 * A running `forEach`: calls a function with each item, one at a time, and waits for its promise.
 */
export class ForEachLoop implements PendingRead {
  readonly epoch: number
  readonly holder: Holder = { held: undefined }
  readonly session: undefined
  private readonly reader: SinkReader
  private readonly consume: (value: unknown) => unknown
  private readonly code: (value: unknown) => unknown
  private readonly scope: AsyncScope | undefined
  private callScope: AsyncScope | undefined = undefined
  private readonly resolve: () => void
  private readonly reject: (error: unknown) => void
  /** The call whose promise is pending, if it is watched. */
  private call: ConsumerCall | undefined = undefined
  private readonly consumed = (): void => {
    this.reader.busy--
    this.reader.time.done(this.call)
    this.reader.lookAtTime()
    this.reader.commits?.asked(this.holder)
    this.reader.add(this)
  }
  private readonly refused = (error: unknown): void => {
    this.reader.busy--
    this.reject(error)
  }

  constructor(
    reader: SinkReader,
    consume: (value: unknown) => unknown,
    scope: AsyncScope | undefined,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.epoch = reader.epoch
    this.reader = reader
    // `scope`: the consumer's async context, if it differs from the pipeline's.
    this.consume =
      scope === undefined ? consume : (value) => scope.runInAsyncScope(consume, undefined, value)
    this.code = consume
    this.scope = scope
    this.resolve = resolve
    this.reject = reject
  }

  give(value: unknown): boolean {
    let result: unknown
    const word = enter(this.reader.mark, this.reader.given)
    try {
      const { consume } = this
      result = this.reader.keepsScopes ? this.consumeScoped(value) : consume(value)
    } catch (error) {
      leave(word)
      this.reject(error)
      return false
    }
    leave(word)
    if (result === undefined || !isThenable(result)) {
      this.reader.commits?.asked(this.holder)
      return true
    }
    this.reader.busy++
    this.call = this.reader.time.calls()
    adopt(result).then(this.consumed, this.refused)
    return false
  }

  private consumeScoped(value: unknown): unknown {
    const { mark, scope: pipelines } = this.reader
    this.callScope ??= (this.scope ?? pipelines).runInAsyncScope(makeCallScope, undefined, mark)
    return this.callScope.runInAsyncScope(this.code, undefined, value)
  }

  end(): void {
    this.reader.commits?.forget(this.holder)
    this.resolve()
  }

  fail(error: unknown): void {
    this.reject(error)
  }
}

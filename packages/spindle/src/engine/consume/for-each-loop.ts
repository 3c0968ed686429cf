import { adopt, isThenable } from '../../user-code.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { makeCallScope } from '../flow/call-scopes.ts'
import { enter, leave } from '../flow/current-call.ts'
import type { Holder } from '../progress/commits.ts'
import type { ConsumerCall } from './consumer-time.ts'
import type { PendingRead, SinkReader } from './sink-reader.ts'

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

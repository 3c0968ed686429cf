import type { ExecutorCall } from 'spindle'
import { arraysOf, isEmptied } from '../base/arrays.ts'
import { clockMs } from '../timers.ts'
import type { Waiting } from './batcher.ts'

/** A call of a model without a pipeline. */
export type DirectCall = Partial<Pick<ExecutorCall, 'signal' | 'onStart' | 'timeoutMs'>>

/** One item on its way through a model. */
export class ModelCall implements Waiting {
  readonly since: number = clockMs()
  readonly item: unknown
  /** What the backend takes of the item. */
  readonly input: unknown
  readonly bucket: string
  readonly call: DirectCall
  /** Whether its arrays may move into a session's thread. */
  readonly mayMove: boolean
  /** Number of sessions that died while they ran it alone. */
  deaths = 0
  isSettled = false
  /** The batch that it is in, if that runs. */
  batch: { leave(): void } | undefined = undefined
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #onSettled: (call: ModelCall) => void

  constructor(
    item: unknown,
    input: unknown,
    bucket: string,
    call: DirectCall,
    mayMove: boolean,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    onSettled: (call: ModelCall) => void,
  ) {
    this.item = item
    this.input = input
    this.bucket = bucket
    this.call = call
    this.mayMove = mayMove
    this.#resolve = resolve
    this.#reject = reject
    this.#onSettled = onSettled
  }

  /** Whether its arrays are gone, so that it cannot be run again. */
  get isGone(): boolean {
    return arraysOf(this.input).some(isEmptied)
  }

  resolve(value: unknown): void {
    if (this.isSettled) return
    this.#settle()
    this.#resolve(value)
  }

  reject(error: unknown): void {
    if (this.isSettled) return
    this.#settle()
    this.#reject(error)
  }

  #settle(): void {
    this.isSettled = true
    this.#onSettled(this)
  }
}

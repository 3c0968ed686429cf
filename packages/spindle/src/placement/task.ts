import type { ExecutorCall } from './executor.ts'

/** One call of an op that a pool has taken on. */
export class Task {
  readonly item: unknown
  readonly call: ExecutorCall
  /** Number of the op in the pool. */
  readonly op: number
  /** Workers that died while they ran it. */
  deaths = 0
  /** Whether its promise is settled; a worker may still be busy with it. */
  isSettled = false
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #onSettled: (task: Task) => void

  constructor(
    item: unknown,
    call: ExecutorCall,
    op: number,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    onSettled: (task: Task) => void,
  ) {
    this.item = item
    this.call = call
    this.op = op
    this.#resolve = resolve
    this.#reject = reject
    this.#onSettled = onSettled
  }

  /** It may have killed a worker: it is run again with nothing beside it, so that the next death is its own for sure. */
  get isSuspect(): boolean {
    return this.deaths > 0
  }

  resolve(value: unknown): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#onSettled(this)
    this.#resolve(value)
  }

  reject(error: unknown): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#onSettled(this)
    this.#reject(error)
  }
}

import { PendingGroup } from '../../engine/progress/pending-group.ts'

/**
 * One pushed item and the promise of its answer.
 *
 *   WAITING --the pipeline takes it--> RUNNING --answer, failure, abort, end--> SETTLED
 *      '--abort, end of the pipeline-------------------------------------------^
 */
export class Request {
  readonly value: unknown
  readonly promise: Promise<unknown>
  isSettled = false
  readonly #onSettled: (request: Request) => void
  readonly #listeners: Set<(reason: unknown) => void> = new Set()
  #resolve!: (value: unknown) => void
  #reject!: (error: unknown) => void
  #forget: () => void = () => {}
  #abort: { readonly reason: unknown } | undefined

  constructor(
    value: unknown,
    signal: AbortSignal | undefined,
    onSettled: (request: Request) => void,
  ) {
    this.value = value
    this.#onSettled = onSettled
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (signal === undefined) return
    const listener = (): void => this.#aborted(signal.reason)
    if (signal.aborted) listener()
    else {
      signal.addEventListener('abort', listener, { once: true })
      this.#forget = () => signal.removeEventListener('abort', listener)
    }
  }

  /** Whether nobody waits for the answer any more. */
  get isAborted(): boolean {
    return this.#abort !== undefined
  }

  answer(value: unknown): void {
    if (this.isSettled) return
    this.#resolve(value)
    this.#settled()
  }

  fail(error: unknown): void {
    if (this.isSettled) return
    this.#reject(error)
    this.#settled()
  }

  /** Calls a function when the request is aborted, at once if it has been. */
  onAbort(listener: (reason: unknown) => void): void {
    if (this.#abort !== undefined) listener(this.#abort.reason)
    else if (!this.isSettled) this.#listeners.add(listener)
  }

  #aborted(reason: unknown): void {
    if (this.isSettled) return
    this.#abort = { reason }
    const listeners = [...this.#listeners]
    this.fail(reason)
    for (const listener of listeners) listener(reason)
  }

  #settled(): void {
    this.isSettled = true
    this.#forget()
    this.#listeners.clear()
    this.#onSettled(this)
  }
}

/** What came of a pushed item, until all of it is done. */
export class RequestGroup extends PendingGroup {
  readonly request: Request

  constructor(request: Request) {
    super(undefined)
    this.request = request
  }

  protected override rests(): void {}

  protected override wakes(): void {}

  /** All of it is done. If no answer came, the item was dropped. */
  protected override closes(): void {
    this.request.answer(undefined)
  }
}

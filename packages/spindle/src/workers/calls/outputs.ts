/** Receives what the reader of {@link CallOutputs} does. */
export interface OutputsOwner {
  /** The reader begins or stops waiting for an output. */
  awaits(isAwaited: boolean): void
  /** The reader has taken an output. */
  tookOne(): void
  /** The reader wants no more outputs. Resolves when the generator has ended. */
  closed(): Promise<void>
}

interface PendingOutput {
  resolve(step: IteratorResult<unknown>): void
  reject(error: unknown): void
}

/** The outputs of a generator that runs in a worker, as an async generator in this thread. */
export class CallOutputs implements AsyncIterableIterator<unknown> {
  /**
   * Number of outputs received. If the worker dies, the generator starts again and skips this many.
   */
  received = 0
  /** Number of outputs that the reader has taken. */
  taken = 0
  /** Set when the call was aborted: resolves when the generator's clean-up has ended. */
  leaving: Promise<void> | undefined = undefined
  readonly #owner: OutputsOwner
  #ready: unknown[] = []
  #head = 0
  readonly #reads: PendingOutput[] = []
  #hasEnded = false
  #failure: { readonly error: unknown } | undefined

  constructor(owner: OutputsOwner) {
    this.#owner = owner
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#head < this.#ready.length)
      return Promise.resolve({ done: false, value: this.#take() })
    if (this.#failure !== undefined) {
      const { error } = this.#failure
      this.#failure = undefined
      return Promise.reject(error)
    }
    if (this.#hasEnded) return Promise.resolve(done(undefined))
    return new Promise((resolve, reject) => {
      this.#reads.push({ resolve, reject })
      this.#owner.awaits(true)
    })
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    await this.#close()
    return done(await value)
  }

  async throw(error: unknown): Promise<IteratorResult<unknown>> {
    await this.#close()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Adds an output that has arrived. */
  push(value: unknown): void {
    this.received++
    if (this.#hasEnded) return
    const read = this.#reads.shift()
    if (read === undefined) {
      this.#ready.push(value)
      return
    }
    this.taken++
    read.resolve({ done: false, value })
    if (this.#reads.length === 0) this.#owner.awaits(false)
    this.#owner.tookOne()
  }

  /** Ends the outputs; the received ones can still be taken. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    for (const read of this.#reads.splice(0)) read.resolve(done(undefined))
  }

  /** Ends the outputs with an error, which is thrown once, after the received outputs. */
  fail(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const [first, ...others] = this.#reads.splice(0)
    if (first === undefined) this.#failure = { error }
    else first.reject(error)
    for (const read of others) read.resolve(done(undefined))
  }

  /** Discards the received outputs. */
  drop(): void {
    this.#ready = []
    this.#head = 0
  }

  #take(): unknown {
    const value = this.#ready[this.#head]
    this.#ready[this.#head++] = undefined
    if (this.#head === this.#ready.length) this.drop()
    this.taken++
    this.#owner.tookOne()
    return value
  }

  /** Whether the reader is waiting for an output. */
  get isAwaited(): boolean {
    return this.#reads.length > 0
  }

  /** Whether the reader has taken all received outputs. */
  get isEmpty(): boolean {
    return this.#head === this.#ready.length
  }

  async #close(): Promise<void> {
    this.#failure = undefined
    this.drop()
    if (this.#hasEnded) {
      await this.leaving
      return
    }
    this.end()
    await this.#owner.closed()
  }
}

function done(value: unknown): IteratorResult<unknown> {
  return { done: true, value }
}

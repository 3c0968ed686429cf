import { checkInteger } from '../../check.ts'
import { follow, type ItemFollower } from '../../engine/progress/followed-source.ts'
import { subjectOf } from '../../engine/stages/context.ts'
import { SpindleError } from '../../errors.ts'
import type { StageContext } from '../../op-context.ts'
import { choice, integer, options, type Rules } from '../../options/index.ts'
import { Request } from './request.ts'
import { answer, RequestLedger } from './request-ledger.ts'

/** Options of {@link pushSource}. */
export interface PushSourceOptions {
  /**
   * Items that may wait for the pipeline, an integer >= 1. Default 64. Items that the pipeline
   * works on are not counted.
   */
  readonly capacity?: number
  /**
   * What `push()` does while `capacity` items wait. `'wait'` (default): the promise stays pending,
   * and the item gets its place in the order of the calls. `'reject'`: the promise rejects with
   * `ERR_PUSH_FULL` at once, for example to answer a request with status 503.
   */
  readonly whenFull?: 'wait' | 'reject'
}

const pushSourceOptions = options('PushSourceOptions', {
  capacity: integer({ min: 1, default: 64, unit: 'items' }),
  whenFull: choice(['wait', 'reject'], { default: 'wait' }),
} satisfies Rules<PushSourceOptions>)

/** Options of `push()`. */
export interface PushOptions {
  /**
   * Gives the item up: the promise rejects with the signal's reason, the `context.signal` of the op
   * that works on the item is aborted, and later stages skip the item.
   */
  readonly signal?: AbortSignal | undefined
}

/** A source that a program pushes items into; see {@link pushSource}. */
export class PushSource<T, R = unknown> implements AsyncIterable<T> {
  readonly #capacity: number
  readonly #rejects: boolean
  /** Items that wait for the pipeline: at first those within `capacity`, then callers that wait. */
  readonly #waiting: Set<Request> = new Set()
  readonly #unanswered: Set<Request> = new Set()
  /** Given to the source stage, which makes an item of each list. */
  readonly #given: (readonly Request[])[] = []
  #pull: (() => void) | undefined
  #isOpen = false
  #isFollowed = false
  #end: { readonly error: unknown } | undefined

  constructor(options: PushSourceOptions = {}) {
    const { capacity, whenFull } = pushSourceOptions.check(options)
    this.#capacity = capacity
    this.#rejects = whenFull === 'reject'
    follow(this, () => this.#follow(false))
  }

  /** Items that wait for the pipeline. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Items that were pushed and have no answer yet, including those that wait. */
  get pending(): number {
    return this.#unanswered.size
  }

  /**
   * Adds an item. The promise resolves with the value that {@link answer} gets for it, or with
   * `undefined` if a stage dropped the item. It rejects with the error that an op threw for it.
   *
   * @throws (rejects) the signal's reason; `ERR_PUSH_FULL`; `ERR_PUSH_CLOSED` after `end()` or
   *   after the pipeline has ended; `PipelineFailure` if the pipeline fails first
   */
  push(item: T, { signal }: PushOptions = {}): Promise<R> {
    if (this.#end !== undefined) return Promise.reject(this.#end.error)
    if (item === undefined) {
      const problem = '`item` must not be undefined, which pipelines drop'
      return Promise.reject(new SpindleError('ERR_BAD_OPTION', problem))
    }
    if (this.#rejects && this.#waiting.size >= this.#capacity) {
      const problem = `${this.#capacity} items wait for the pipeline, which is the \`capacity\`: try again later, raise it, or wait by \`whenFull: 'wait'\``
      return Promise.reject(new SpindleError('ERR_PUSH_FULL', problem))
    }
    const request = new Request(item, signal, (settled) => {
      this.#unanswered.delete(settled)
      this.#waiting.delete(settled)
    })
    if (!request.isSettled) {
      this.#unanswered.add(request)
      this.#waiting.add(request)
      this.#pull?.()
    }
    return request.promise as Promise<R>
  }

  /**
   * Ends the stream. What was pushed before is still processed and answered; then the pipeline
   * ends. Later calls of `push()` reject with `ERR_PUSH_CLOSED`.
   */
  end(): void {
    this.#end ??= { error: closed('end() was called') }
    this.#pull?.()
  }

  /**
   * The last stage: `pipe(source.answer)` resolves the promise of each item with its result. Of
   * several results for one item, the first is the answer. A batch is answered member by member if
   * its result is an array of the same length.
   */
  readonly answer = (value: R | readonly R[], context: StageContext): void => {
    answer(subjectOf(context), value)
  }

  /**
   * The same source in batches: each item is an array of what waits when the pipeline asks, at
   * least one and at most `size`. While a model is busy, requests gather; when it is free, it gets
   * all of them, and nobody waits for a batch to fill. Given to `addSource()` in place of the
   * source.
   */
  batches(size: number): AsyncIterable<T[]> {
    checkInteger('size', size, 1)
    const source: AsyncIterable<T[]> = {
      [Symbol.asyncIterator]: () =>
        this.#open((taken) => taken.map(({ value }) => value as T), size),
    }
    follow(source, () => this.#follow(true))
    return source
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#open(([request]) => request?.value as T, 1)
  }

  #open<V>(toItem: (taken: readonly Request[]) => V, size: number): AsyncIterator<V> {
    if (this.#isOpen)
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        'a push source feeds one pipeline, and has been iterated before: make one for each pipeline',
      )
    this.#isOpen = true
    const take = (): IteratorResult<V> => {
      const taken = [...this.#waiting].slice(0, size)
      for (const request of taken) this.#waiting.delete(request)
      if (taken.length === 0) return { done: true, value: undefined }
      if (this.#isFollowed) this.#given.push(taken)
      return { done: false, value: toItem(taken) }
    }
    return {
      next: () => new Promise((resolve) => this.#give(() => resolve(take()))),
      return: () => {
        this.#end ??= { error: closed('the pipeline takes no more items') }
        // A pipeline says later why it takes no more. Another consumer does not.
        if (!this.#isFollowed)
          for (const request of [...this.#waiting]) request.fail(this.#end.error)
        this.#pull?.()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  /** Calls a function when an item waits, or at the end. */
  #give(resolve: () => void): void {
    if (this.#waiting.size === 0 && this.#end === undefined) {
      this.#pull = () => this.#give(resolve)
      return
    }
    this.#pull = undefined
    resolve()
  }

  #follow(areBatches: boolean): ItemFollower {
    this.#isFollowed = true
    return new RequestLedger(
      areBatches,
      () => this.#given.shift() as readonly Request[],
      (failure) => {
        this.#end ??= { error: closed('the pipeline has ended') }
        for (const request of [...this.#unanswered])
          request.fail(failure === undefined ? closed('the pipeline was stopped') : failure.error)
      },
    )
  }
}

function closed(why: string): SpindleError {
  return new SpindleError('ERR_PUSH_CLOSED', `${why}, so this item was not processed`)
}

/**
 * A source that a program pushes items into, one promise for each item: for HTTP servers, queues
 * and other callers that want an answer. The items are plain values, so all stages may be used:
 * worker ops, regions, batches. `source.answer` is the last stage.
 *
 * Memory is bounded by `capacity` items that wait, and by the limits of the stages. Build with
 * `maxFailures: Infinity`, so that a failed item fails its own promise and not the pipeline.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { pushSource } from 'spindle/source'
 *
 * const requests = pushSource<number, number>()
 * const pipeline = new PipelineBuilder()
 *   .addSource(requests)
 *   .pipe(async (n) => n * n, { concurrency: 4 })
 *   .pipe(requests.answer)
 *   .build({ maxFailures: Infinity })
 * pipeline.start()
 * assert.deepEqual(await Promise.all([1, 2, 3].map((n) => requests.push(n))), [1, 4, 9])
 * requests.end()
 * await pipeline.done
 * ```
 */
export function pushSource<T, R = unknown>(options: PushSourceOptions = {}): PushSource<T, R> {
  return new PushSource(options)
}

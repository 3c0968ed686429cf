import { SpindleError, TimeoutError } from '../../errors.ts'
import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'

/** One iterator, as the stream sees it. */
export class IteratorState {
  /** Longest wait for an item, in milliseconds. */
  readonly timeoutMs: number
  hasBegun = false
  /** Whether it has given all its items. */
  isOver = false
  /** Whether a newer iterator has begun. */
  isReplaced = false

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs
  }
}

/** Timers treat a longer time as 0, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

type Result = IteratorResult<unknown, undefined>

/** The pending promise of a `next()`. */
export class RemoteNext {
  readonly iteratorState: IteratorState
  readonly #resolve: (result: Result) => void
  readonly #reject: (error: unknown) => void
  readonly #timer: Timer | undefined

  /** `giveUp` is called when it has waited for too long. */
  constructor(
    iteratorState: IteratorState,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
    giveUp: (pendingNext: RemoteNext) => void,
  ) {
    this.iteratorState = iteratorState
    this.#resolve = resolve
    this.#reject = reject
    if (iteratorState.timeoutMs <= LONGEST_TIMER_MS)
      this.#timer = setTimeout(() => {
        giveUp(this)
        reject(noItem(iteratorState))
      }, iteratorState.timeoutMs)
  }

  settle(result: Result): void {
    clearTimeout(this.#timer)
    this.#resolve(result)
  }

  fail(error: unknown): void {
    clearTimeout(this.#timer)
    this.#reject(error)
  }
}

export function noItem({ timeoutMs }: IteratorState): TimeoutError {
  return new TimeoutError(`no item within \`timeoutMs\` ${timeoutMs}`)
}

export function replaced(): SpindleError {
  return new SpindleError(
    'ERR_ITERATOR_REPLACED',
    'a newer iterator of this remote pipeline has replaced this one: use one iterator at a time',
  )
}

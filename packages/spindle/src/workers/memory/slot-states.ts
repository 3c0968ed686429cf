import { SpindleError } from '../../errors.ts'
import { BELL_WORDS, EventCount } from './event-count.ts'

// The states of a batch and of its slots. They are in a separate block that is never reused, so
// that a thread that comes too late finds them unchanged.
//
//   word 0 twice the number of slots that are being written, plus 1 if the batch was given back
//   word 1 number of slots that are neither filled nor failed
//   word 2 event count, notified when word 1 reaches 0; then a word for each slot:
//
//   EMPTY --enter--> EMPTY, written --settle--> FILLED      entered again (after a death or a time-out), it is taken over
//     |   <-------------leave---'
//     '--settle, by the batch's side--> SLOT_FAILED, whether it is being written or not

const WRITERS = 0
const UNSETTLED = 1
const EVENT_COUNT = 2
const SLOTS: number = EVENT_COUNT + BELL_WORDS
const GIVEN_BACK = 1
const ONE_WRITER = 2

const EMPTY = 0
export const FILLED = 1
export const SLOT_FAILED = 2
const STATE_MASK = 3
/** A thread is writing the slot. The bits above count the attempts. */
const WRITTEN = 4
const ATTEMPT = 8
const attemptOf = (word: number): number => word & ~(ATTEMPT - 1)

/** What threads share of a batch besides its bytes. */
export class BatchStates {
  readonly buffer: SharedArrayBuffer
  /** Notified when every slot is filled or has failed. */
  readonly eventCount: EventCount
  readonly #words: Int32Array
  readonly #release: () => void

  /**
   * `release` gives the batch's bytes back. It is called once, by the last thread that uses the
   * batch.
   */
  constructor(buffer: SharedArrayBuffer, release: () => void) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
    this.#release = release
    this.eventCount = new EventCount(this.#words, EVENT_COUNT)
  }

  static make(count: number, release: () => void): BatchStates {
    const states = new BatchStates(
      new SharedArrayBuffer((SLOTS + count) * Int32Array.BYTES_PER_ELEMENT),
      release,
    )
    states.#words[UNSETTLED] = count
    return states
  }

  /** Number of slots that are neither filled nor failed. */
  get unsettled(): number {
    return Atomics.load(this.#words, UNSETTLED)
  }

  get isGivenBack(): boolean {
    return (Atomics.load(this.#words, WRITERS) & GIVEN_BACK) !== 0
  }

  /** Numbers of the slots in a state. */
  having(state: number): number[] {
    const words = [...this.#words.subarray(SLOTS)]
    return words.flatMap((word, index) => ((word & STATE_MASK) === state ? [index] : []))
  }

  /**
   * Begins to write a slot. Returns the number of the attempt, or `undefined` if the slot is
   * settled.
   *
   * @throws `ERR_STALE_VIEW` if the batch was given back.
   */
  enter(index: number): number | undefined {
    for (;;) {
      const writers = Atomics.load(this.#words, WRITERS)
      if (writers & GIVEN_BACK) throw batchGivenBack()
      if (Atomics.compareExchange(this.#words, WRITERS, writers, writers + ONE_WRITER) === writers)
        break
    }
    for (;;) {
      const word = Atomics.load(this.#words, SLOTS + index)
      const isSettled = (word & STATE_MASK) !== EMPTY
      const attempt = (attemptOf(word) + ATTEMPT) | 0
      if (
        !isSettled &&
        Atomics.compareExchange(this.#words, SLOTS + index, word, attempt | WRITTEN) !== word
      )
        continue
      // A slot taken over from another thread was already counted.
      if (isSettled || word & WRITTEN) this.#uncount()
      return isSettled ? undefined : attempt
    }
  }

  /**
   * Marks a slot as filled or failed. Returns `false` if it is settled already, or if another
   * thread has taken it over from `attempt`.
   */
  settle(index: number, state: number, attempt?: number): boolean {
    for (;;) {
      const word = Atomics.load(this.#words, SLOTS + index)
      if ((word & STATE_MASK) !== EMPTY || (attempt !== undefined && attemptOf(word) !== attempt))
        return false
      if (Atomics.compareExchange(this.#words, SLOTS + index, word, word | state) !== word) continue
      if (Atomics.sub(this.#words, UNSETTLED, 1) === 1) this.eventCount.ring()
      return true
    }
  }

  /** Ends the writing of a slot, by `attempt` or, if not given, by any attempt. */
  leave(index: number, attempt?: number): void {
    for (;;) {
      const word = Atomics.load(this.#words, SLOTS + index)
      if ((word & WRITTEN) === 0 || (attempt !== undefined && attemptOf(word) !== attempt)) return
      if (Atomics.compareExchange(this.#words, SLOTS + index, word, word & ~WRITTEN) === word) break
    }
    this.#uncount()
  }

  /**
   * Gives the batch back, now or when its last writer has left. Returns `false` if it was given
   * back before.
   */
  giveBack(): boolean {
    const before = Atomics.or(this.#words, WRITERS, GIVEN_BACK)
    if (before === 0) this.#release()
    return (before & GIVEN_BACK) === 0
  }

  #uncount(): void {
    if (Atomics.sub(this.#words, WRITERS, ONE_WRITER) === (ONE_WRITER | GIVEN_BACK)) this.#release()
  }
}

export function batchGivenBack(): SpindleError {
  return new SpindleError('ERR_STALE_VIEW', 'the batch was given back')
}

import { badOption, checkFunction, checkInteger, checkOptions } from '../../check.ts'
import type { ItemError } from '../../errors.ts'
import { adopt, isThenable } from '../../user-code.ts'
import type { Item } from '../flow/item.ts'
import type { HookCalls } from '../hooks/hook-calls.ts'
import type { ResumeTracker } from '../progress/resume-tracker.ts'
import type { PendingWork } from '../stages/pending-work.ts'
import type { DeadLetterStats } from '../stats/pipeline-stats.ts'
import type { DeadLetterOptions } from '../types.ts'

const MOST_PENDING = 16

interface Letter {
  readonly failure: ItemError
  /** Told what has become of it, where that is kept book of. */
  readonly onEnd: ((isDelivered: boolean) => void) | undefined
  /** Called when it is on its way. */
  onSent: (() => void) | undefined
}

/**
 * The failed items on their way to the user's `deadLetter`: at most some at once, the others wait,
 * and with each of them the slot of its task. That is what bounds their number.
 */
export class DeadLetters {
  readonly mostPending: number
  /** Whether `deadLetter` is being called just now. */
  isCalling = false
  #delivered = 0
  #refused = 0
  readonly #underWay: Set<Letter> = new Set()
  #waiting: Letter[] = []
  #isGivenUp = false
  #whenSettled: { readonly left: number; readonly resolve: () => void }[] = []
  readonly #write: DeadLetterOptions['write']
  readonly #onError: (error: unknown) => void
  readonly #calls: HookCalls

  /** `onError` hears why an item was refused. */
  constructor(
    options: DeadLetterOptions | DeadLetterOptions['write'],
    calls: HookCalls,
    onError: (error: unknown) => void,
  ) {
    const { write, maxPending = MOST_PENDING } =
      typeof options === 'function' ? { write: options } : options
    this.#write = write
    this.mostPending = maxPending
    this.#calls = calls
    this.#onError = onError
  }

  get stats(): DeadLetterStats {
    return { delivered: this.#delivered, refused: this.#refused, pending: this.#pending }
  }

  get #pending(): number {
    return this.#underWay.size + this.#waiting.length
  }

  /** How many items it has not kept, or not yet. */
  get undone(): number {
    return this.#refused + this.#pending
  }

  /** The calls of `deadLetter` that have not been answered. */
  get pendingWork(): readonly PendingWork[] {
    return Array.from(this.#underWay, ({ failure: { stage, index } }) => ({
      stage,
      where: undefined,
      items: [String(index)],
      what: `has a dead letter, of item ${index}, that is not answered`,
    }))
  }

  /**
   * Offers a failed item. A promise, if it has to wait until others have been answered: that
   * resolves when it is on its way.
   */
  post(failure: ItemError, item: Item, book: ResumeTracker | undefined): Promise<void> | undefined {
    let onEnd: Letter['onEnd']
    // Before it is written, a crash would lose both the item and the word of it.
    if (book !== undefined)
      book.endsAfter(item, new Promise<boolean>((resolve) => (onEnd = resolve)))
    const letter: Letter = { failure, onEnd, onSent: undefined }
    if (this.#isGivenUp) {
      this.#ended(letter, false)
      return undefined
    }
    if (this.#underWay.size < this.mostPending) {
      this.#send(letter)
      return undefined
    }
    this.#waiting.push(letter)
    return new Promise((resolve) => {
      letter.onSent = resolve
    })
  }

  #send(letter: Letter): void {
    letter.onSent?.()
    this.isCalling = true
    try {
      const write = this.#write
      const writing: unknown = this.#calls.call(() => write(letter.failure))
      if (isThenable(writing)) {
        this.#underWay.add(letter)
        adopt(writing).then(
          () => this.#answered(letter, true),
          (error) => {
            this.#onError(error)
            this.#answered(letter, false)
          },
        )
      } else this.#ended(letter, true)
    } catch (error) {
      this.#onError(error)
      this.#ended(letter, false)
    } finally {
      this.isCalling = false
    }
  }

  #answered(letter: Letter, isDelivered: boolean): void {
    this.#underWay.delete(letter)
    this.#ended(letter, isDelivered)
    while (this.#underWay.size < this.mostPending) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#send(next)
    }
    this.#settle()
  }

  #ended(letter: Letter, isDelivered: boolean): void {
    if (isDelivered) this.#delivered++
    else this.#refused++
    letter.onEnd?.(isDelivered)
  }

  /** Resolves when all but `left` have been answered, or nobody waits for that any more. */
  settled(left = 0): Promise<void> {
    if (this.#pending <= left || this.#isGivenUp) return Promise.resolve()
    return new Promise((resolve) => this.#whenSettled.push({ left, resolve }))
  }

  /** Whether there is nothing that must be waited for. */
  get isSettled(): boolean {
    return this.#pending === 0 || this.#isGivenUp
  }

  /**
   * The pipeline has stopped: answers are not waited for any more, and what waits is not sent. It
   * stays undone.
   */
  giveUp(): void {
    if (this.#isGivenUp) return
    this.#isGivenUp = true
    for (const { onSent } of this.#waiting) onSent?.()
    this.#settle()
  }

  #settle(): void {
    if (this.#whenSettled.length === 0) return
    const isOver = ({ left }: { readonly left: number }): boolean =>
      this.#isGivenUp || this.#pending <= left
    const over = this.#whenSettled.filter(isOver)
    this.#whenSettled = this.#whenSettled.filter((one) => !isOver(one))
    for (const { resolve } of over) resolve()
  }
}

/** Checks the option `deadLetter`. @throws `ERR_BAD_OPTION` */
export function checkDeadLetter(deadLetter: unknown): void {
  if (typeof deadLetter === 'function') return
  if (typeof deadLetter !== 'object' || deadLetter === null)
    badOption(
      'deadLetter',
      'a function, or an object of options with the function `write`',
      deadLetter,
    )
  checkOptions(deadLetter, ['write', 'maxPending'])
  const { write, maxPending } = deadLetter as { write?: unknown; maxPending?: unknown }
  checkFunction('deadLetter.write', write)
  if (maxPending !== undefined) checkInteger('deadLetter.maxPending', maxPending, 1)
}

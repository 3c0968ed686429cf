import type { ItemError } from '../../errors.ts'
import { either, func, integer, is, options, type Rule, type Rules } from '../../options/index.ts'
import { adopt, isThenable } from '../../user-code.ts'
import type { Item } from '../flow/item.ts'
import type { HookCalls } from '../hooks/hook-calls.ts'
import type { ResumeTracker } from '../progress/resume-tracker.ts'
import type { PendingWork } from '../stages/pending-work.ts'
import type { DeadLetterStats } from '../stats/pipeline-stats.ts'
import type { DeadLetterOptions } from '../types.ts'

const deadLetterOptions = options('DeadLetterOptions', {
  write: func({ required: true }),
  maxPending: integer({ min: 1, default: 16, unit: 'calls' }),
} satisfies Rules<DeadLetterOptions>)

/** The rule of `deadLetter`. */
export const deadLetterRule: Rule<DeadLetterOptions['write'] | DeadLetterOptions, 'maybe'> = either(
  is(
    'a function, or an object of options with the function `write`',
    (value) => typeof value === 'function',
  ),
  deadLetterOptions,
)

interface Letter {
  readonly failure: ItemError
  /** In a resumable run: called with the outcome. */
  readonly onEnd: ((isDelivered: boolean) => void) | undefined
  /** Called when the item is on its way to `deadLetter`. */
  onSent: (() => void) | undefined
}

/**
 * The failed items on their way to the user's `deadLetter`. Up to `maxPending` writes are pending
 * at once. Further items wait, and each of them keeps its task's slot, which limits their number.
 */
export class DeadLetters {
  readonly mostPending: number
  /** Whether `deadLetter` is being called now. */
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

  /** `onError` is called with the reason when an item is refused. */
  constructor(
    options: DeadLetterOptions | DeadLetterOptions['write'],
    calls: HookCalls,
    onError: (error: unknown) => void,
  ) {
    const { write, maxPending } = deadLetterOptions.check(
      typeof options === 'function' ? { write: options } : options,
    )
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

  /** Number of items that were refused or are still pending. */
  get undone(): number {
    return this.#refused + this.#pending
  }

  /** The calls of `deadLetter` that have not settled. */
  get pendingWork(): readonly PendingWork[] {
    return Array.from(this.#underWay, ({ failure: { stage, index } }) => ({
      stage,
      where: undefined,
      items: [String(index)],
      what: `has a dead letter, of item ${index}, that is not answered`,
    }))
  }

  /**
   * Offers a failed item. If it must wait for others, it returns a promise that resolves when the
   * item is on its way.
   */
  post(
    failure: ItemError,
    item: Item,
    resumeTracker: ResumeTracker | undefined,
  ): Promise<void> | undefined {
    let onEnd: Letter['onEnd']
    // The item is done only after the write. Otherwise a crash before it would lose both the item
    // and the report of its failure.
    if (resumeTracker !== undefined)
      resumeTracker.endsAfter(item, new Promise<boolean>((resolve) => (onEnd = resolve)))
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

  /** Resolves when at most `left` items are unsettled, or after {@link giveUp}. */
  settled(left = 0): Promise<void> {
    if (this.#pending <= left || this.#isGivenUp) return Promise.resolve()
    return new Promise((resolve) => this.#whenSettled.push({ left, resolve }))
  }

  /** Whether there is nothing left to wait for. */
  get isSettled(): boolean {
    return this.#pending === 0 || this.#isGivenUp
  }

  /**
   * Called when the pipeline has stopped. Pending promises are no longer awaited, and waiting items
   * are not sent. They count as not done.
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

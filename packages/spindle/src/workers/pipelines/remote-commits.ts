import { show } from '../../check.ts'
import type { BuildOptions } from '../../engine/types.ts'
import { SpindleError } from '../../errors.ts'

/**
 * Number of commits that are gathered before they are reported, if no state is requested meanwhile.
 */
const MOST_UNREPORTED = 64

/**
 * Committed items: all before number `until`, and some others, by their numbers from the beginning.
 */
export interface Committed {
  readonly until: number
  readonly also: readonly number[]
}

/** Which of the taken items are committed, on the consumer's side. */
export class RemoteCommits {
  readonly #isExplicit: boolean
  readonly #report: (committed: Committed) => void
  #taken = 0
  #until = 0
  #also: number[] = []
  #last: unknown
  /** Numbers of the uncommitted items, by value, oldest first. */
  readonly #byValue: Map<unknown, number[]> = new Map()

  constructor(resumable: BuildOptions['resumable'], report: (committed: Committed) => void) {
    this.#isExplicit = typeof resumable === 'object' && resumable.commit === 'explicit'
    this.#report = report
  }

  /** The consumer requests another item. */
  asked(): void {
    if (!this.#isExplicit) this.#until = this.#taken
  }

  took(value: unknown): void {
    const number = this.#taken++
    this.#last = value
    if (!this.#isExplicit) return
    const same = this.#byValue.get(value)
    if (same === undefined) this.#byValue.set(value, [number])
    else same.push(number)
  }

  /** @throws `ERR_BAD_COMMIT` */
  commit(value: unknown): void {
    if (!this.#isExplicit && this.#until < this.#taken && this.#last === value) {
      this.#until = this.#taken
      return
    }
    const same = this.#byValue.get(value)
    const number = same?.shift()
    if (number === undefined)
      throw new SpindleError(
        'ERR_BAD_COMMIT',
        `commit() takes the same object that the pipeline has delivered, and only once, got ${show(value)}`,
      )
    if (same?.length === 0) this.#byValue.delete(value)
    this.#also.push(number)
    if (this.#also.length >= MOST_UNREPORTED) this.#report(this.unreported())
  }

  /** Commits that were not reported to the worker side yet. */
  unreported(): Committed {
    const also = this.#also
    this.#also = []
    return { until: this.#until, also }
  }
}

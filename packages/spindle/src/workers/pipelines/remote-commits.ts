import { show } from '../../check.ts'
import type { BuildOptions } from '../../engine/types.ts'
import { SpindleError } from '../../errors.ts'

/**
 * Commits that are gathered before the far side is told, where nothing is asked of it meanwhile.
 */
const MOST_UNTOLD = 64

/**
 * What the far side is told of: all items before number `until`, and some others, by their numbers
 * from the beginning.
 */
export interface Committed {
  readonly until: number
  readonly also: readonly number[]
}

/** Which of the items taken are done with, on the consumer's side. */
export class RemoteCommits {
  readonly #isExplicit: boolean
  readonly #tell: (committed: Committed) => void
  #taken = 0
  #until = 0
  #also: number[] = []
  #last: unknown
  /** Numbers of the items that are not committed, by value, the oldest first. */
  readonly #byValue: Map<unknown, number[]> = new Map()

  constructor(resumable: BuildOptions['resumable'], tell: (committed: Committed) => void) {
    this.#isExplicit = typeof resumable === 'object' && resumable.commit === 'explicit'
    this.#tell = tell
  }

  /** The consumer asks for more. */
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
        `commit() takes an item that was given and is not committed yet, the very object; got ${show(value)}`,
      )
    if (same?.length === 0) this.#byValue.delete(value)
    this.#also.push(number)
    if (this.#also.length >= MOST_UNTOLD) this.#tell(this.untold())
  }

  /** What the far side does not know yet. */
  untold(): Committed {
    const also = this.#also
    this.#also = []
    return { until: this.#until, also }
  }
}

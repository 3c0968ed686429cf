/**
 * Failed items that were reported and not yet passed to the user's `deadLetter`. Above the bound,
 * each keeps the slot of its task until an earlier one is answered.
 */
export class UnansweredLetters {
  readonly #most: number
  #count = 0
  #isGivenUp = false
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#most = most
  }

  /** Notes a reported item. Returns a promise if its task has to wait. */
  sent(): Promise<void> | undefined {
    this.#count++
    if (this.#count <= this.#most || this.#isGivenUp) return undefined
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** The main side has passed one on. */
  answered(): void {
    this.#count--
    this.#waiting.shift()?.()
  }

  /** Releases all waiting tasks after a cancellation. */
  giveUp(): void {
    this.#isGivenUp = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

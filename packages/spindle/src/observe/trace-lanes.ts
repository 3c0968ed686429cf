/** Lanes that never hold two things at once: whoever comes takes the first that is free. */
export class Lanes {
  readonly #open: (lane: number) => number
  readonly #ids: number[] = []
  readonly #free: number[] = []
  /** Ends of the stretches last put into each, for {@link place}. */
  readonly #ends: number[] = []

  /** `open` names a new lane, the n-th, and gives its id. */
  constructor(open: (lane: number) => number) {
    this.#open = open
  }

  /** A lane to be held until {@link release}. The lowest that is free, so that lanes mean slots. */
  take(): number {
    if (this.#free.length === 0) return this.#add()
    this.#free.sort((a, b) => b - a)
    return this.#free.pop() as number
  }

  release(lane: number): void {
    this.#free.push(lane)
  }

  /** The lane for a stretch that is over, told in the order of their ends. */
  place(beganAt: number, endedAt: number): number {
    let lane = this.#ends.findIndex((end) => end <= beganAt)
    if (lane < 0) lane = this.#add()
    this.#ends[lane] = endedAt
    return this.idOf(lane)
  }

  idOf(lane: number): number {
    return this.#ids[lane] as number
  }

  #add(): number {
    const lane = this.#ids.length
    this.#ids.push(this.#open(lane))
    return lane
  }
}

/** Lanes that never hold two intervals at the same time. An interval gets the first free lane. */
export class Lanes {
  readonly #open: (lane: number) => number
  readonly #ids: number[] = []
  readonly #free: number[] = []
  /** End of the last interval in each lane, for {@link place}. */
  readonly #ends: number[] = []

  /** `open` creates the n-th lane and returns its id. */
  constructor(open: (lane: number) => number) {
    this.#open = open
  }

  /** Takes the lowest free lane until {@link release}, so that lanes correspond to slots. */
  take(): number {
    if (this.#free.length === 0) return this.#add()
    this.#free.sort((a, b) => b - a)
    return this.#free.pop() as number
  }

  release(lane: number): void {
    this.#free.push(lane)
  }

  /** Finds a lane for a finished interval. Must be called in the order of the intervals' ends. */
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

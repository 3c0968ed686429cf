import type { Items, Plan } from './seek-plan.ts'

/** A run of positions that belong to one epoch of one plan. */
export interface Piece<T> {
  readonly plan: Plan<T>
  readonly epoch: number
  /** Its first position. */
  readonly start: number
  /** The position after its last one. */
  readonly end: number
}

/** The items at `positions` of plans that are joined one after another. */
export function pickPieces<T>(
  positions: Iterable<number>,
  pieceAt: (position: number) => Piece<T>,
  isAsync: boolean,
): Items<T> {
  return isAsync ? pickAsync(new Runs(positions, pieceAt)) : pickSync(new Runs(positions, pieceAt))
}

function* pickSync<T>(runs: Runs<T>): Generator<T, void, void> {
  try {
    for (let piece = runs.begin(); piece !== undefined; piece = runs.begin())
      yield* piece.plan.pick(runs.positionsIn(piece), piece.epoch) as Iterable<T>
  } finally {
    runs.close()
  }
}

async function* pickAsync<T>(runs: Runs<T>): AsyncGenerator<T, void, void> {
  try {
    for (let piece = runs.begin(); piece !== undefined; piece = runs.begin())
      yield* piece.plan.pick(runs.positionsIn(piece), piece.epoch)
  } finally {
    runs.close()
  }
}

/**
 * Cuts positions into runs of the same piece. Pulls a position only when it is needed, because
 * looking ahead may take long (see `Turns` in `pick-mixed.ts`).
 */
class Runs<T> {
  private readonly steps: Iterator<number>
  private readonly pieceAt: (position: number) => Piece<T>
  /** The next position, if it was pulled. */
  private next: IteratorResult<number> | undefined

  constructor(positions: Iterable<number>, pieceAt: (position: number) => Piece<T>) {
    this.steps = positions[Symbol.iterator]()
    this.pieceAt = pieceAt
  }

  /** The piece of the next run. */
  begin(): Piece<T> | undefined {
    const next = this.look()
    return next.done === true ? undefined : this.pieceAt(next.value)
  }

  *positionsIn({ start, end }: Piece<T>): Generator<number, void, void> {
    for (let next = this.look(); next.done !== true; next = this.look()) {
      if (next.value < start || next.value >= end) return
      this.next = undefined
      yield next.value - start
    }
  }

  close(): void {
    this.steps.return?.()
  }

  private look(): IteratorResult<number> {
    this.next ??= this.steps.next()
    return this.next
  }
}

/** What a stage's calls took while about so many were under way. */
export interface LevelSums {
  /** Calls that were timed. */
  readonly total: number
  /** The first of these, at most 64: the sums are theirs. Those of few calls are seen at the beginning, and only what is of the same time compares. */
  readonly calls: number
  /** How many calls were under way when each began, it included. */
  readonly running: number
  /** Milliseconds, and their squares. */
  readonly ms: number
  readonly squares: number
}

const MOST_CALLS = 64
/** Up to so many under way each number has a level of its own; above, four share each doubling. */
const EXACT = 8
const LEVELS = 40

/** Sums up what calls take by how many are under way when they begin. */
export class Levels {
  readonly #levels: { -readonly [K in keyof LevelSums]: number }[] = []

  add(running: number, ms: number): void {
    const at = levelOf(running)
    this.#levels[at] ??= { total: 0, calls: 0, running: 0, ms: 0, squares: 0 }
    const level = this.#levels[at] as { -readonly [K in keyof LevelSums]: number }
    level.total++
    if (level.calls === MOST_CALLS) return
    level.calls++
    level.running += running
    level.ms += ms
    level.squares += ms * ms
  }

  /** Those with calls, fewest under way first. */
  read(): readonly LevelSums[] {
    return this.#levels.flatMap((level) => ({ ...level }))
  }
}

function levelOf(running: number): number {
  if (running <= EXACT) return running
  return Math.min(LEVELS, EXACT + Math.ceil(4 * Math.log2(running / EXACT)))
}

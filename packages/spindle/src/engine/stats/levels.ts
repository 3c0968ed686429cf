/** What a stage's calls took while about so many were under way. */
export interface LevelSums {
  /** Calls that were timed. */
  readonly total: number
  /**
   * The first of these, at most 64: the sums are theirs. Those of few calls are seen at the
   * beginning, and only what is of the same time compares.
   */
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
/** Numbers of a level in a message: its place, and the five sums. */
const FIELDS = 6

type Level = { -readonly [K in keyof LevelSums]: number }

/** Sums up what calls take by how many are under way when they begin. */
export class Levels {
  readonly #levels: Level[] = []
  readonly #told: Level[] = []

  add(running: number, ms: number): void {
    const level = this.#levelAt(levelOf(running))
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

  /** What has come since the last call of this, as numbers for a message. */
  news(): number[] {
    return this.#levels.flatMap((level, at) => {
      const told = this.#told[at] ?? nothing()
      if (level.total === told.total) return []
      this.#told[at] = { ...level }
      const { total, calls, running, ms, squares } = level
      return [
        at,
        total - told.total,
        calls - told.calls,
        running - told.running,
        ms - told.ms,
        squares - told.squares,
      ]
    })
  }

  /** Adds what another place has told by {@link news}. */
  merge(news: readonly number[]): void {
    for (let i = 0; i < news.length; i += FIELDS) {
      const [at = 0, total = 0, calls = 0, running = 0, ms = 0, squares = 0] = news.slice(
        i,
        i + FIELDS,
      )
      const level = this.#levelAt(at)
      level.total += total
      level.calls += calls
      level.running += running
      level.ms += ms
      level.squares += squares
    }
  }

  #levelAt(at: number): Level {
    this.#levels[at] ??= nothing()
    return this.#levels[at] as Level
  }
}

function nothing(): Level {
  return { total: 0, calls: 0, running: 0, ms: 0, squares: 0 }
}

function levelOf(running: number): number {
  if (running <= EXACT) return running
  return Math.min(LEVELS, EXACT + Math.ceil(4 * Math.log2(running / EXACT)))
}

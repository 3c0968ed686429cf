/** The durations of a stage's calls while about the same number of calls was running. */
export interface LevelSums {
  /** Number of timed calls. */
  readonly total: number
  /**
   * Number of calls in the sums: the first ones, at most 64. Times with few calls occur at the
   * beginning, and only durations from the same time are comparable.
   */
  readonly calls: number
  /** Sum of the calls that were running when each call began, including itself. */
  readonly running: number
  /** Sum of the durations in milliseconds, and sum of their squares. */
  readonly ms: number
  readonly squares: number
}

const MOST_CALLS = 64
/**
 * Up to this number of running calls, each number has its own level. Above, each doubling has four
 * levels.
 */
const EXACT = 8
const LEVELS = 40
/** Numbers per level in a message: its index and the five sums. */
const FIELDS = 6

type Level = { -readonly [K in keyof LevelSums]: number }

/** Sums the durations of calls by how many calls are running when they begin. */
export class Levels {
  readonly #levels: Level[] = []
  readonly #sent: Level[] = []

  add(running: number, ms: number): void {
    const level = this.#levelAt(levelOf(running))
    level.total++
    if (level.calls === MOST_CALLS) return
    level.calls++
    level.running += running
    level.ms += ms
    level.squares += ms * ms
  }

  /** The levels with calls, fewest running calls first. */
  read(): readonly LevelSums[] {
    return this.#levels.flatMap((level) => ({ ...level }))
  }

  /** The changes since the previous call of this method, as numbers for a message. */
  news(): number[] {
    return this.#levels.flatMap((level, at) => {
      const sent = this.#sent[at] ?? nothing()
      if (level.total === sent.total) return []
      this.#sent[at] = { ...level }
      const { total, calls, running, ms, squares } = level
      return [
        at,
        total - sent.total,
        calls - sent.calls,
        running - sent.running,
        ms - sent.ms,
        squares - sent.squares,
      ]
    })
  }

  /** Adds the changes that another place reported by {@link news}. */
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

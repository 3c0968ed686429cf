/** A place in the code that held the event loop, and how often. */
export interface LoopBlock extends LoopPlace {
  /** How often. */
  readonly count: number
  /** How long, in milliseconds: together, and the longest. Good to a few milliseconds. */
  readonly totalMs: number
  readonly longestMs: number
  /**
   * What other stages lost: the length of each block times the calls they had in flight, in
   * slot-milliseconds. At most so much.
   */
  readonly lostMs: number
  /**
   * The stack at the longest, innermost first: `function (file:line)`. Empty where none could be
   * read.
   */
  readonly stack: readonly string[]
}

/**
 * What kind of code held the loop. `'crossing'`: an item or result was packed or unpacked on its
 * way to or from a worker. `'sending'`: the pipeline runs in a worker or process, and its items
 * were packed for the consumer. `'hook'`: a task hook, or a function of the options that listens.
 */
export type LoopPart =
  | 'op'
  | 'source'
  | 'aggregator'
  | 'router'
  | 'merge'
  | 'hook'
  | 'crossing'
  | 'sending'

/** Whose code held the loop, and where. */
export interface LoopPlace {
  /**
   * Code of a stage or begun by a call of one (in a timer or `setImmediate`, say), of whoever
   * consumes the pipeline, or some other of the program.
   */
  readonly place: 'stage' | 'consumer' | 'other'
  /**
   * What kind of code it was; `undefined` for the consumer's, and for code that is not the
   * pipeline's.
   */
  readonly part: LoopPart | undefined
  /** Name of the stage; `'consumer'`; `undefined` for other code. */
  readonly stage: string | undefined
  /**
   * The innermost function of the user's own code that was running, or what was done if there was
   * none.
   */
  readonly function: string
  /** `file:line` in the source; `undefined` where no stack could be read. */
  readonly where: string | undefined
}

/** What one block, or more of a block that was told of before, adds. */
export interface LoopHold {
  /** 1 for a block, 0 for more of one. */
  readonly count: number
  readonly addedMs: number
  /** Length of the whole block. */
  readonly lengthMs: number
  readonly lostMs: number
  readonly stack: readonly string[]
}

/**
 * The blocks of one pipeline's loop. Written by whoever watches the loop; the engine only reads it
 * out.
 */
export class LoopBlocks {
  /** Called before the blocks are read: whoever watches may bring them up to date. */
  refresh: () => void = () => {}
  readonly #blocks: Map<string, LoopBlock> = new Map()

  add(at: LoopPlace, hold: LoopHold): void {
    const key = keyOf(at)
    const known = this.#blocks.get(key) ?? {
      ...at,
      count: 0,
      totalMs: 0,
      longestMs: 0,
      lostMs: 0,
      stack: [],
    }
    const isLongest = hold.lengthMs > known.longestMs
    this.#blocks.set(key, {
      ...known,
      // Where no stack could be read, the place is that of the stage: worse than the line itself.
      where: hold.stack.length > 0 && known.stack.length === 0 ? at.where : known.where,
      count: known.count + hold.count,
      totalMs: known.totalMs + hold.addedMs,
      longestMs: Math.max(known.longestMs, hold.lengthMs),
      lostMs: known.lostMs + hold.lostMs,
      stack:
        hold.stack.length > 0 && (isLongest || known.stack.length === 0) ? hold.stack : known.stack,
    })
  }

  /** What was counted for one place turns out to belong to another. */
  move(from: LoopPlace, to: LoopPlace): void {
    const key = keyOf(from)
    const moved = this.#blocks.get(key)
    if (moved === undefined || key === keyOf(to)) return
    this.#blocks.delete(key)
    const { count, totalMs: addedMs, longestMs: lengthMs, lostMs, stack } = moved
    this.add(to, { count, addedMs, lengthMs, lostMs, stack })
  }

  /** All of them, those that held the loop longest together first. */
  read(): readonly LoopBlock[] {
    this.refresh()
    return [...this.#blocks.values()].sort((a, b) => b.totalMs - a.totalMs)
  }
}

/**
 * What was added from one reading to a later one. What has been moved meanwhile was counted before,
 * for another place.
 */
export function blocksBetween(
  before: readonly LoopBlock[],
  after: readonly LoopBlock[],
): readonly LoopBlock[] {
  const places = new Set(after.map(keyOf))
  return after.flatMap((block) => {
    const isEarlier = (other: LoopBlock): boolean =>
      keyOf(other) === keyOf(block) ||
      (!places.has(keyOf(other)) && codeOf(other) === codeOf(block))
    const earlier = before.filter(isEarlier)
    const since = (of: (one: LoopBlock) => number): number =>
      of(block) - earlier.reduce((sum, one) => sum + of(one), 0)
    const totalMs = since((one) => one.totalMs)
    const count = Math.max(
      0,
      since((one) => one.count),
    )
    return totalMs > 0 ? [{ ...block, count, totalMs, lostMs: since((one) => one.lostMs) }] : []
  })
}

/** A function is one place, whichever of its lines was found. */
function keyOf({ place, part, stage, function: name, where }: LoopPlace): string {
  return JSON.stringify([place, part, stage, name, fileOf(where)])
}

function codeOf({ function: name, where }: LoopPlace): string {
  return JSON.stringify([name, fileOf(where)])
}

function fileOf(where: string | undefined): string | undefined {
  return where?.replace(/:\d+$/, '')
}

/** A place in the code that blocked the event loop, and for how long. */
export interface LoopBlock extends LoopPlace {
  /** Number of blocks. */
  readonly count: number
  /** Duration in milliseconds: the total, and the longest. Accurate to a few milliseconds. */
  readonly totalMs: number
  readonly longestMs: number
  /**
   * Upper bound of what other stages lost, in slot-milliseconds: the length of each block times
   * their calls in flight.
   */
  readonly lostMs: number
  /**
   * The stack at the longest block, innermost frame first: `function (file:line)`. Empty if no
   * stack could be read.
   */
  readonly stack: readonly string[]
}

/**
 * The kind of code that blocked the event loop. `'crossing'`: an item or result was packed or
 * unpacked on its way to or from a worker. `'sending'`: the pipeline runs in a worker or process,
 * and its items were packed for the consumer. `'hook'`: a task hook, or a function of the options
 * that listens.
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

/** Identifies code that blocked the event loop. */
export interface LoopPlace {
  /**
   * `'stage'`: code of a stage, or code that its call started (in a timer or `setImmediate`, for
   * example). `'consumer'`: code that consumes the pipeline. `'other'`: other code of the program.
   */
  readonly place: 'stage' | 'consumer' | 'other'
  /** The kind of code. `undefined` for the consumer's code and for code outside the pipeline. */
  readonly part: LoopPart | undefined
  /** Name of the stage, or `'consumer'`. `undefined` for other code. */
  readonly stage: string | undefined
  /** The innermost running function of the user's code. If there was none, what was being done. */
  readonly function: string
  /** `file:line` in the source. `undefined` if no stack could be read. */
  readonly where: string | undefined
}

/** The addition of one block, or of a further part of a block reported before. */
export interface LoopHold {
  /** 1 for a new block, 0 for a further part. */
  readonly count: number
  readonly addedMs: number
  /** Length of the whole block. */
  readonly lengthMs: number
  readonly lostMs: number
  readonly stack: readonly string[]
}

/**
 * The blocks of one pipeline's event loop. The loop guard writes them; the engine only reads them.
 */
export class LoopBlocks {
  /** Called before the blocks are read, so that the guard can bring them up to date. */
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
      // Without a stack, the place is that of the stage, which is less exact than the line.
      where: hold.stack.length > 0 && known.stack.length === 0 ? at.where : known.where,
      count: known.count + hold.count,
      totalMs: known.totalMs + hold.addedMs,
      longestMs: Math.max(known.longestMs, hold.lengthMs),
      lostMs: known.lostMs + hold.lostMs,
      stack:
        hold.stack.length > 0 && (isLongest || known.stack.length === 0) ? hold.stack : known.stack,
    })
  }

  /** Moves what was counted for one place to another, when the right place becomes known. */
  move(from: LoopPlace, to: LoopPlace): void {
    const key = keyOf(from)
    const moved = this.#blocks.get(key)
    if (moved === undefined || key === keyOf(to)) return
    this.#blocks.delete(key)
    const { count, totalMs: addedMs, longestMs: lengthMs, lostMs, stack } = moved
    this.add(to, { count, addedMs, lengthMs, lostMs, stack })
  }

  /** All blocks, sorted by total time, longest first. */
  read(): readonly LoopBlock[] {
    this.refresh()
    return [...this.#blocks.values()].sort((a, b) => b.totalMs - a.totalMs)
  }
}

/**
 * The additions between two readings. Blocks that were moved in between were counted for another
 * place before.
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

import type { Items, Plan } from '../seek/seek-plan.ts'
import type { MixCursor } from './mix-order.ts'

/** The items at `positions` of a mix. */
export function pickMixed<T>(
  plans: readonly Plan<T>[],
  positions: Iterable<number>,
  cursor: MixCursor,
  epoch: number,
  isAsync: boolean,
): Items<T> {
  const turns = new Turns(plans.length, positions, cursor)
  const items = plans.map((plan, source) => plan.pick(turns.positionsOf(source), epoch))
  return isAsync ? giveAsync(items, turns) : giveSync(items as Iterable<T>[], turns)
}

function* giveSync<T>(items: readonly Iterable<T>[], turns: Turns): Generator<T, void, void> {
  const steps = items.map((some) => some[Symbol.iterator]())
  try {
    for (let source = turns.shift(); source !== -1; source = turns.shift()) {
      const step = steps[source]!.next()
      if (step.done === true) return
      yield step.value
    }
  } finally {
    for (const some of steps) some.return?.()
    turns.close()
  }
}

async function* giveAsync<T>(
  items: readonly Items<T>[],
  turns: Turns,
): AsyncGenerator<T, void, void> {
  const steps = items.map((some) =>
    Symbol.asyncIterator in some ? some[Symbol.asyncIterator]() : some[Symbol.iterator](),
  )
  try {
    for (let source = turns.shift(); source !== -1; source = turns.shift()) {
      const step = await steps[source]!.next()
      if (step.done === true) return
      yield step.value
    }
  } finally {
    for (const some of steps) await some.return?.()
    turns.close()
  }
}

/**
 * Gives the source of each position to the mix, and the positions of its items to each source. A
 * source that reads ahead makes later turns known, which are kept until the mix takes them. Their
 * number is what the source reads ahead, times the sum of all weights divided by its own.
 */
class Turns {
  private readonly positions: Iterator<number>
  private readonly cursor: MixCursor
  /** Numbers of sources, in the order of turns. */
  private readonly turns = new Fifo()
  /** Positions wanted from each source. */
  private readonly wanted: readonly Fifo[]

  constructor(count: number, positions: Iterable<number>, cursor: MixCursor) {
    this.positions = positions[Symbol.iterator]()
    this.cursor = cursor
    this.wanted = Array.from({ length: count }, () => new Fifo())
  }

  /** Number of the source that has the next turn; -1 after the last turn. */
  shift(): number {
    return this.turns.size > 0 || this.look() ? this.turns.shift() : -1
  }

  *positionsOf(source: number): Generator<number, void, void> {
    const wanted = this.wanted[source]!
    for (;;) {
      while (wanted.size === 0) if (!this.look()) return
      yield wanted.shift()
    }
  }

  close(): void {
    this.positions.return?.()
  }

  private look(): boolean {
    const step = this.positions.next()
    if (step.done === true) return false
    this.cursor.seek(step.value)
    const source = this.cursor.next()
    this.turns.push(source)
    this.wanted[source]!.push(this.cursor.countOf(source) - 1)
    return true
  }
}

/** A queue of numbers. */
class Fifo {
  private items: number[] = []
  private head = 0

  get size(): number {
    return this.items.length - this.head
  }

  push(item: number): void {
    this.items.push(item)
  }

  shift(): number {
    const item = this.items[this.head++]!
    if (this.head === this.items.length) {
      this.items.length = 0
      this.head = 0
    } else if (this.head === 4096) {
      this.items = this.items.slice(4096)
      this.head = 0
    }
    return item
  }
}

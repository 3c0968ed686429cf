import type { Items, Plan } from '../seek/seek-plan.ts'
import type { Blocks } from './blocks.ts'

/**
 * The items at `positions` of a source that is shuffled in blocks. The wanted items of a block are
 * read in ascending order, held, and given in the block's order. `positions` is pulled up to the
 * end of a block.
 */
export function pickBlocks<T>(
  plan: Plan<T>,
  positions: Iterable<number>,
  blocks: Blocks,
  epoch: number,
): Items<T> {
  const wants = new Wants(positions, blocks, plan.size !== undefined)
  const items = plan.pick(wants.toRead(), epoch)
  return plan.isAsync
    ? giveAsync(items as AsyncIterable<T>, wants)
    : giveSync((items as Iterable<T>)[Symbol.iterator](), wants)
}

function* giveSync<T>(steps: Iterator<T>, wants: Wants): Generator<T, void, void> {
  try {
    for (;;) {
      const held: T[] = []
      let step = steps.next()
      if (step.done === true) return
      const want = wants.shift()
      for (held.push(step.value); held.length < want.count; held.push(step.value)) {
        step = steps.next()
        if (step.done === true) break
      }
      for (const index of want.orderOf(held.length)) yield held[index] as T
    }
  } finally {
    steps.return?.()
  }
}

async function* giveAsync<T>(items: AsyncIterable<T>, wants: Wants): AsyncGenerator<T, void, void> {
  let held: T[] = []
  let want: Want | undefined
  for await (const item of items) {
    want ??= wants.shift()
    held.push(item)
    if (held.length < want.count) continue
    for (const index of want.orderOf(held.length)) yield held[index] as T
    held = []
    want = undefined
  }
  if (want !== undefined) for (const index of want.orderOf(held.length)) yield held[index] as T
}

/** What is read of one block, and the order in which it is given. */
interface Want {
  /** Number of items to read; fewer are read if the source ends. */
  readonly count: number
  /** The order in which `read` items are given, as indices into them. */
  orderOf(read: number): Iterable<number>
}

/** Turns the wanted positions into positions to read, block by block. */
class Wants {
  private readonly positions: Iterable<number>
  private readonly blocks: Blocks
  private readonly isSizeKnown: boolean
  /** The blocks that are being read. */
  private readonly queue: Want[] = []

  constructor(positions: Iterable<number>, blocks: Blocks, isSizeKnown: boolean) {
    this.positions = positions
    this.blocks = blocks
    this.isSizeKnown = isSizeKnown
  }

  shift(): Want {
    return this.queue.shift()!
  }

  /** The positions to read, ascending within each block. */
  *toRead(): Generator<number, void, void> {
    let wanted: number[] = []
    let [start, end] = [0, 0]
    for (const position of this.positions) {
      if (position < start || position >= end) {
        if (wanted.length > 0) yield* this.read(start, end, wanted)
        wanted = []
        start = this.blocks.startOf(position)
        end = this.blocks.endOf(start)
      }
      wanted.push(position)
      // The whole block is wanted, so the next position need not be pulled.
      if (position === end - 1) {
        yield* this.read(start, end, wanted)
        wanted = []
        end = start
      }
    }
    if (wanted.length > 0) yield* this.read(start, end, wanted)
  }

  private read(start: number, end: number, wanted: readonly number[]): Iterable<number> {
    return this.isSizeKnown ? this.readWanted(start, end, wanted) : this.readAll(start, end, wanted)
  }

  /** Reads only the wanted items. */
  private *readWanted(
    start: number,
    end: number,
    wanted: readonly number[],
  ): Generator<number, void, void> {
    const order = this.blocks.orderOf(start, end - start)
    const sources = wanted.map((position) => order.at(position - start))
    const rising = sources.map((_, index) => index).sort((a, b) => sources[a]! - sources[b]!)
    const places = new Array<number>(rising.length)
    for (const [place, index] of rising.entries()) places[index] = place
    this.queue.push({ count: wanted.length, orderOf: () => places })
    for (const index of rising) yield start + sources[index]!
  }

  /** Reads the whole block, because its length is only known after reading it. */
  private *readAll(
    start: number,
    end: number,
    wanted: readonly number[],
  ): Generator<number, void, void> {
    const { blocks } = this
    this.queue.push({
      count: end - start,
      *orderOf(read) {
        const order = blocks.orderOf(start, read)
        for (const position of wanted) if (position - start < read) yield order.at(position - start)
      },
    })
    for (let position = start; position < end; position++) yield position
  }
}

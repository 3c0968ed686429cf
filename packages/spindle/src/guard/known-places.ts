import type { PlacedBlock } from './block-place.ts'
import type { BlockMessage } from './watch-protocol.ts'

/**
 * Number of blocks of the same code that must have the same owner before it is assumed for further
 * blocks without the async context.
 */
const AGREEING = 3

/** The lengths of a block; see `BlockMessage`. */
export type Lengths = Pick<BlockMessage, 'ms' | 'workMs'>

interface Known {
  /**
   * The common owner of all blocks so far. `undefined` after two have differed, because several
   * stages share the code.
   */
  block: PlacedBlock | undefined
  count: number
  isMixed: boolean
  /** Blocks counted for an uncertain place, which are moved when the right place is known. */
  readonly unsure: { readonly block: PlacedBlock; ms: number; workMs: number; seen: number }[]
}

/** Blocks that were counted for a place before their owner was known. */
export interface Unsure extends Lengths {
  readonly block: PlacedBlock
  readonly seen: number
}

/**
 * What a pipeline knows about code whose owner the stack does not show: which stage's call started
 * it, by function and file.
 */
export class KnownPlaces {
  readonly #known: Map<string, Known> = new Map()

  /** Whether the owner of this code is not known yet, or differs between blocks. */
  isOpen(block: PlacedBlock): boolean {
    const known = this.#known.get(block.code)
    return known === undefined || known.isMixed || known.count < AGREEING
  }

  /** The block with the owner that is known for its code. */
  resolved(block: PlacedBlock): PlacedBlock {
    const known = this.#known.get(block.code)
    if (block.isSure || known?.block === undefined || this.isOpen(block)) return block
    const { at, owner } = known.block
    return { ...block, at, owner, isSure: true }
  }

  /**
   * Records a block with an uncertain place. Returns the sum of the blocks recorded for that place.
   */
  doubt(block: PlacedBlock, added: Lengths, isOver: boolean): Unsure {
    const { unsure } = this.#of(block)
    let noted = unsure.find(
      (one) => one.block.at.place === block.at.place && one.block.owner === block.owner,
    )
    if (noted === undefined) {
      noted = { block, ms: 0, workMs: 0, seen: 0 }
      unsure.push(noted)
    }
    noted.ms += added.ms
    noted.workMs += added.workMs
    if (isOver) noted.seen++
    return noted
  }

  /**
   * Records a block whose place the async context has shown. Returns the uncertain blocks of the
   * same code, which belong to that place too, unless several stages share the code.
   */
  learn(block: PlacedBlock): readonly Unsure[] {
    const known = this.#of(block)
    if (known.block === undefined && !known.isMixed) known.block = block
    else if (known.block !== undefined && !isSamePlace(known.block, block)) {
      known.block = undefined
      known.isMixed = true
    }
    known.count++
    return known.isMixed ? [] : known.unsure.splice(0)
  }

  #of(block: PlacedBlock): Known {
    const { code } = block
    let known = this.#known.get(code)
    if (known === undefined) {
      known = { block: undefined, count: 0, isMixed: false, unsure: [] }
      this.#known.set(code, known)
    }
    return known
  }
}

function isSamePlace(one: PlacedBlock, other: PlacedBlock): boolean {
  return (
    one.at.place === other.at.place && one.owner === other.owner && one.at.part === other.at.part
  )
}

import type { PlacedBlock } from './block-place.ts'
import type { BlockMessage } from './watch-protocol.ts'

/**
 * Blocks of the same code that must agree on whose it is, until that is believed without a look at
 * the async context.
 */
const AGREEING = 3

/** How long blocks were together; see `BlockMessage`. */
export type Lengths = Pick<BlockMessage, 'ms' | 'workMs'>

interface Known {
  /**
   * The one that all so far have been of; `undefined` once two have differed: code that several
   * share.
   */
  block: PlacedBlock | undefined
  count: number
  isMixed: boolean
  /** What was counted for a place that is not sure, to be moved when it is. */
  readonly unsure: { readonly block: PlacedBlock; ms: number; workMs: number; seen: number }[]
}

/** Blocks that were counted for a place before it was known whose they are. */
export interface Unsure extends Lengths {
  readonly block: PlacedBlock
  readonly seen: number
}

/**
 * What a pipeline has found out about code that no stack gives to a stage: whose call began it. By
 * function and file.
 */
export class KnownPlaces {
  readonly #known: Map<string, Known> = new Map()

  /** Whether it is not known yet, or never will be once for all, whose blocks of this code are. */
  isOpen(block: PlacedBlock): boolean {
    const known = this.#known.get(block.code)
    return known === undefined || known.isMixed || known.count < AGREEING
  }

  /** The block as it is known by others of the same code. */
  resolved(block: PlacedBlock): PlacedBlock {
    const known = this.#known.get(block.code)
    if (block.isSure || known?.block === undefined || this.isOpen(block)) return block
    const { at, owner } = known.block
    return { ...block, at, owner, isSure: true }
  }

  /** Notes a block whose place is not sure. Returns what was noted of that code so far. */
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
   * A block's place has been found by its async context. Returns the unsure ones of the same code,
   * which belong there too, unless several share it.
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

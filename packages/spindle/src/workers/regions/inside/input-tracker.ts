import type { Item, Path, SourceEpoch } from '../../../engine/flow/item.ts'
import {
  Lot,
  LotLedger,
  type LotListener,
  rootsOf,
  TrackedItem,
} from '../../../engine/progress/ledger.ts'
import type { ItemError } from '../../../errors.ts'
import { toWire } from '../../transport/wire-error.ts'
import {
  BATCH,
  type BatchPart,
  CALLS,
  COVERED,
  DONE,
  FAILED,
  OUTPUT,
  PART,
  PART_OF_BATCH,
  PART_OF_SEVERAL,
  type PartKind,
} from '../region-protocol.ts'

/** The pending group of an input. */
class Root extends Lot {
  readonly seq: number
  /** Number of positions in the input's own path. */
  readonly depth: number
  readonly covered: ReadonlySet<string> | undefined
  /** Whether the main side knows that the input is done, or the next message says so. */
  isTold = false

  constructor(
    listener: LotListener,
    seq: number,
    depth: number,
    covered: readonly string[] | undefined,
  ) {
    super(listener)
    this.seq = seq
    this.depth = depth
    this.covered = covered === undefined ? undefined : new Set(covered)
  }
}

/** Receives the reports of an input tracker. */
export interface InputTrackerOwner {
  /** Reports what has happened, in one message. */
  tell(...entries: (readonly unknown[])[]): void
  /** A result is about to be reported. */
  gave(): void
}

/**
 * Tracks the inputs of a worker and reports their results to the main side.
 *
 * Results of a single input are reported at once, identified by the positions that generators have
 * added to its path. The main side notes these parts. Results of a batch are reported when the
 * whole batch is done, together with the parts that were joined in it. So if an input is run again,
 * in another batch, no part of it is given twice or lost.
 */
export class InputTracker implements LotListener {
  isCareful = false
  /** Number of batches of which some parts were given in a later batch and others were not. */
  entangled = 0
  readonly #owner: InputTrackerOwner
  readonly #ledger: LotLedger
  /** The reports of batches that are not done yet. */
  readonly #held: Map<Lot, (readonly unknown[])[]> = new Map()
  readonly #entangled: Set<Lot> = new Set()
  #origin: SourceEpoch | undefined

  constructor(owner: InputTrackerOwner) {
    this.#owner = owner
    const book = this
    this.#ledger = new (class extends LotLedger {
      override joined(first: Item, value: unknown, members: readonly Item[]): Item {
        const item = super.joined(first, value, members) as TrackedItem
        if (book.isCareful) owner.tell([CALLS, seqsOf(item.lot)])
        return item
      }
    })(this)
  }

  /** The source epoch of items with this source and epoch. */
  origin(source: number, epoch: number): SourceEpoch {
    const last = this.#origin
    if (last !== undefined && last.source === source && last.epoch === epoch) return last
    this.#origin = { source, epoch, ledger: this.#ledger }
    return this.#origin
  }

  /** Source epoch of the last item. */
  get lastOrigin(): SourceEpoch {
    return this.#origin ?? this.origin(0, 0)
  }

  /** Makes the item of an arrived input. */
  born(input: {
    readonly seq: number
    readonly value: unknown
    readonly origin: SourceEpoch
    readonly index: number
    readonly positions: readonly number[] | undefined
    readonly covered: readonly string[] | undefined
  }): Item {
    const { seq, value, origin, index, positions = [], covered } = input
    let path: Path | undefined
    for (const position of positions) path = { parent: path, position, group: undefined }
    return new TrackedItem(
      value,
      origin,
      index,
      path,
      new Root(this, seq, positions.length, covered),
    )
  }

  /** Handles a result. Returns whether it is reported now. */
  gives(item: TrackedItem): boolean {
    const { lot, value } = item
    if (!(lot instanceof Root)) {
      const { source, epoch } = item.origin
      this.#hold(lot, [
        BATCH,
        undefined,
        source,
        epoch,
        item.index,
        positionsOf(item.path, 0),
        value,
      ])
      lot.leave()
      return false
    }
    const positions = positionsOf(item.path, lot.depth)
    const isNew = lot.covered?.has(textOf(positions)) !== true
    if (isNew) {
      lot.isTold = lot.pending === 1
      this.#tell([OUTPUT, lot.seq, positions, value, lot.isTold])
    }
    lot.leave()
    return isNew
  }

  /**
   * Handles a failed item. Returns whether it is reported now; failures in a batch are reported
   * when the whole batch is done.
   */
  failed(stage: number, { index, attempts, error, item: input }: ItemError, item: Item): boolean {
    const entry = [FAILED, [], undefined, stage, index, attempts, toWire(error), input]
    if (!(item instanceof TrackedItem)) this.#owner.tell(entry)
    else if (item.lot instanceof Root) {
      entry[1] = [item.lot.seq]
      entry[2] = textOf(positionsOf(item.path, item.lot.depth))
      this.#owner.tell(entry)
      return true
    } else this.#hold(item.lot, entry)
    return false
  }

  #hold(lot: Lot, entry: readonly unknown[]): void {
    const held = this.#held.get(lot)
    if (held === undefined) this.#held.set(lot, [entry])
    else held.push(entry)
  }

  #tell(entry: readonly unknown[]): void {
    this.#owner.gave()
    this.#owner.tell(entry)
  }

  closed(lot: Lot): void {
    if (lot instanceof Root) {
      if (!lot.isTold) this.#owner.tell([DONE, lot.seq])
      return
    }
    if (this.#entangled.delete(lot)) this.entangled--
    const held = this.#held.get(lot)
    if (held !== undefined) {
      this.#held.delete(lot)
      this.#entangle(lot)
    }
    this.#owner.tell(...this.#results(lot, held ?? []), ...this.#parts(lot))
  }

  /** The results of a batch that is done. */
  #results(lot: Lot, held: readonly (readonly unknown[])[]): (readonly unknown[])[] {
    const seqs = seqsOf(lot)
    const isOne = held.length === 1
    return held.map((entry) => {
      if (entry[0] !== BATCH) return entry.with(1, seqs)
      this.#owner.gave()
      return [BATCH, seqs, ...entry.slice(2), partsOf(lot, isOne)]
    })
  }

  /**
   * The parts of inputs that were joined in the batch, for inputs that are not completely done with
   * it.
   */
  #parts(lot: Lot): (readonly unknown[])[] {
    return (lot.members ?? []).flatMap(({ lot: root, path }) =>
      root instanceof Root && root.pending > 1
        ? [[COVERED, root.seq, textOf(positionsOf(path, root.depth))]]
        : [],
    )
  }

  /**
   * Notes the earlier batches of which this batch contains a part while other parts are in
   * progress.
   */
  #entangle(lot: Lot): void {
    const parts = new Map<Lot, number>()
    for (const { lot: earlier } of lot.members ?? []) {
      if (earlier.members !== undefined) parts.set(earlier, (parts.get(earlier) ?? 0) + 1)
    }
    for (const [earlier, count] of parts) {
      if (earlier.pending <= count || this.#entangled.has(earlier)) continue
      this.#entangled.add(earlier)
      this.entangled++
    }
  }

  isCovered(item: TrackedItem): boolean {
    const { lot } = item
    return (
      lot instanceof Root && lot.covered?.has(textOf(positionsOf(item.path, lot.depth))) === true
    )
  }
}

/** Number of an item's input; -1 if it comes from several. */
export function seqOf(item: Item): number {
  const lot = item instanceof TrackedItem ? item.lot : undefined
  return lot instanceof Root ? lot.seq : -1
}

function seqsOf(lot: Lot): number[] {
  const seqs: number[] = []
  for (const root of rootsOf(lot)) if (root instanceof Root) seqs.push(root.seq)
  return seqs
}

/**
 * The parts that were joined in a batch; `undefined`: all of its inputs, unchanged. See
 * {@link BatchPart}.
 */
function partsOf(lot: Lot, isOne: boolean): BatchPart[] | undefined {
  const parts: BatchPart[] = []
  let isPlain = isOne
  const add = (batch: Lot, kind: PartKind): void => {
    for (const { lot: root, path } of batch.members ?? []) {
      if (root instanceof Root) {
        const positions = positionsOf(path, root.depth)
        if (positions !== undefined) isPlain = false
        parts.push([root.seq, kind, ...(positions ?? [])])
      } else {
        isPlain = false
        add(root, kind === PART ? PART_OF_BATCH : kind)
      }
    }
  }
  add(lot, isOne ? PART : PART_OF_SEVERAL)
  return isPlain ? undefined : parts
}

/**
 * The positions in a path below the first `depth`, outermost first; `undefined` if there are none.
 */
function positionsOf(path: Path | undefined, depth: number): number[] | undefined {
  if (path === undefined) return undefined
  const positions: number[] = []
  for (let at: Path | undefined = path; at !== undefined; at = at.parent)
    positions.push(at.position)
  const below = positions.reverse().slice(depth)
  return below.length === 0 ? undefined : below
}

function textOf(positions: readonly number[] | undefined): string {
  return positions?.join('.') ?? ''
}

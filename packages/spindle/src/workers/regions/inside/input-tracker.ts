import { type Item, type Path, positionsOf, type SourceEpoch } from '../../../engine/flow/item.ts'
import {
  BatchGroup,
  end,
  GroupLedger,
  PendingGroup,
  TrackedItem,
} from '../../../engine/progress/pending-group.ts'
import type { ItemError } from '../../../errors.ts'
import { toWire } from '../../transport/wire-error.ts'
import {
  BATCH,
  type BatchPart,
  CALLS,
  COVERED,
  INPUT_DONE,
  ITEM_FAILED,
  PART,
  PART_OF_BATCH,
  PART_OF_SEVERAL,
  type PartKind,
  RESULT,
} from '../region-protocol.ts'

/** The pending group of an input. */
class InputGroup extends PendingGroup {
  readonly seq: number
  /** Number of positions in the input's own path. */
  readonly depth: number
  /** Whether the main side knows that the input is done, or the next message says so. */
  isReported = false
  readonly #owner: InputTrackerOwner

  constructor(
    owner: InputTrackerOwner,
    seq: number,
    depth: number,
    covered: readonly string[] | undefined,
  ) {
    super(covered && new Set(covered))
    this.#owner = owner
    this.seq = seq
    this.depth = depth
  }

  /** The positions that generators have added to the path of the input. */
  positionsOf(path: Path | undefined): number[] | undefined {
    if (path === undefined) return undefined
    const positions = positionsOf(path, this.depth)
    return positions.length === 0 ? undefined : positions
  }

  /** Those positions as text. It names a part of the input. */
  partAt(path: Path | undefined): string {
    return positionsOf(path, this.depth).join('.')
  }

  override isCovered(path: Path | undefined): boolean {
    return this.covered?.has(this.partAt(path)) === true
  }

  protected override rests(): void {}

  protected override wakes(): void {}

  protected override closes(): void {
    if (!this.isReported) this.#owner.send([INPUT_DONE, this.seq])
  }
}

/** Receives the reports of an input tracker. */
export interface InputTrackerOwner {
  /** Reports what has happened, in one message. */
  send(...entries: (readonly unknown[])[]): void
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
export class InputTracker extends GroupLedger {
  isIsolating = false
  /** Number of batches of which some parts were given in a later batch and others were not. */
  entangled = 0
  readonly #owner: InputTrackerOwner
  /** The reports of batches that are not done yet. */
  readonly #held: Map<BatchGroup, (readonly unknown[])[]> = new Map()
  readonly #entangled: Set<PendingGroup> = new Set()
  #origin: SourceEpoch | undefined

  constructor(owner: InputTrackerOwner) {
    super()
    this.#owner = owner
  }

  /** The source epoch of items with this source and epoch. */
  origin(source: number, epoch: number): SourceEpoch {
    const last = this.#origin
    if (last !== undefined && last.source === source && last.epoch === epoch) return last
    this.#origin = { source, epoch, ledger: this }
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
    for (const position of positions) path = { parent: path, position, split: undefined }
    const group = new InputGroup(this.#owner, seq, positions.length, covered)
    return new TrackedItem(value, origin, index, path, group)
  }

  override joined(first: Item, value: unknown, members: readonly Item[]): TrackedItem {
    const item = super.joined(first, value, members)
    if (this.isIsolating) this.#owner.send([CALLS, seqsOf(item.group)])
    return item
  }

  retired(item: Item): void {
    // Boundaries and flushes do not come of a source item.
    if (item instanceof TrackedItem) end(item, false)
  }

  absorbed(item: Item): void {
    this.retired(item)
  }

  lost(item: Item): void {
    this.retired(item)
  }

  /** Handles a result. Returns whether it is reported now. */
  gives(item: TrackedItem): boolean {
    const { group, value, path, index } = item
    if (group instanceof BatchGroup) {
      const { source, epoch } = item.origin
      const positions = path && positionsOf(path, 0)
      this.#hold(group, [BATCH, undefined, source, epoch, index, positions, value])
    }
    const isReported = group instanceof InputGroup && !group.isCovered(path)
    if (isReported) {
      group.isReported = group.pending === 1
      this.#send([RESULT, group.seq, group.positionsOf(path), value, group.isReported])
    }
    end(item, false)
    return isReported
  }

  /**
   * Handles a failed item. Returns whether it is reported now; failures in a batch are reported
   * when the whole batch is done.
   */
  failed(stage: number, { index, attempts, error, item: input }: ItemError, item: Item): boolean {
    const entry = [ITEM_FAILED, [], undefined, stage, index, attempts, toWire(error), input]
    const group = item instanceof TrackedItem ? item.group : undefined
    if (group instanceof BatchGroup) {
      this.#hold(group, entry)
      return false
    }
    if (group instanceof InputGroup) {
      entry[1] = [group.seq]
      entry[2] = group.partAt(item.path)
    }
    this.#owner.send(entry)
    return group !== undefined
  }

  #hold(batch: BatchGroup, entry: readonly unknown[]): void {
    const held = this.#held.get(batch)
    if (held === undefined) this.#held.set(batch, [entry])
    else held.push(entry)
  }

  #send(entry: readonly unknown[]): void {
    this.#owner.gave()
    this.#owner.send(entry)
  }

  closed(batch: BatchGroup): void {
    if (this.#entangled.delete(batch)) this.entangled--
    const held = this.#held.get(batch)
    if (held !== undefined) {
      this.#held.delete(batch)
      this.#entangle(batch)
    }
    this.#owner.send(...this.#results(batch, held ?? []), ...this.#parts(batch))
    for (const member of batch.members) end(member, false)
  }

  /** The results of a batch that is done. */
  #results(batch: BatchGroup, held: readonly (readonly unknown[])[]): (readonly unknown[])[] {
    const seqs = seqsOf(batch)
    const isOne = held.length === 1
    return held.map((entry) => {
      if (entry[0] !== BATCH) return entry.with(1, seqs)
      this.#owner.gave()
      return [BATCH, seqs, ...entry.slice(2), partsOf(batch, isOne)]
    })
  }

  /**
   * The parts of inputs that were joined in the batch, for inputs that are not completely done with
   * it.
   */
  #parts(batch: BatchGroup): (readonly unknown[])[] {
    return batch.members.flatMap(({ group, path }) =>
      group instanceof InputGroup && group.pending > 1
        ? [[COVERED, group.seq, group.partAt(path)]]
        : [],
    )
  }

  /**
   * Notes the earlier batches of which this batch contains a part while other parts are in
   * progress.
   */
  #entangle(batch: BatchGroup): void {
    const parts = new Map<PendingGroup, number>()
    for (const { group } of batch.members) {
      if (group instanceof BatchGroup) parts.set(group, (parts.get(group) ?? 0) + 1)
    }
    for (const [earlier, count] of parts) {
      if (earlier.pending <= count || this.#entangled.has(earlier)) continue
      this.#entangled.add(earlier)
      this.entangled++
    }
  }
}

/** Number of an item's input; -1 if it comes from several. */
export function seqOf(item: Item): number {
  const group = item instanceof TrackedItem ? item.group : undefined
  return group instanceof InputGroup ? group.seq : -1
}

/** Numbers of the inputs of which a group contains parts. Each appears once. */
function seqsOf(group: PendingGroup | undefined, seqs: Set<number> = new Set()): number[] {
  if (group instanceof InputGroup) seqs.add(group.seq)
  if (group instanceof BatchGroup) for (const member of group.members) seqsOf(member.group, seqs)
  return [...seqs]
}

/**
 * The parts that were joined in a batch; `undefined`: all of its inputs, unchanged. See
 * {@link BatchPart}.
 */
function partsOf(batch: BatchGroup, isOne: boolean): BatchPart[] | undefined {
  const parts: BatchPart[] = []
  let isPlain = isOne
  const add = ({ members }: BatchGroup, kind: PartKind): void => {
    for (const { group, path } of members) {
      if (group instanceof InputGroup) {
        const positions = group.positionsOf(path)
        if (positions !== undefined) isPlain = false
        parts.push([group.seq, kind, ...(positions ?? [])])
      } else if (group instanceof BatchGroup) {
        isPlain = false
        add(group, kind === PART ? PART_OF_BATCH : kind)
      }
    }
  }
  add(batch, isOne ? PART : PART_OF_SEVERAL)
  return isPlain ? undefined : parts
}

import { descendant, Item, joined, type Path, positionsOf } from '../../engine/flow/item.ts'
import { messageOf, SpindleError } from '../../errors.ts'
import type { WireError } from '../transport/wire-error.ts'
import { type BatchPart, PART } from './region-protocol.ts'
import type { RegionWorker, RegionWorkerExit, WorkerInput } from './region-worker.ts'

/**
 * An item that a region has taken and that is not done. It is kept until all its results have been
 * given, so that it can be run again.
 */
export class RegionInput {
  readonly seq: number
  readonly item: Item
  /** The worker that has it; `undefined` while it waits to be run again. */
  worker: RegionWorker | undefined = undefined
  /** Number of workers that it has certainly killed. */
  deaths = 0
  /** Whether it was in a worker that died. */
  isSuspect = false
  /**
   * The parts of it that have been given or have failed, and must not be given again: positions
   * below the item's path, as text.
   */
  covered: Set<string> | undefined
  /** Whether its failure ends the pipeline. */
  isFatal = false

  constructor(seq: number, item: Item) {
    this.seq = seq
    this.item = item
    this.covered = item.origin.ledger?.coveredBelow?.(item)
  }

  /** Notes that a part of it is done. */
  cover(part: string): void {
    this.covered ??= new Set()
    this.covered.add(part)
  }

  /** The input in the form that a worker gets. */
  forWorker(): WorkerInput {
    const { seq, covered } = this
    const { value, origin, index, path } = this.item
    const { source, epoch } = origin
    const sent = covered === undefined ? undefined : [...covered]
    return { seq, value, source, epoch, index, path: path && positionsOf(path, 0), covered: sent }
  }

  /** One of its outputs, by the positions that the workers' generators have added. */
  output(value: unknown, positions: readonly number[] | undefined): Item {
    const { item } = this
    item.path?.split?.enter()
    return descendant(item, value, extended(item.path, positions))
  }
}

/** The error of an input that has killed its workers. */
export function killedBy(
  { deaths }: RegionInput,
  region: string,
  exit: RegionWorkerExit | undefined,
): SpindleError {
  const times = deaths === 1 ? 'a worker' : `${deaths} workers`
  const how = exit?.error === undefined ? exit?.how : messageOf(exit.error)
  return new SpindleError(
    'ERR_WORKER_DIED',
    `an item killed ${times} of region "${region}", the last one with: ${how}`,
    exit?.error === undefined ? {} : { cause: exit.error },
  )
}

/** The fields after the code of a failed item: see `ITEM_FAILED`. */
export type FailureFields = readonly [
  seqs: readonly number[],
  part: string | undefined,
  stage: number,
  index: number,
  attempts: number,
  error: WireError,
  input: unknown,
]

/** The fields of a result of a batch. */
export type BatchFields = readonly [
  seqs: readonly number[],
  source: number,
  epoch: number,
  index: number,
  path: readonly number[] | undefined,
  value: unknown,
  parts: readonly BatchPart[] | undefined,
]

/** The parts of a batch, as items that end with it. */
export function membersOf(
  inputs: readonly RegionInput[],
  parts: readonly BatchPart[] | undefined,
): readonly Item[] {
  if (parts === undefined) return inputs.map(({ item }) => descendant(item, undefined, item.path))
  return parts.flatMap(([seq, kind, ...positions]) => {
    const input = inputs.find((one) => one.seq === seq)
    if (input === undefined) return []
    const { item } = input
    const member = descendant(item, undefined, extended(item.path, positions))
    // Other results of it may be in another batch.
    if (kind !== PART) item.origin.ledger?.unnamed?.(member)
    return [member]
  })
}

/** Makes the item of a batch from its members. */
export function batchOf(
  inputs: readonly RegionInput[],
  members: readonly Item[],
  lineage: { readonly source: number; readonly epoch: number; readonly index: number },
  positions: readonly number[] | undefined,
  value: unknown,
): Item {
  const { source, epoch, index } = lineage
  const known = inputs.find(
    ({ item: { origin } }) => origin.source === source && origin.epoch === epoch,
  )
  const origin = known?.item.origin ?? { source, epoch }
  const first = new Item(undefined, origin, index, extended(undefined, positions))
  return joined(first, value, members)
}

function extended(
  path: Path | undefined,
  positions: readonly number[] | undefined,
): Path | undefined {
  const split = path?.split
  let longer = path
  for (const position of positions ?? []) longer = { parent: longer, position, split }
  return longer
}

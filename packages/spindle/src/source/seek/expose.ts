import { checkCount } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { type Items, isSeekablePlan, type Plan } from './seek-plan.ts'
import type { AsyncSource, Shard, SyncSource } from './source-types.ts'

/** The plan and the shard of each source that this package made. */
const known = new WeakMap<object, Known>()

interface Known {
  readonly plan: Plan<unknown>
  readonly shard: Shard | undefined
}

/** The plan and shard of a source that this package made; `undefined` for any other value. */
export function knownSource(source: object): Known | undefined {
  return known.get(source)
}

/** Registers a source, so that transforms can find its plan. */
export function register(source: object, plan: Plan<unknown>, shard: Shard | undefined): void {
  known.set(source, { plan, shard })
}

/**
 * Makes the public object from a plan and a shard: a {@link SyncSource}, an {@link AsyncSource}, or
 * a plain iterable.
 */
export function expose<T>(
  plan: Plan<T>,
  shard: Shard | undefined,
  epoch = 0,
): SyncSource<T> | AsyncSource<T> | Items<T> {
  if (!isSeekablePlan(plan)) return plainOf(plan, shard)
  return plan.isAsync
    ? new AsyncPlannedSource(plan, shard, epoch)
    : new PlannedSource(plan, shard, epoch)
}

/** The first position >= `from` that belongs to the shard. */
export function firstOf(from: number, shard: Shard | undefined): number {
  if (shard === undefined) return from
  const { rank, worldSize } = shard
  const ahead = (rank - (from % worldSize) + worldSize) % worldSize
  return from + ahead
}

/** How many of the positions 0..`size` - 1 belong to the shard. */
export function countOf(size: number, shard: Shard | undefined): number {
  if (shard === undefined || size === Number.POSITIVE_INFINITY) return size
  return Math.max(0, Math.ceil((size - shard.rank) / shard.worldSize))
}

/** The positions of the shard from `from` on, in ascending order. */
export function* positionsFrom(
  from: number,
  size: number | undefined,
  shard: Shard | undefined,
): Generator<number, void, void> {
  const step = shard?.worldSize ?? 1
  const end = size ?? Number.POSITIVE_INFINITY
  for (let position = firstOf(from, shard); position < end; position += step) yield position
}

/** @throws `ERR_BAD_OPTION` unless an iteration can begin there */
export function checkPlace(position: number, epoch: number, size: number | undefined): void {
  checkCount('position', position)
  checkCount('epoch', epoch)
  if (size !== undefined && position > size) {
    const message = `\`position\` must be at most the size, ${size}, got ${position}`
    throw Object.assign(new RangeError(message), { code: 'ERR_BAD_OPTION' })
  }
}

abstract class Positioned<T> {
  readonly #plan: Plan<T>
  readonly shard: Shard | undefined
  #epoch: number
  #description: { readonly [name: string]: Json } | undefined

  constructor(plan: Plan<T>, shard?: Shard, epoch = 0) {
    this.#plan = plan
    this.shard = shard
    this.#epoch = epoch
    register(this, plan, shard)
  }

  get size(): number | undefined {
    return this.#plan.size
  }

  get length(): number | undefined {
    return this.size === undefined ? undefined : countOf(this.size, this.shard)
  }

  /** Computed on first use: for an array it iterates all items. */
  get description(): { readonly [name: string]: Json } {
    this.#description ??= this.#plan.describe()
    return this.#description
  }

  get epoch(): number {
    return this.#epoch
  }

  setEpoch(epoch: number): void {
    checkCount('epoch', epoch)
    this.#epoch = epoch
  }

  protected pick(position: number, epoch: number): Items<T> {
    checkPlace(position, epoch, this.size)
    return this.#plan.pick(positionsFrom(position, this.size, this.shard), epoch)
  }
}

/** A {@link SyncSource} over a plan. */
export class PlannedSource<T> extends Positioned<T> implements SyncSource<T> {
  iterateFrom(position: number, epoch: number): Iterable<T> {
    return this.pick(position, epoch) as Iterable<T>
  }

  [Symbol.iterator](): Iterator<T> {
    return this.iterateFrom(0, this.epoch)[Symbol.iterator]()
  }
}

/** An {@link AsyncSource} over a plan. */
export class AsyncPlannedSource<T> extends Positioned<T> implements AsyncSource<T> {
  iterateFrom(position: number, epoch: number): AsyncIterable<T> {
    return this.pick(position, epoch) as AsyncIterable<T>
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.iterateFrom(0, this.epoch)[Symbol.asyncIterator]()
  }
}

function plainOf<T>(plan: Plan<T>, shard: Shard | undefined): Items<T> {
  const items = () => plan.pick(positionsFrom(0, plan.size, shard), 0)
  const source: Items<T> = plan.isAsync
    ? { [Symbol.asyncIterator]: () => (items() as AsyncIterable<T>)[Symbol.asyncIterator]() }
    : { [Symbol.iterator]: () => (items() as Iterable<T>)[Symbol.iterator]() }
  register(source, plan, shard)
  return source
}

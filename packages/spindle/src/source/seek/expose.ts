import { checkCount } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { type Items, isSeekablePlan, type Plan } from './seek-plan.ts'
import type { AsyncSource, Shard, Source } from './source-types.ts'

/** The plan and the shard of each source made here. */
const known = new WeakMap<object, Known>()

interface Known {
  readonly plan: Plan<unknown>
  readonly shard: Shard | undefined
}

/** What a source made here is inside; `undefined` for any other value. */
export function knownSource(source: object): Known | undefined {
  return known.get(source)
}

/** Lets the transforms see what is in a source. */
export function register(source: object, plan: Plan<unknown>, shard: Shard | undefined): void {
  known.set(source, { plan, shard })
}

/**
 * Makes of a plan, and of the positions that are one's own, what users meet: a {@link Source}, an
 * {@link AsyncSource}, or a plain iterable.
 */
export function expose<T>(
  plan: Plan<T>,
  shard: Shard | undefined,
  epoch = 0,
): Source<T> | AsyncSource<T> | Items<T> {
  if (!isSeekablePlan(plan)) return plainOf(plan, shard)
  return plan.isAsync
    ? new AsyncPlannedSource(plan, shard, epoch)
    : new PlannedSource(plan, shard, epoch)
}

/** The first position >= `from` that is the shard's. */
export function firstOf(from: number, shard: Shard | undefined): number {
  if (shard === undefined) return from
  const { rank, worldSize } = shard
  const ahead = (rank - (from % worldSize) + worldSize) % worldSize
  return from + ahead
}

/** How many of the positions 0..size - 1 are the shard's. */
export function countOf(size: number, shard: Shard | undefined): number {
  if (shard === undefined || size === Number.POSITIVE_INFINITY) return size
  return Math.max(0, Math.ceil((size - shard.rank) / shard.worldSize))
}

/** The shard's positions from `from` on, in order. */
export function* positionsFrom(
  from: number,
  size: number | undefined,
  shard: Shard | undefined,
): Generator<number, void, void> {
  const step = shard?.worldSize ?? 1
  const end = size ?? Number.POSITIVE_INFINITY
  for (let position = firstOf(from, shard); position < end; position += step) yield position
}

/** @throws `ERR_BAD_OPTION` unless a place to begin is one */
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

  /** Made when first asked for: of an array it takes going through it. */
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

/** A {@link Source} as a plan says. */
export class PlannedSource<T> extends Positioned<T> implements Source<T> {
  iterateFrom(position: number, epoch: number): Iterable<T> {
    return this.pick(position, epoch) as Iterable<T>
  }

  [Symbol.iterator](): Iterator<T> {
    return this.iterateFrom(0, this.epoch)[Symbol.iterator]()
  }
}

/** An {@link AsyncSource} as a plan says. */
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

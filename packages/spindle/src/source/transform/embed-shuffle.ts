import { badOption, checkCount } from '../../check.ts'
import { isSeekable } from '../../engine/seekable.ts'
import { boolean, options, type Rules } from '../../options/index.ts'
import { knownSource, register } from '../seek/expose.ts'
import type { SyncSource, Transformed } from '../seek/source-types.ts'
import { orderRules } from './check-transform.ts'

/** An iterable with an order for each epoch. */
export type EpochSource<T> = (Iterable<T> | AsyncIterable<T>) & { setEpoch(epoch: number): void }

/** Options of {@link embedShuffle}. */
export interface EmbedShuffleOptions {
  /** The epoch of the first iteration. An integer >= 0. Default 0. */
  readonly epoch?: number
  /**
   * Whether to set the next epoch after each iteration instead of before it. Default false. For
   * sources whose `setEpoch` takes long: it then runs while the last items are still being
   * processed. The first iteration gives the epoch that the source already has.
   */
  readonly shuffleLast?: boolean
}

const embedOptions = options('EmbedShuffleOptions', {
  epoch: orderRules.epoch,
  shuffleLast: boolean({ default: false }),
} satisfies Rules<EmbedShuffleOptions>)

/**
 * A source of which every iteration is the next epoch, so a shuffled source has another order each
 * time. For `addSource(…, { continuous: true })`. An iteration that is left early counts as well.
 * `iterateFrom` of a seekable source does not change.
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { embedShuffle, shuffled } from 'spindle/source'
 *
 * const source = embedShuffle(shuffled(100, { seed: 1 }))
 * assert.deepEqual([...source], [...shuffled(100, { seed: 1, epoch: 0 })])
 * assert.deepEqual([...source], [...shuffled(100, { seed: 1, epoch: 1 })])
 * ```
 */
export function embedShuffle<S extends EpochSource<unknown>>(
  source: S,
  options: EmbedShuffleOptions = {},
): Transformed<S> {
  const { epoch, shuffleLast } = embedOptions.check(options)
  if (typeof source?.setEpoch !== 'function')
    badOption('source', 'one that has epochs (with a method `setEpoch`)', source)
  const epochs = new EpochOrders(source, epoch, shuffleLast)
  const iterable = Symbol.iterator in source ? new SyncEpochs(epochs) : new AsyncEpochs(epochs)
  if (!isSeekable(source)) return iterable as unknown as Transformed<S>
  const view = seekableView(source as unknown as SyncSource<unknown>, iterable)
  const inside = knownSource(source)
  if (inside !== undefined) register(view, inside.plan, inside.shard)
  return view as Transformed<S>
}

/** Counts the iterations. */
class EpochOrders {
  readonly source: EpochSource<unknown>
  next: number
  private readonly isAfter: boolean

  constructor(source: EpochSource<unknown>, next: number, isAfter: boolean) {
    this.source = source
    this.next = next
    this.isAfter = isAfter
  }

  begin(): void {
    if (!this.isAfter) this.source.setEpoch(this.next++)
  }

  end(): void {
    if (this.isAfter) this.source.setEpoch(this.next++)
  }
}

abstract class Epochs {
  protected readonly epochs: EpochOrders

  constructor(epochs: EpochOrders) {
    this.epochs = epochs
  }

  /** Epoch of the next iteration. */
  get epoch(): number {
    return this.epochs.next
  }

  setEpoch(epoch: number): void {
    checkCount('epoch', epoch)
    this.epochs.next = epoch
  }
}

class SyncEpochs extends Epochs {
  *[Symbol.iterator](): Generator<unknown, void, void> {
    this.epochs.begin()
    try {
      yield* this.epochs.source as Iterable<unknown>
    } finally {
      this.epochs.end()
    }
  }
}

class AsyncEpochs extends Epochs {
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    this.epochs.begin()
    try {
      yield* this.epochs.source
    } finally {
      this.epochs.end()
    }
  }
}

/** The source of epochs, with the other members of a seekable source. */
function seekableView(source: SyncSource<unknown>, epochs: SyncEpochs | AsyncEpochs): object {
  const of = (name: 'size' | 'length' | 'description' | 'shard') => ({
    get: () => source[name],
    enumerable: true,
  })
  return Object.defineProperties(epochs, {
    size: of('size'),
    length: of('length'),
    description: of('description'),
    shard: of('shard'),
    iterateFrom: {
      value: (position: number, epoch: number) => source.iterateFrom(position, epoch),
    },
  })
}

import { badOption, checkInteger, checkOptions } from '../../check.ts'
import { TimeoutError } from '../../errors.ts'
import type { Lease, LeaseDescriptor } from './lease.ts'
import { SegmentPool, type SegmentPoolHandle } from './segment-pool.ts'
import type { SharedView, SharedViewConstructor } from './shared-view.ts'
import { BatchStates, batchGivenBack, FAILED, FILLED } from './slot-states.ts'
import { checkWait, type WaitOptions } from './wait-options.ts'

/** Options of `BatchSlots.acquire()`. */
export interface BatchSlotsOptions extends WaitOptions {
  /** How many slots the batch has, an integer >= 1. */
  readonly count: number
  /** Size of a slot in bytes, an integer >= 1. The slots follow each other without gaps. */
  readonly slotBytes: number
}

/** One slot of a batch, for whoever is to fill it, in whichever thread: data that can be sent. */
export interface BatchSlot {
  readonly index: number
  readonly slotBytes: number
  readonly states: SharedArrayBuffer
  readonly lease: LeaseDescriptor
  readonly pool: SegmentPoolHandle
}

/** How a batch has ended. */
export interface BatchOutcome {
  /** Numbers of the slots that were filled, ascending. */
  readonly filled: readonly number[]
  /** Numbers of the slots that failed, ascending; what lies there is undefined. */
  readonly failed: readonly number[]
}

/** Batches that nobody has given back. */
const forgotten = new FinalizationRegistry<BatchStates>((states) => states.giveBack())

/**
 * A batch in shared memory that several threads fill together, each some of its slots: an array
 * `[count, …]`, row-major, without a copy. It is given back by `release()`, a `using` block, or the
 * garbage collector; the memory goes when nobody is writing it any more.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { BatchSlots, openSlot, SegmentPool } from 'spindle'
 *
 * const pool = new SegmentPool()
 * using batch = await BatchSlots.acquire(pool, { count: 2, slotBytes: 4 })
 * for (const slot of batch.slots()) {
 *   const target = openSlot(slot) // in an op, in any thread
 *   target.bytes.set([slot.index, 1, 2, 3])
 *   target.done()
 * }
 * assert.deepEqual(await batch.completed(), { filled: [0, 1], failed: [] })
 * assert.deepEqual([...batch.view(Uint8Array)], [0, 1, 2, 3, 1, 1, 2, 3])
 * ```
 */
export class BatchSlots implements Disposable {
  readonly count: number
  readonly slotBytes: number
  readonly #pool: SegmentPool
  readonly #lease: Lease
  readonly #descriptor: LeaseDescriptor
  readonly #states: BatchStates

  private constructor(pool: SegmentPool, lease: Lease, count: number, slotBytes: number) {
    this.count = count
    this.slotBytes = slotBytes
    this.#pool = pool
    this.#lease = lease
    // When the memory goes is for the states to say, not for the garbage collector alone.
    const { descriptor, buffer } = lease.handOver()
    this.#descriptor = descriptor
    this.#states = BatchStates.make(count, () => pool.discard(descriptor))
    forgotten.register(buffer, this.#states)
  }

  /**
   * A batch in memory of the pool, when there is some. @throws `ERR_BAD_OPTION`; as
   * `pool.acquire()`.
   */
  static async acquire(pool: SegmentPool, options: BatchSlotsOptions): Promise<BatchSlots> {
    checkOptions(options, ['count', 'slotBytes', 'timeoutMs', 'signal'])
    const { count, slotBytes, ...wait } = options
    checkInteger('count', count, 1)
    checkInteger('slotBytes', slotBytes, 1)
    return new BatchSlots(pool, await pool.acquire(count * slotBytes, wait), count, slotBytes)
  }

  /** A slot, for whoever is to fill it. @throws `ERR_BAD_OPTION` if there is no such slot. */
  slot(index: number): BatchSlot {
    this.#check(index)
    const states = this.#states.buffer
    return {
      index,
      slotBytes: this.slotBytes,
      states,
      lease: this.#descriptor,
      pool: this.#pool.handle,
    }
  }

  /** All slots. */
  slots(): BatchSlot[] {
    return Array.from({ length: this.count }, (_, index) => this.slot(index))
  }

  /**
   * Nobody will fill the slot. Does nothing to one that was filled before.
   *
   * `isWriterGone`: whether who was writing it has died, so that the batch's memory need not wait
   * for it. Default false.
   *
   * @throws `ERR_BAD_OPTION` if there is no such slot.
   */
  fail(index: number, { isWriterGone = false }: { readonly isWriterGone?: boolean } = {}): void {
    this.#check(index)
    if (isWriterGone) this.#states.leave(index)
    this.#states.settle(index, FAILED)
  }

  /** Whether each slot is filled or has failed. */
  get isComplete(): boolean {
    return this.#states.unsettled === 0
  }

  /** Waits until each slot is filled or has failed. @throws `ERR_TIMEOUT`; the signal's reason. */
  async completed(options: WaitOptions = {}): Promise<BatchOutcome> {
    const limits = checkWait(options)
    const isComplete = await this.#states.bell.wait(() => this.isComplete || undefined, limits)
    if (isComplete)
      return { filled: this.#states.having(FILLED), failed: this.#states.having(FAILED) }
    const { unsettled } = this.#states
    throw new TimeoutError(
      `${unsettled} of ${this.count} slots were not filled within ${limits.timeoutMs} ms`,
    )
  }

  /** The whole batch, as an array of some type. @throws `ERR_STALE_VIEW` if it was given back. */
  view<V extends ArrayBufferView>(Type: SharedViewConstructor<V>): SharedView<V> {
    if (this.#states.isGivenBack) throw batchGivenBack()
    return this.#lease.view(Type)
  }

  /**
   * Gives the batch's memory back: at once, or, while somebody is still writing it (its call was
   * aborted, say), when the last one has left. Whether it was not given back before.
   */
  release(): boolean {
    return this.#states.giveBack()
  }

  [Symbol.dispose](): void {
    this.release()
  }

  #check(index: number): void {
    checkInteger('index', index, 0)
    if (index >= this.count) badOption('index', `less than ${this.count}`, index)
  }
}

/**
 * A slot that is being filled. Disposed without `done()`, it is empty again, and can be opened
 * again.
 */
export interface OpenSlot extends Disposable {
  /**
   * Where its contents belong; where the slot is filled or has failed already, memory that goes
   * nowhere.
   */
  readonly bytes: Uint8Array
  /**
   * The same as another type: `slot.view(Float32Array)`. @throws `RangeError` if the slot does not
   * begin at a multiple of the element's size.
   */
  view<V extends ArrayBufferView>(Type: SharedViewConstructor<V>): SharedView<V>
  /** It is filled, and not written any more. Whether that was still wanted. */
  done(): boolean
}

/**
 * Opens a slot for filling, in any thread. One that is open already, as after the death of a
 * worker, is taken from whoever has it.
 *
 * @throws `ERR_STALE_VIEW` if the batch was given back.
 */
export function openSlot(slot: BatchSlot): OpenSlot {
  const { index, slotBytes, lease } = slot
  const pool = SegmentPool.attach(slot.pool)
  const states = new BatchStates(slot.states, () => pool.discard(lease))
  const attempt = states.enter(index)
  // While it is entered, the memory stays the batch's.
  const all =
    attempt === undefined
      ? new Uint8Array(new SharedArrayBuffer(slotBytes))
      : pool.borrow(lease).bytes
  const from = attempt === undefined ? 0 : index * slotBytes
  const bytes = all.subarray(from, from + slotBytes)
  let isOpen = attempt !== undefined
  const close = (isDone: boolean): boolean => {
    if (!isOpen) return false
    isOpen = false
    const isFilled = isDone && states.settle(index, FILLED, attempt)
    states.leave(index, attempt)
    return isFilled
  }
  return {
    bytes,
    view<V extends ArrayBufferView>(Type: SharedViewConstructor<V>): SharedView<V> {
      const length = Math.floor(slotBytes / Type.BYTES_PER_ELEMENT)
      return new Type(
        bytes.buffer as SharedArrayBuffer,
        bytes.byteOffset,
        length,
      ) as unknown as SharedView<V>
    },
    done: () => close(true),
    [Symbol.dispose]: () => {
      close(false)
    },
  }
}

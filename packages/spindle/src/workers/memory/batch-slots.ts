import { badOption, checkInteger } from '../../check.ts'
import { TimeoutError } from '../../errors.ts'
import { integer, options, type Rules } from '../../options/index.ts'
import type { Lease, LeaseDescriptor } from './lease.ts'
import { SegmentPool, type SegmentPoolHandle } from './segment-pool.ts'
import type { SharedView, SharedViewConstructor } from './shared-view.ts'
import { BatchStates, batchGivenBack, FILLED, SLOT_FAILED } from './slot-states.ts'
import { checkWait, type WaitOptions, waitRules } from './wait-options.ts'

/** Options of `BatchSlots.acquire()`. */
export interface BatchSlotsOptions extends WaitOptions {
  /** Number of slots in the batch, an integer >= 1. */
  readonly count: number
  /** Size of a slot in bytes, an integer >= 1. Slots are contiguous. */
  readonly slotBytes: number
}

const slotsOptions = options('BatchSlotsOptions', {
  count: integer({ min: 1, required: true, unit: 'slots' }),
  slotBytes: integer({ min: 1, required: true }),
  ...waitRules,
} satisfies Rules<BatchSlotsOptions>)

/** One slot of a batch, as plain data for the thread that is to fill it. */
export interface BatchSlot {
  readonly index: number
  readonly slotBytes: number
  readonly states: SharedArrayBuffer
  readonly lease: LeaseDescriptor
  readonly pool: SegmentPoolHandle
}

/** The final state of a batch. */
export interface BatchOutcome {
  /** Numbers of the filled slots, ascending. */
  readonly filled: readonly number[]
  /** Numbers of the failed slots, ascending. Their content is undefined. */
  readonly failed: readonly number[]
}

/** Batches that were not given back. */
const forgotten = new FinalizationRegistry<BatchStates>((states) => states.giveBack())

/**
 * A batch in shared memory that several threads fill together, slot by slot: an array `[count, …]`,
 * row-major, without a copy. `release()`, a `using` block or the garbage collector gives it back.
 * Its memory is freed when no thread writes to it any more.
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
    // The states decide when the memory is freed, not the garbage collector alone.
    const { descriptor, buffer } = lease.handOver()
    this.#descriptor = descriptor
    this.#states = BatchStates.make(count, () => pool.discard(descriptor))
    forgotten.register(buffer, this.#states)
  }

  /**
   * Makes a batch when the pool has memory for it.
   *
   * @throws `ERR_BAD_OPTION`; as `pool.acquire()`.
   */
  static async acquire(pool: SegmentPool, options: BatchSlotsOptions): Promise<BatchSlots> {
    const { count, slotBytes, ...wait } = slotsOptions.check(options)
    return new BatchSlots(
      pool,
      await pool.acquire(count * slotBytes, wait as WaitOptions),
      count,
      slotBytes,
    )
  }

  /**
   * The slot with a number, to be sent to the thread that fills it.
   *
   * @throws `ERR_BAD_OPTION` if there is no such slot.
   */
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
   * Marks a slot as failed. Has no effect on a filled slot.
   *
   * `isWriterGone`: whether the thread that was writing the slot has died, so that the batch's
   * memory need not wait for it. Default false.
   *
   * @throws `ERR_BAD_OPTION` if there is no such slot.
   */
  fail(index: number, { isWriterGone = false }: { readonly isWriterGone?: boolean } = {}): void {
    this.#check(index)
    if (isWriterGone) this.#states.leave(index)
    this.#states.settle(index, SLOT_FAILED)
  }

  /** Whether every slot is filled or has failed. */
  get isComplete(): boolean {
    return this.#states.unsettled === 0
  }

  /**
   * Waits until every slot is filled or has failed.
   *
   * @throws `ERR_TIMEOUT`; the signal's reason.
   */
  async completed(options?: WaitOptions): Promise<BatchOutcome> {
    const limits = checkWait(options)
    const isComplete = await this.#states.eventCount.wait(
      () => this.isComplete || undefined,
      limits,
    )
    if (isComplete)
      return { filled: this.#states.having(FILLED), failed: this.#states.having(SLOT_FAILED) }
    const { unsettled } = this.#states
    throw new TimeoutError(
      `${unsettled} of ${this.count} slots were not filled within ${limits.timeoutMs} ms`,
    )
  }

  /**
   * The whole batch as a typed array.
   *
   * @throws `ERR_STALE_VIEW` if it was given back.
   */
  view<V extends ArrayBufferView>(Type: SharedViewConstructor<V>): SharedView<V> {
    if (this.#states.isGivenBack) throw batchGivenBack()
    return this.#lease.view(Type)
  }

  /**
   * Gives the batch's memory back. If a thread is still writing to it (for example, because its
   * call was aborted), the memory is freed when the last writer leaves. Returns `false` if the
   * batch was given back before.
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
 * A slot that is being filled. If it is disposed without `done()`, it is empty again and can be
 * opened again.
 */
export interface OpenSlot extends Disposable {
  /**
   * Memory for the slot's content. If the slot is already filled or has failed, it is scratch
   * memory whose content is discarded.
   */
  readonly bytes: Uint8Array
  /**
   * The same memory as another type: `slot.view(Float32Array)`.
   *
   * @throws `RangeError` if the slot does not begin at a multiple of the element's size.
   */
  view<V extends ArrayBufferView>(Type: SharedViewConstructor<V>): SharedView<V>
  /**
   * Marks the slot as filled. It must not be written afterwards. Returns whether the content
   * counts.
   */
  done(): boolean
}

/**
 * Opens a slot for filling, in any thread. A slot that is still open, for example after the death
 * of a worker, is taken over.
 *
 * @throws `ERR_STALE_VIEW` if the batch was given back.
 */
export function openSlot(slot: BatchSlot): OpenSlot {
  const { index, slotBytes, lease } = slot
  const pool = SegmentPool.attach(slot.pool)
  const states = new BatchStates(slot.states, () => pool.discard(lease))
  const attempt = states.enter(index)
  // While the slot is entered, the batch keeps the memory.
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

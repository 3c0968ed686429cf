import { randomInt } from 'node:crypto'
import { badOption, checkInteger, checkOptions } from '../../check.ts'
import { mark } from '../../copies.ts'
import { SpindleError, TimeoutError } from '../../errors.ts'
import { AcquireQueue } from './acquire-queue.ts'
import { Arena, type ArenaMemory, type Place } from './arena.ts'
import { Lease, type LeaseDescriptor, type LeaseHandover, leaseOf, staleView } from './lease.ts'
import type { SharedView, SharedViewConstructor } from './shared-view.ts'
import { Spin } from './spin.ts'
import { checkWait, type HoldOptions, type WaitOptions } from './wait-options.ts'

/** Options of `SegmentPool`. */
export interface SegmentPoolOptions {
  /**
   * Size of a segment in bytes, a power of two from 32 KiB to 1 GiB. Leases of about one size share
   * a segment; larger ones take several neighbours whole. A lease takes at least 1 KiB, or
   * segmentBytes / 16384. Default 16 MiB.
   */
  readonly segmentBytes?: number
  /**
   * Bytes that all leases may take, an integer >= `segmentBytes`; rounded down to whole segments.
   * Reserved at once, but real only where it is used. Default 256 MiB.
   */
  readonly maxBytes?: number
}

/** What another thread needs to use the pool: to be sent by `postMessage` or as `workerData`. */
export interface SegmentPoolHandle extends ArenaMemory {
  readonly id: number
}

/** What a pool's memory is used for. */
export interface SegmentPoolStats {
  /** The bound. */
  readonly maxBytes: number
  /** Bytes of the segments that were ever in use: at most so much of the bound is real memory. */
  readonly touchedBytes: number
  /** Bytes that leases take now, with what is lost to rounding. */
  readonly usedBytes: number
  /**
   * Leases that garbage collectors have given back, in all threads. Many: somebody forgets `using`
   * or `release()`.
   */
  readonly collected: number
  /** Waits that nobody ended when it was time. 0, if all is right. */
  readonly lostWakeups: number
}

const LARGEST_SEGMENT = 2 ** 30

/**
 * The pools of this thread, so that attaching again, as an op may do for each item, costs nothing;
 * and who this thread is in each.
 */
const attached = new Map<number, WeakRef<SegmentPool>>()
const members = new Map<number, number>()

/**
 * Shared memory in reused segments for large arrays that several threads fill and read without
 * copying: leases are taken by any thread, travel by a small descriptor, and are given back by any.
 * It grows up to `maxBytes`; then `tryAllocate()` gives `undefined`, `allocate()` fails, and
 * `acquire()` and `acquireSync()` wait until something is given back. No locks: a thread that dies
 * stops nobody; `reclaim()` gives back what it held.
 *
 * Memory of a pool is shared memory. What refuses a `SharedArrayBuffer` (onnxruntime, WebGPU,
 * `TextDecoder`) needs a copy: `view.slice()`.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { SegmentPool } from 'spindle'
 *
 * const pool = new SegmentPool({ maxBytes: 64 * 2 ** 20 })
 * {
 *   using lease = pool.allocate(3 * 224 * 224 * 4)
 *   const pixels = lease.view(Float32Array)
 *   pixels[0] = 0.5
 *   const descriptor = lease.toDescriptor() // to a worker: SegmentPool.attach(pool.handle).open(descriptor)
 *   assert.equal(pool.open(descriptor).view(Float32Array)[0], 0.5)
 * } // given back
 * assert.equal(pool.stats().usedBytes, 0)
 * ```
 */
export class SegmentPool {
  /** Who this thread's pool is among all that use the memory, from 1; for `reclaim()`. */
  readonly member: number
  /** For other threads. */
  readonly handle: SegmentPoolHandle
  readonly #arena: Arena
  readonly #waiting: AcquireQueue
  readonly #spin: Spin = new Spin(0)

  /** @throws `ERR_BAD_OPTION` for a wrong option. */
  constructor(
    options:
      | SegmentPoolOptions
      | (SegmentPoolHandle & { readonly member?: number | undefined }) = {},
  ) {
    const handle = 'control' in options ? options : undefined
    this.#arena =
      handle === undefined ? makeArena(options as SegmentPoolOptions) : new Arena(handle)
    const id = handle?.id ?? randomInt(2 ** 48 - 1)
    this.handle = { id, ...this.#arena.shared }
    this.member = handle?.member ?? this.#arena.join()
    this.#waiting = new AcquireQueue(this.#arena.bell)
    for (const [other, pool] of attached) if (pool.deref() === undefined) attached.delete(other)
    attached.set(id, new WeakRef(this))
    if (!members.has(id)) members.set(id, this.member)
  }

  /**
   * The pool that another thread has made; in one thread always the same member. @throws
   * `ERR_BAD_OPTION`
   */
  static attach(handle: SegmentPoolHandle): SegmentPool {
    if (
      !(handle?.memory instanceof SharedArrayBuffer && handle.control instanceof SharedArrayBuffer)
    )
      badOption('handle', 'the `handle` of a SegmentPool', handle)
    const known = attached.get(handle.id)?.deref()
    return known ?? new SegmentPool({ ...handle, member: members.get(handle.id) })
  }

  /**
   * The lease that a view, or a part of one, belongs to; `undefined` if its memory is not a pool's.
   */
  static leaseOf(view: ArrayBufferView): Lease | undefined {
    return leaseOf(view)
  }

  /** Bytes that all leases together may take. */
  get maxBytes(): number {
    return this.#arena.shared.memory.byteLength
  }

  /** Memory if there is some now. @throws `ERR_TOO_LARGE` if there can never be so much. */
  tryAllocate(byteLength: number): Lease | undefined {
    this.#checkSize(byteLength)
    const place = this.#arena.allocate(byteLength, this.member)
    return place && new Lease(this.handle.id, this.#arena, place, byteLength)
  }

  /** Memory at once. @throws `ERR_POOL_FULL` if there is none now; `ERR_TOO_LARGE`. */
  allocate(byteLength: number): Lease {
    const lease = this.tryAllocate(byteLength)
    if (lease !== undefined) return lease
    const { usedBytes } = this.stats()
    throw new SpindleError(
      'ERR_POOL_FULL',
      `no ${byteLength} bytes are free: ${usedBytes} of ${this.maxBytes} are in use; give leases back earlier, raise \`maxBytes\`, or wait with acquire()`,
    )
  }

  /**
   * Memory as a typed array, given back by `SegmentPool.leaseOf(array)?.release()` or the garbage
   * collector. @throws As `allocate`.
   */
  allocateArray<V extends ArrayBufferView>(
    Type: SharedViewConstructor<V>,
    length: number,
  ): SharedView<V> {
    checkInteger('length', length, 0)
    return this.allocate(length * Type.BYTES_PER_ELEMENT).view(Type, 0, length)
  }

  /**
   * Memory when there is some; within this thread in the order of asking. @throws `ERR_TOO_LARGE`;
   * `ERR_TIMEOUT`; the signal's reason.
   */
  async acquire(byteLength: number, options: WaitOptions = {}): Promise<Lease> {
    this.#checkSize(byteLength)
    const limits = checkWait(options)
    return this.#waiting.add(
      () => this.tryAllocate(byteLength),
      limits,
      `memory of ${byteLength} bytes`,
    )
  }

  /**
   * Memory when there is some, holding the thread: somebody else must give it back. @throws
   * `ERR_TOO_LARGE`; `ERR_TIMEOUT`.
   */
  acquireSync(byteLength: number, options: HoldOptions = {}): Lease {
    const { timeoutMs } = checkWait(options)
    const lease = this.#arena.bell.waitSync(
      () => this.tryAllocate(byteLength),
      timeoutMs,
      this.#spin,
    )
    if (lease === undefined)
      throw new TimeoutError(`memory of ${byteLength} bytes was not free within ${timeoutMs} ms`)
    return lease
  }

  /**
   * The lease that another thread described: the same memory. @throws `ERR_STALE_VIEW` if it was
   * given back; `ERR_BAD_OPTION` if it is of another pool.
   */
  open(descriptor: LeaseDescriptor): Lease {
    return this.#open(descriptor, true)
  }

  /**
   * The lease that another thread handed over together with views of it: their memory lives as long
   * as they do. @throws As `open`.
   */
  adopt({ descriptor, buffer }: LeaseHandover): Lease {
    return this.#open(descriptor, true, buffer)
  }

  /**
   * A lease that another thread lends to this one, and goes on to answer for. @throws As `open`.
   * @internal
   */
  borrow(descriptor: LeaseDescriptor, buffer?: SharedArrayBuffer): Lease {
    return this.#open(descriptor, false, buffer)
  }

  /**
   * Gives back what was described, unopened. Whether it was still there. @throws `ERR_BAD_OPTION`
   * if it is of another pool.
   */
  discard(descriptor: LeaseDescriptor): boolean {
    return this.#arena.release(this.#placeOf(descriptor))
  }

  /**
   * Gives back all that a member answers for, which has died: what it took or opened, and nobody
   * else has opened. To be called when all its messages have been heard, as they have when its
   * thread's `exit` is. How many leases there were.
   */
  reclaim(member: number): number {
    checkInteger('member', member, 1)
    return this.#arena.reclaim(member)
  }

  /** What the memory is used for just now. */
  stats(): SegmentPoolStats {
    const { shared, highWater, usedBytes, collected, bell } = this.#arena
    return {
      maxBytes: this.maxBytes,
      touchedBytes: highWater * shared.segmentBytes,
      usedBytes,
      collected,
      lostWakeups: bell.lostWakeups,
    }
  }

  #checkSize(byteLength: number): void {
    checkInteger('byteLength', byteLength, 0)
    if (byteLength > this.maxBytes)
      throw new SpindleError(
        'ERR_TOO_LARGE',
        `${byteLength} bytes are more than the pool may have, \`maxBytes\` ${this.maxBytes}`,
      )
  }

  #open(descriptor: LeaseDescriptor, isOurs: boolean, buffer?: SharedArrayBuffer): Lease {
    const place = this.#placeOf(descriptor)
    if (!this.#arena.isLive(place)) throw staleView(descriptor)
    if (isOurs) this.#arena.setOwner(place, this.member)
    const origin = buffer === undefined ? { isOurs } : { buffer, isOurs }
    return new Lease(this.handle.id, this.#arena, place, descriptor.byteLength, origin)
  }

  #placeOf(descriptor: LeaseDescriptor): Place {
    const { pool, segment, offset, byteLength, generation } = descriptor
    const { segmentBytes } = this.#arena.shared
    const at = segment * segmentBytes + offset
    const granule = at / this.#arena.granuleBytes
    if (
      pool !== this.handle.id ||
      !Number.isInteger(granule) ||
      !(at >= 0 && at + byteLength <= this.maxBytes)
    )
      badOption('descriptor', 'that of a lease of this pool', descriptor)
    return { granule, generation }
  }
}

function makeArena(options: SegmentPoolOptions): Arena {
  checkOptions(options, ['segmentBytes', 'maxBytes'])
  const { segmentBytes = 2 ** 24, maxBytes = Math.max(2 ** 28, segmentBytes) } = options
  checkInteger('segmentBytes', segmentBytes, 2 ** 15)
  if (segmentBytes > LARGEST_SEGMENT || !Number.isInteger(Math.log2(segmentBytes)))
    badOption('segmentBytes', `a power of two from 32768 to ${LARGEST_SEGMENT}`, segmentBytes)
  checkInteger('maxBytes', maxBytes, segmentBytes)
  return Arena.make(segmentBytes, Math.floor(maxBytes / segmentBytes))
}

mark(SegmentPool.prototype, 'SegmentPool')

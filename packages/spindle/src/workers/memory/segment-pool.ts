import { nodeCrypto } from '../../builtins.ts'
import { badOption, checkInteger } from '../../check.ts'
import { isOf, mark } from '../../copies.ts'
import { SpindleError, TimeoutError } from '../../errors.ts'
import { integer, is, options, type Rule, type Rules } from '../../options/index.ts'
import { AcquireQueue } from './acquire-queue.ts'
import { Arena, type ArenaMemory, type Place } from './arena.ts'
import { Lease, type LeaseDescriptor, type LeaseHandover, leaseOf, staleView } from './lease.ts'
import type { SharedView, SharedViewConstructor } from './shared-view.ts'
import { SpinPolicy } from './spin-policy.ts'
import { checkWait, type HoldOptions, type WaitOptions } from './wait-options.ts'

/** Options of `SegmentPool`. */
export interface SegmentPoolOptions {
  /**
   * Size of a segment in bytes, a power of two from 32 KiB to 1 GiB. Leases of similar size share a
   * segment; larger ones take several whole neighbouring segments. A lease takes at least 1 KiB, or
   * segmentBytes / 16384. Default 16 MiB.
   */
  readonly segmentBytes?: number
  /**
   * Maximum bytes of all leases, an integer >= `segmentBytes`; rounded down to whole segments. The
   * address space is reserved at once, but memory is only used where it is written. Default 256
   * MiB.
   */
  readonly maxBytes?: number
}

const LARGEST_SEGMENT = 2 ** 30

const poolOptions = options('SegmentPoolOptions', {
  segmentBytes: is(`a power of two from 32768 to ${LARGEST_SEGMENT}`, isSegmentSize, {
    default: 2 ** 24,
  }),
  maxBytes: integer({ min: 1 }),
} satisfies Rules<SegmentPoolOptions>)

function isSegmentSize(value: unknown): boolean {
  const bytes = value as number
  return bytes >= 2 ** 15 && bytes <= LARGEST_SEGMENT && Number.isInteger(Math.log2(bytes))
}

/** The rule of an option that is a pool. */
export const segmentPoolRule: Rule<SegmentPool, 'maybe'> = is('a SegmentPool', (value) =>
  isOf(value, 'SegmentPool'),
)

/** What another thread needs to use the pool: to be sent by `postMessage` or as `workerData`. */
export interface SegmentPoolHandle extends ArenaMemory {
  readonly id: number
}

/** The use of a pool's memory. */
export interface SegmentPoolStats {
  /** Maximum bytes of all leases. */
  readonly maxBytes: number
  /** Bytes of the segments that were ever in use: an upper bound of the real memory. */
  readonly touchedBytes: number
  /** Bytes that leases take now, including rounding. */
  readonly usedBytes: number
  /**
   * Number of leases that garbage collectors have given back, in all threads. A large number shows
   * that a `using` or `release()` is missing.
   */
  readonly collected: number
  /** Number of waits that no notification ended in time. 0 unless there is a bug. */
  readonly lostWakeups: number
}

/**
 * The pools of this thread, with this thread's member number in each. Attaching again, as an op may
 * do for each item, then costs nothing.
 */
const attached = new Map<number, WeakRef<SegmentPool>>()
const members = new Map<number, number>()

/**
 * Shared memory in reused segments for large arrays that several threads fill and read without
 * copying. Any thread takes leases, sends them as small descriptors, and gives them back. The pool
 * grows up to `maxBytes`. Then `tryAllocate()` returns `undefined`, `allocate()` throws, and
 * `acquire()` and `acquireSync()` wait until memory is given back. There are no locks, so a thread
 * that dies blocks no other; `reclaim()` gives back what it held.
 *
 * Memory of a pool is shared memory. APIs that refuse a `SharedArrayBuffer` (onnxruntime, WebGPU,
 * `TextDecoder`) need a copy: `view.slice()`.
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
  /** Member number of this thread's pool among all users of the memory, from 1; for `reclaim()`. */
  readonly member: number
  /** The handle for other threads. */
  readonly handle: SegmentPoolHandle
  readonly #arena: Arena
  readonly #waiting: AcquireQueue
  readonly #spin: SpinPolicy = new SpinPolicy(0)

  /** @throws `ERR_BAD_OPTION` for a wrong option. */
  constructor(
    options:
      | SegmentPoolOptions
      | (SegmentPoolHandle & { readonly member?: number | undefined }) = {},
  ) {
    const handle = 'control' in options ? options : undefined
    this.#arena =
      handle === undefined ? makeArena(options as SegmentPoolOptions) : new Arena(handle)
    const id = handle?.id ?? nodeCrypto().randomInt(2 ** 48 - 1)
    this.handle = { id, ...this.#arena.shared }
    this.member = handle?.member ?? this.#arena.join()
    this.#waiting = new AcquireQueue(this.#arena.eventCount)
    for (const [other, pool] of attached) if (pool.deref() === undefined) attached.delete(other)
    attached.set(id, new WeakRef(this))
    if (!members.has(id)) members.set(id, this.member)
  }

  /**
   * Attaches to a pool that another thread has made. Within a thread, the result is always the same
   * member.
   *
   * @throws `ERR_BAD_OPTION`
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

  /** Maximum bytes of all leases together. */
  get maxBytes(): number {
    return this.#arena.shared.memory.byteLength
  }

  /**
   * Memory if there is room now, else `undefined`.
   *
   * @throws `ERR_TOO_LARGE` if there can never be enough.
   */
  tryAllocate(byteLength: number): Lease | undefined {
    this.#checkSize(byteLength)
    const place = this.#arena.allocate(byteLength, this.member)
    return place && new Lease(this.handle.id, this.#arena, place, byteLength)
  }

  /**
   * Memory now.
   *
   * @throws `ERR_POOL_FULL` if there is no room now; `ERR_TOO_LARGE`.
   */
  allocate(byteLength: number): Lease {
    const lease = this.tryAllocate(byteLength)
    if (lease !== undefined) return lease
    const { usedBytes } = this.stats()
    throw new SpindleError(
      'ERR_POOL_FULL',
      `no ${byteLength} bytes are free: ${usedBytes} of ${this.maxBytes} are in use: release leases earlier, raise \`maxBytes\`, or wait with acquire()`,
    )
  }

  /**
   * Memory as a typed array. `SegmentPool.leaseOf(array)?.release()` or the garbage collector gives
   * it back.
   *
   * @throws As `allocate`.
   */
  allocateArray<V extends ArrayBufferView>(
    Type: SharedViewConstructor<V>,
    length: number,
  ): SharedView<V> {
    checkInteger('length', length, 0)
    return this.allocate(length * Type.BYTES_PER_ELEMENT).view(Type, 0, length)
  }

  /**
   * Memory when there is room; requests of this thread are served in order.
   *
   * @throws `ERR_TOO_LARGE`; `ERR_TIMEOUT`; the signal's reason.
   */
  async acquire(byteLength: number, options?: WaitOptions): Promise<Lease> {
    this.#checkSize(byteLength)
    const limits = checkWait(options)
    return this.#waiting.add(
      () => this.tryAllocate(byteLength),
      limits,
      `memory of ${byteLength} bytes`,
    )
  }

  /**
   * Memory when there is room. Blocks the thread, so another thread must give memory back.
   *
   * @throws `ERR_TOO_LARGE`; `ERR_TIMEOUT`.
   */
  acquireSync(byteLength: number, options?: HoldOptions): Lease {
    const { timeoutMs } = checkWait(options)
    const lease = this.#arena.eventCount.waitSync(
      () => this.tryAllocate(byteLength),
      timeoutMs,
      this.#spin,
    )
    if (lease === undefined)
      throw new TimeoutError(`memory of ${byteLength} bytes was not free within ${timeoutMs} ms`)
    return lease
  }

  /**
   * Opens the lease of a descriptor from another thread: the same memory.
   *
   * @throws `ERR_STALE_VIEW` if it was given back; `ERR_BAD_OPTION` if it is of another pool.
   */
  open(descriptor: LeaseDescriptor): Lease {
    return this.#open(descriptor, true)
  }

  /**
   * Opens a lease that another thread has handed over together with views of it. Their memory lives
   * as long as the views do.
   *
   * @throws As `open`.
   */
  adopt({ descriptor, buffer }: LeaseHandover): Lease {
    return this.#open(descriptor, true, buffer)
  }

  /**
   * Opens a lease that another thread lends and remains responsible for.
   *
   * @throws As `open`.
   * @internal
   */
  borrow(descriptor: LeaseDescriptor, buffer?: SharedArrayBuffer): Lease {
    return this.#open(descriptor, false, buffer)
  }

  /**
   * Gives back the lease of a descriptor without opening it. Returns `false` if it was given back
   * before.
   *
   * @throws `ERR_BAD_OPTION` if it is of another pool.
   */
  discard(descriptor: LeaseDescriptor): boolean {
    return this.#arena.release(this.#placeOf(descriptor))
  }

  /**
   * Gives back all leases of a member that has died: those that it took or opened, except those
   * that another member has opened since. Call it after all messages of the dead thread were
   * handled, which is the case after its `exit` event. Returns the number of leases.
   */
  reclaim(member: number): number {
    checkInteger('member', member, 1)
    return this.#arena.reclaim(member)
  }

  /** The current use of the memory. */
  stats(): SegmentPoolStats {
    const { shared, highWater, usedBytes, collected, eventCount } = this.#arena
    return {
      maxBytes: this.maxBytes,
      touchedBytes: highWater * shared.segmentBytes,
      usedBytes,
      collected,
      lostWakeups: eventCount.lostWakeups,
    }
  }

  #checkSize(byteLength: number): void {
    checkInteger('byteLength', byteLength, 0)
    if (byteLength > this.maxBytes)
      throw new SpindleError(
        'ERR_TOO_LARGE',
        `${byteLength} bytes are more than \`maxBytes\` of the pool, ${this.maxBytes}`,
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
  const { segmentBytes, ...given } = poolOptions.check(options)
  const { maxBytes = Math.max(2 ** 28, segmentBytes) } = given
  checkInteger('maxBytes', maxBytes, segmentBytes)
  return Arena.make(segmentBytes, Math.floor(maxBytes / segmentBytes))
}

mark(SegmentPool.prototype, 'SegmentPool')

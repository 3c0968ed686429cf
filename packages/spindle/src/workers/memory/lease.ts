import { badOption, checkInteger, show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import type { Arena, Place } from './arena.ts'
import type { SharedView, SharedViewConstructor } from './shared-view.ts'

/** Names a lease to another thread of the same pool: plain data of a few numbers. */
export interface LeaseDescriptor {
  /** Number of the pool. */
  readonly pool: number
  /** Number of the segment, and where the lease begins in it, in bytes. */
  readonly segment: number
  readonly offset: number
  readonly byteLength: number
  /** Which use of that place it is: tells the lease from those before and after it. */
  readonly generation: number
}

/**
 * A lease on its way, together with views of it: `buffer` is the one behind them, and arrives so if
 * it travels in the same message.
 */
export interface LeaseHandover {
  readonly descriptor: LeaseDescriptor
  readonly buffer: SharedArrayBuffer
}

/** Who gives a place back when nothing in this thread can reach its memory any more. */
interface Duty {
  readonly arena: Arena
  readonly place: Place
  isOurs: boolean
}

/** @internal How a lease came to this thread. */
export interface LeaseOrigin {
  /** What arrived together with views of it. */
  readonly buffer?: SharedArrayBuffer
  /** Whether this thread's garbage collector gives it back. */
  readonly isOurs?: boolean
}

const leases = new WeakMap<SharedArrayBuffer, Lease>()
const forgotten = new FinalizationRegistry<Duty>(({ arena, place, isOurs }) => {
  if (isOurs) arena.collect(place)
})

/** The lease that a view was made from, also a part of a view. */
export function leaseOf(view: ArrayBufferView): Lease | undefined {
  return leases.get(view.buffer as SharedArrayBuffer)
}

/**
 * A piece of a pool's memory. It is given back by `release()`, at the end of a `using` block, or by
 * the garbage collector once neither the lease nor any view of it can be reached. Its first byte is
 * at a multiple of 64; what is in it at first is whatever was there before.
 *
 * Memory cannot be taken from a view that somebody kept. So take views from the lease each time:
 * that fails once it was given back, by whichever thread, and `validate()` after reading says that
 * what was read was its own.
 */
export class Lease implements Disposable {
  readonly byteLength: number
  readonly #pool: number
  readonly #arena: Arena
  readonly #place: Place
  readonly #byteOffset: number
  /**
   * An object of its own over the pool's memory: as long as a view of the lease lives, so does it.
   */
  readonly #buffer: SharedArrayBuffer
  readonly #duty: Duty

  /** @internal Made by a `SegmentPool`. */
  constructor(
    pool: number,
    arena: Arena,
    place: Place,
    byteLength: number,
    { buffer = structuredClone(arena.shared.memory), isOurs = true }: LeaseOrigin = {},
  ) {
    this.#pool = pool
    this.#arena = arena
    this.#place = place
    this.byteLength = byteLength
    this.#byteOffset = place.granule * arena.granuleBytes
    this.#buffer = buffer
    this.#duty = { arena, place, isOurs }
    forgotten.register(buffer, this.#duty)
    leases.set(buffer, this)
  }

  /** Whether it was not given back. */
  get isLive(): boolean {
    return this.#arena.isLive(this.#place)
  }

  /** All of its bytes. @throws `ERR_STALE_VIEW` if it was given back. */
  get bytes(): Uint8Array<SharedArrayBuffer> {
    return this.view(Uint8Array)
  }

  /**
   * Its memory as another type: `lease.view(Float32Array)`.
   *
   * @param byteOffset Where the view begins in the lease, a multiple of the element's size. Default 0.
   * @param length Number of elements. Default: as many as fit.
   * @throws `ERR_STALE_VIEW` if it was given back; `ERR_BAD_OPTION` if the view would not lie
   *   inside.
   */
  view<V extends ArrayBufferView>(
    Type: SharedViewConstructor<V>,
    byteOffset = 0,
    length?: number,
  ): SharedView<V> {
    this.validate()
    const size = Type.BYTES_PER_ELEMENT
    checkInteger('byteOffset', byteOffset, 0)
    if (byteOffset % size !== 0) badOption('byteOffset', `a multiple of ${size}`, byteOffset)
    const fits = Math.floor((this.byteLength - byteOffset) / size)
    const count = length ?? Math.max(0, fits)
    checkInteger('length', count, 0)
    if (count > fits)
      badOption(
        'length',
        `at most ${fits} in a lease of ${this.byteLength} bytes`,
        `${Type.name} of ${count}`,
      )
    return new Type(this.#buffer, this.#byteOffset + byteOffset, count) as unknown as SharedView<V>
  }

  /**
   * Sets all bytes to a value, ten times as fast as `fill()` on a view of shared memory. @throws
   * `ERR_STALE_VIEW`
   */
  fill(value: number): this {
    const { bytes } = this
    const pattern = new Uint8Array(Math.min(bytes.length, 64 * 1024)).fill(value)
    for (let at = 0; at < bytes.length; at += pattern.length)
      bytes.set(pattern.subarray(0, bytes.length - at), at)
    return this
  }

  /**
   * Makes sure that it was not given back: call it after reading what another thread may have given
   * back meanwhile. @throws `ERR_STALE_VIEW`
   */
  validate(): void {
    if (!this.isLive) throw staleView(this.describe())
  }

  /**
   * Gives the memory back. Whether this call did; `false` if it was given back before, here or by
   * another thread.
   */
  release(): boolean {
    return this.#arena.release(this.#place)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /**
   * What another thread opens the lease by (`pool.open(descriptor)`). From here on it is that
   * thread's garbage collector that answers for it, or a `release()` by either. A descriptor that
   * is never opened is given back by `pool.reclaim()` alone.
   *
   * @throws `ERR_STALE_VIEW` if it was given back.
   */
  toDescriptor(): LeaseDescriptor {
    this.validate()
    this.#duty.isOurs = false
    return this.describe()
  }

  /**
   * As `toDescriptor()`, where views of the lease travel in the same message; the other side calls
   * `pool.adopt()`. @throws `ERR_STALE_VIEW`
   */
  handOver(): LeaseHandover {
    return { descriptor: this.toDescriptor(), buffer: this.#buffer }
  }

  /** The message with the descriptor was not sent after all. */
  takeBack(): void {
    this.#duty.isOurs = true
  }

  /**
   * For a thread that uses it for a while; this one goes on to answer for it. @throws
   * `ERR_STALE_VIEW` @internal
   */
  lend(): LeaseHandover {
    this.validate()
    return { descriptor: this.describe(), buffer: this.#buffer }
  }

  /**
   * Views over `buffer`, which are of the same memory, came back to this thread: they too keep the
   * lease. @internal
   */
  join(buffer: SharedArrayBuffer): void {
    leases.set(buffer, this)
  }

  /** @internal */
  describe(): LeaseDescriptor {
    const { segmentBytes } = this.#arena.shared
    return {
      pool: this.#pool,
      segment: Math.floor(this.#byteOffset / segmentBytes),
      offset: this.#byteOffset % segmentBytes,
      byteLength: this.byteLength,
      generation: this.#place.generation,
    }
  }
}

export function staleView(descriptor: LeaseDescriptor): SpindleError {
  return new SpindleError(
    'ERR_STALE_VIEW',
    `the memory was given back, and may be in use again: ${show(descriptor)}`,
  )
}

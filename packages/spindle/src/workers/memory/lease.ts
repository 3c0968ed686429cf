import { badOption, checkInteger, show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import type { Arena, Place } from './arena.ts'
import type { SharedView, SharedViewConstructor } from './shared-view.ts'

/** Identifies a lease for another thread of the same pool: plain data of a few numbers. */
export interface LeaseDescriptor {
  /** Number of the pool. */
  readonly pool: number
  /** Number of the segment, and byte position of the lease in it. */
  readonly segment: number
  readonly offset: number
  readonly byteLength: number
  /**
   * Which use of that place it is. It distinguishes the lease from earlier and later ones there.
   */
  readonly generation: number
}

/**
 * A lease that is sent together with views of it. `buffer` is the buffer behind the views; in the
 * same message it arrives as their buffer.
 */
export interface LeaseHandover {
  readonly descriptor: LeaseDescriptor
  readonly buffer: SharedArrayBuffer
}

/** Gives a place back when nothing in this thread can reach its memory any more. */
interface Duty {
  readonly arena: Arena
  readonly place: Place
  isOurs: boolean
}

/** @internal How a lease came to this thread. */
export interface LeaseOrigin {
  /** The buffer that arrived together with views of it. */
  readonly buffer?: SharedArrayBuffer
  /** Whether this thread's garbage collector gives it back. */
  readonly isOurs?: boolean
}

const leases = new WeakMap<SharedArrayBuffer, Lease>()
const forgotten = new FinalizationRegistry<Duty>(({ arena, place, isOurs }) => {
  if (isOurs) arena.collect(place)
})

/** The lease that a view, or a part of the view, was made from. */
export function leaseOf(view: ArrayBufferView): Lease | undefined {
  return leases.get(view.buffer as SharedArrayBuffer)
}

/**
 * A piece of a pool's memory. `release()`, the end of a `using` block, or the garbage collector
 * gives it back; the latter when neither the lease nor a view of it can be reached. Its first byte
 * is at a multiple of 64. Its initial content is undefined.
 *
 * A view that code keeps stays readable after the lease was given back. So take views from the
 * lease each time: that throws once any thread has given it back. Call `validate()` after reading
 * to be sure that the data was the lease's own.
 */
export class Lease implements Disposable {
  readonly byteLength: number
  readonly #pool: number
  readonly #arena: Arena
  readonly #place: Place
  readonly #byteOffset: number
  /** A separate buffer object over the pool's memory: it lives as long as any view of the lease. */
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

  /** Whether it has not been given back. */
  get isLive(): boolean {
    return this.#arena.isLive(this.#place)
  }

  /**
   * All of its bytes.
   *
   * @throws `ERR_STALE_VIEW` if it was given back.
   */
  get bytes(): Uint8Array<SharedArrayBuffer> {
    return this.view(Uint8Array)
  }

  /**
   * Its memory as another type: `lease.view(Float32Array)`.
   *
   * @param byteOffset Where the view begins in the lease, a multiple of the element's size. Default 0.
   * @param length Number of elements. Default: as many as fit.
   * @throws `ERR_STALE_VIEW` if it was given back; `ERR_BAD_OPTION` if the view would exceed the
   *   lease.
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
   * Sets all bytes to a value, ten times as fast as `fill()` on a view of shared memory.
   *
   * @throws `ERR_STALE_VIEW`
   */
  fill(value: number): this {
    const { bytes } = this
    const pattern = new Uint8Array(Math.min(bytes.length, 64 * 1024)).fill(value)
    for (let at = 0; at < bytes.length; at += pattern.length)
      bytes.set(pattern.subarray(0, bytes.length - at), at)
    return this
  }

  /**
   * Checks that the lease was not given back. Call it after reading, if another thread may have
   * given it back meanwhile.
   *
   * @throws `ERR_STALE_VIEW`
   */
  validate(): void {
    if (!this.isLive) throw staleView(this.describe())
  }

  /**
   * Gives the memory back. Returns `false` if it was given back before, by this or another thread.
   */
  release(): boolean {
    return this.#arena.release(this.#place)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /**
   * The descriptor by which another thread opens the lease (`pool.open(descriptor)`). From now on,
   * that thread's garbage collector is responsible for it, or a `release()` by either thread. If a
   * descriptor is never opened, only `pool.reclaim()` gives its lease back.
   *
   * @throws `ERR_STALE_VIEW` if it was given back.
   */
  toDescriptor(): LeaseDescriptor {
    this.validate()
    this.#duty.isOurs = false
    return this.describe()
  }

  /**
   * As `toDescriptor()`, for a message that also contains views of the lease. The other side calls
   * `pool.adopt()`.
   *
   * @throws `ERR_STALE_VIEW`
   */
  handOver(): LeaseHandover {
    return { descriptor: this.toDescriptor(), buffer: this.#buffer }
  }

  /** Undoes `handOver()` when the message was not sent. */
  takeBack(): void {
    this.#duty.isOurs = true
  }

  /**
   * For a thread that uses the lease for a while. This thread remains responsible for it.
   *
   * @throws `ERR_STALE_VIEW`
   * @internal
   */
  lend(): LeaseHandover {
    this.validate()
    return { descriptor: this.describe(), buffer: this.#buffer }
  }

  /**
   * Views over `buffer`, which is the same memory, came back to this thread. They too keep the
   * lease.
   *
   * @internal
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
    `the memory was released and may be in use again: ${show(descriptor)}`,
  )
}

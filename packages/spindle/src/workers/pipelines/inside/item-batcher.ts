import { sizeOf } from '../../../engine/flow/size.ts'
import { SpindleError } from '../../../errors.ts'
import { clockMs, setImmediate } from '../../../timers.ts'
import type { LeaseHandover } from '../../memory/lease.ts'
import { notTransferable } from '../../transport/not-transferable.ts'
import { type MayMove, pack } from '../../transport/pack.ts'
import type { ArenaSender } from './arena-sender.ts'

/** The way to the consumer. */
export interface Uplink {
  /**
   * Sends items; those of `transfers` are given away. Throws if something cannot cross, and then
   * has sent nothing.
   */
  sendItems(
    items: unknown[],
    refill: number,
    transfers: Set<ArrayBuffer>,
    leases: readonly LeaseHandover[],
  ): void
}

/** Most items of one message: more gain nothing, and the first of them waits for the last. */
const MOST_ITEMS = 64
/**
 * Items are held back only if others left so short a time ago, in milliseconds: what comes seldom
 * leaves at once.
 */
const HOLD_MS = 1

// Without a `bufferSize`.
const LEAST_AHEAD = 3
const MOST_AHEAD = 512
const BYTES_AHEAD = 8 * 1024 * 1024

/**
 * Items on their way to the consumer: gathered, sent together at the end of a turn (or when there
 * are many, or the last sending was a millisecond ago), and counted, so that never more than the
 * consumer has room for are on the way.
 */
export class ItemBatcher {
  readonly #uplink: Uplink
  readonly #bufferSize: number | undefined
  readonly #mayMove: MayMove
  readonly #onError: (error: unknown) => void
  readonly #onFull: () => void
  readonly #arena: ArenaSender | undefined
  #items: unknown[] = []
  /** For each item, the memory that it has of an arena; only with one. */
  #leases: (readonly LeaseHandover[])[] = []
  #transfers: Set<ArrayBuffer> = new Set()
  #flushedAt = 0
  #isFlushing = false
  /** Items given out since the beginning, those that are still held included. */
  #given = 0
  /** Time spent on making items ready to cross and sending them, in milliseconds. */
  packMs = 0
  #taken = 0
  /**
   * Sizes of the items given and not taken, oldest first from `#oldest`; only without a
   * `bufferSize`.
   */
  #sizes: number[] = []
  #oldest = 0
  #bytes = 0
  #roomMade: (() => void) | undefined
  #roomWanted: Promise<void> | undefined

  constructor(
    uplink: Uplink,
    options: {
      readonly bufferSize: number | undefined
      /** Whether a buffer may be given to the consumer. */
      readonly mayMove: MayMove
      readonly arena: ArenaSender | undefined
      /** Called when an item cannot cross and it is found only at the end of the turn. */
      readonly onError: (error: unknown) => void
      /** Called when room is waited for. */
      readonly onFull: () => void
    },
  ) {
    this.#uplink = uplink
    this.#onError = options.onError
    this.#onFull = options.onFull
    this.#bufferSize = options.bufferSize
    this.#mayMove = options.mayMove
    this.#arena = options.arena
  }

  /** Whether the consumer has room for one more. */
  get hasRoom(): boolean {
    const ahead = this.#given - this.#taken
    if (this.#bufferSize !== undefined) return ahead < this.#bufferSize
    return ahead < LEAST_AHEAD || (ahead < MOST_AHEAD && this.#bytes < BYTES_AHEAD)
  }

  /** Resolves when there is room. */
  room(): Promise<void> {
    if (this.hasRoom) return Promise.resolve()
    this.#onFull()
    this.#roomWanted ??= new Promise((resolve) => {
      this.#roomMade = resolve
    })
    return this.#roomWanted
  }

  /** There is room for whatever comes from now on: it is the rest. */
  lift(): void {
    this.took(Number.POSITIVE_INFINITY)
  }

  /** The consumer tells how many it has taken since the beginning. */
  took(items: number): void {
    if (items <= this.#taken) return
    const until = Math.min(items, this.#given)
    for (let at = this.#taken; at < until && this.#oldest < this.#sizes.length; at++)
      this.#bytes -= this.#sizes[this.#oldest++] as number
    if (this.#oldest > MOST_AHEAD) {
      this.#sizes = this.#sizes.slice(this.#oldest)
      this.#oldest = 0
    }
    this.#taken = items
    if (this.#roomMade === undefined || !this.hasRoom) return
    const made = this.#roomMade
    this.#roomMade = undefined
    this.#roomWanted = undefined
    // It was the consumer that made the next item late: others will follow it at once.
    this.#flushedAt = clockMs()
    made()
  }

  /** @throws `ERR_NOT_TRANSFERABLE` if an item cannot cross; those before it have been sent. */
  push(item: unknown): void {
    const startedAt = clockMs()
    this.#given++
    const { packed, bytes, leases } = this.#pack(item)
    if (this.#bufferSize === undefined) {
      this.#sizes.push(bytes)
      this.#bytes += bytes
    }
    if (this.#arena !== undefined) this.#leases.push(leases)
    this.#items.push(packed)
    const now = clockMs()
    this.packMs += now - startedAt
    const isLate = now - this.#flushedAt >= HOLD_MS
    if (isLate || this.#items.length >= MOST_ITEMS || !this.hasRoom) this.flush()
    else this.#flushSoon()
  }

  /** Code of the user's may run in here: getters of the item. */
  #pack(item: unknown): { packed: unknown; bytes: number; leases: readonly LeaseHandover[] } {
    try {
      const bytes = this.#bufferSize === undefined ? sizeOf(item) : 0
      const placed = this.#arena === undefined ? item : this.#arena.place(item)
      const packed = pack(placed, this.#transfers, this.#mayMove)
      return { packed, bytes, leases: this.#arena?.leasesOf(packed) ?? [] }
    } catch (error) {
      this.flush()
      throw error instanceof SpindleError ? error : notTransferable(item, 'item', error)
    }
  }

  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      try {
        this.flush()
      } catch (error) {
        this.#onError(error)
      }
    })
  }

  /** Sends what there is. @throws `ERR_NOT_TRANSFERABLE`. */
  flush(): void {
    const startedAt = clockMs()
    this.#flushedAt = startedAt
    if (this.#items.length === 0) return
    try {
      this.#send()
    } finally {
      this.packMs += clockMs() - startedAt
    }
  }

  #send(): void {
    const items = this.#items
    const transfers = this.#transfers
    const leases = this.#leases
    this.#items = []
    this.#transfers = new Set()
    this.#leases = []
    try {
      this.#uplink.sendItems(items, this.#refill(), transfers, leases.flat())
    } catch {
      items.forEach((item, i) => this.#sendAlone(item, leases[i] ?? []))
    }
  }

  /** One of a batch that cannot be sent as a whole. */
  #sendAlone(item: unknown, leases: readonly LeaseHandover[]): void {
    const transfers = new Set<ArrayBuffer>()
    try {
      const packed = pack(item, transfers, this.#mayMove)
      this.#uplink.sendItems([packed], this.#refill(), transfers, leases)
    } catch {
      // Some buffers can be cloned and not given away, those of WebAssembly among them.
      try {
        this.#uplink.sendItems([item], this.#refill(), new Set(), leases)
      } catch (error) {
        throw notTransferable(item, 'item', error)
      }
    }
  }

  /**
   * Half of what may be on the way: while the other half is consumed, there is time for it to be
   * made good.
   */
  #refill(): number {
    const ahead = this.#given - this.#taken
    const room =
      this.#bufferSize ?? Math.min(MOST_AHEAD, (BYTES_AHEAD * ahead) / Math.max(1, this.#bytes))
    return Math.max(1, Math.floor(room / 2))
  }
}

import { sizeOf } from '../../../engine/flow/size.ts'
import { SpindleError } from '../../../errors.ts'
import { clockMs, setImmediate } from '../../../timers.ts'
import type { LeaseHandover } from '../../memory/lease.ts'
import { notTransferable } from '../../transport/not-transferable.ts'
import { type MayMove, pack } from '../../transport/pack.ts'
import type { ArenaSender } from './arena-sender.ts'

/** Sends messages to the consumer. */
export interface ItemChannel {
  /**
   * Sends items; the buffers in `transfers` are transferred. If something cannot be sent, it throws
   * and sends nothing.
   */
  sendItems(
    items: unknown[],
    refill: number,
    transfers: Set<ArrayBuffer>,
    leases: readonly LeaseHandover[],
  ): void
}

/**
 * Maximum number of items per message. More per message are not faster, and the first would wait
 * for the last.
 */
const MOST_ITEMS = 64
/**
 * Items are held back only if the last message left less than this ago, in milliseconds, so rare
 * items leave at once.
 */
const HOLD_MS = 1

// Bounds without a `bufferSize`.
const LEAST_AHEAD = 3
const MOST_AHEAD = 512
const BYTES_AHEAD = 8 * 1024 * 1024

/**
 * Items for the consumer. They are gathered and sent together at the end of an event loop turn, or
 * earlier if there are many or the last message left a millisecond ago. They are counted, so that
 * no more are on their way than the consumer has room for.
 */
export class ItemBatcher {
  readonly #channel: ItemChannel
  readonly #bufferSize: number | undefined
  readonly #mayMove: MayMove
  readonly #onError: (error: unknown) => void
  readonly #onFull: () => void
  readonly #arena: ArenaSender | undefined
  #items: unknown[] = []
  /** For each item, its leases of the arena; only used with an arena. */
  #leases: (readonly LeaseHandover[])[] = []
  #transfers: Set<ArrayBuffer> = new Set()
  #flushedAt = 0
  #isFlushing = false
  /** Number of items since the beginning, including those still held here. */
  #given = 0
  /** Time spent on packing and sending items, in milliseconds. */
  packMs = 0
  #taken = 0
  /**
   * Sizes of the items that the consumer has not taken, oldest first from `#oldest`; only without a
   * `bufferSize`.
   */
  #sizes: number[] = []
  #oldest = 0
  #bytes = 0
  #roomMade: (() => void) | undefined
  #roomWanted: Promise<void> | undefined

  constructor(
    channel: ItemChannel,
    options: {
      readonly bufferSize: number | undefined
      /** Whether a buffer may be transferred to the consumer. */
      readonly mayMove: MayMove
      readonly arena: ArenaSender | undefined
      /** Called when an item cannot be sent and this is only found at the end of the turn. */
      readonly onError: (error: unknown) => void
      /** Called when the hosted pipeline has to wait for room. */
      readonly onFull: () => void
    },
  ) {
    this.#channel = channel
    this.#onError = options.onError
    this.#onFull = options.onFull
    this.#bufferSize = options.bufferSize
    this.#mayMove = options.mayMove
    this.#arena = options.arena
  }

  /** Whether the consumer has room for one more item. */
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

  /** Removes the limit, for the remaining items after a stop. */
  lift(): void {
    this.took(Number.POSITIVE_INFINITY)
  }

  /** The consumer has taken `items` since the beginning. */
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
    // The consumer delayed the next item, so more will follow at once.
    this.#flushedAt = clockMs()
    made()
  }

  /**
   * @throws `ERR_NOT_TRANSFERABLE` if an item cannot be sent; the items before it have been sent.
   */
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

  /** May run the user's code: getters of the item. */
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

  /**
   * Sends the gathered items.
   *
   * @throws `ERR_NOT_TRANSFERABLE`.
   */
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
      this.#channel.sendItems(items, this.#refill(), transfers, leases.flat())
    } catch {
      items.forEach((item, i) => this.#sendAlone(item, leases[i] ?? []))
    }
  }

  /** Sends one item of a batch that cannot be sent as a whole. */
  #sendAlone(item: unknown, leases: readonly LeaseHandover[]): void {
    const transfers = new Set<ArrayBuffer>()
    try {
      const packed = pack(item, transfers, this.#mayMove)
      this.#channel.sendItems([packed], this.#refill(), transfers, leases)
    } catch {
      // Some buffers can be cloned but not transferred, such as those of WebAssembly.
      try {
        this.#channel.sendItems([item], this.#refill(), new Set(), leases)
      } catch (error) {
        throw notTransferable(item, 'item', error)
      }
    }
  }

  /**
   * Number of items after which the consumer reports: half of the limit, so that new items are made
   * while the other half is consumed.
   */
  #refill(): number {
    const ahead = this.#given - this.#taken
    const room =
      this.#bufferSize ?? Math.min(MOST_AHEAD, (BYTES_AHEAD * ahead) / Math.max(1, this.#bytes))
    return Math.max(1, Math.floor(room / 2))
  }
}

import { availableParallelism, loadavg } from 'node:os'
import type { Transferable } from 'node:worker_threads'
import type { SpindleError } from '../../errors.ts'
import { clockMs } from '../../timers.ts'
import { notTransferable } from '../transport/not-transferable.ts'
import { type MayMove, pack, type TransferStats } from '../transport/pack.ts'
import { type PoolMessage, SLOTS, type WorkerMessage } from './call-protocol.ts'
import type { CallTransport, PoolControl, WorkerControl } from './pool-channel.ts'

// How a pool and one of its threads reach each other: messages, a control block in shared memory,
// and the wait of the thread for its next message.

/**
 * The transport between threads. Buffers are transferred where that is allowed; other values are
 * cloned.
 */
export class ThreadTransport implements CallTransport {
  readonly stats: TransferStats = { transferredBytes: 0, copiedBytes: 0 }
  /** Reading a message takes no time here, whatever it holds. */
  readonly hasPlenty: boolean = false
  sent = 0
  readonly #port: { postMessage(value: unknown, transfers: readonly Transferable[]): void }
  readonly #mayMove: MayMove
  readonly #transfers: Set<ArrayBuffer> = new Set()

  /**
   * `mayMove`: whether the buffers of a value may be transferred, so that only the other side has
   * them.
   */
  constructor(
    port: { postMessage(value: unknown, transfers: readonly Transferable[]): void },
    mayMove: MayMove,
  ) {
    this.#port = port
    this.#mayMove = mayMove
  }

  pack(value: unknown): unknown {
    return pack(value, this.#transfers, this.#mayMove, this.stats)
  }

  give(buffer: ArrayBuffer): boolean {
    this.#transfers.add(buffer)
    return true
  }

  send(message: PoolMessage | WorkerMessage, givesAway = true): void {
    let transfers = none
    if (this.#transfers.size > 0) {
      if (givesAway) transfers = [...this.#transfers]
      this.#transfers.clear()
    }
    this.#port.postMessage(message, transfers)
    this.sent++
  }

  open(): void {}

  release(): void {}

  whyNot(value: unknown, what: string, cause: unknown): SpindleError {
    return notTransferable(value, what, cause)
  }
}

const none: readonly Transferable[] = []

// The control block of a thread. It has the state of each slot, which only the worker writes after
// the pool has reset it.
const WAITING = 0
const BEGUN = 1
const ENDED = 2
/** Begun, but only the loading of the op's module. */
const LOADING = 3
// After SLOTS words, it has for each slot whether the pool has aborted its task. Then follow single
// words:
const WANTED = 0
const ABORTED = 1
/** Number of messages that the pool has sent. */
const POSTED = 2 * SLOTS
/** Whether the worker is in an op's own code. */
const INSIDE = POSTED + 1
/** Whether the process is ending. */
const STOPPING = POSTED + 2
/** Number of the worker among the members of the pool's shared memory, if any. */
const MEMBER = POSTED + 3
const WORDS = POSTED + 4

/** The pool's side of a thread's control block. */
export class SharedPoolControl implements PoolControl {
  readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)
  readonly #words: Int32Array = new Int32Array(this.buffer)

  reset(slot: number): void {
    this.#words[slot] = WAITING
    this.#words[SLOTS + slot] = WANTED
  }

  abort(slot: number): void {
    Atomics.store(this.#words, SLOTS + slot, ABORTED)
  }

  begunSlots(): ReadonlySet<number> {
    return this.#slots((state) => state === BEGUN || state === LOADING)
  }

  loadingSlots(): ReadonlySet<number> {
    return this.#slots((state) => state === LOADING)
  }

  #slots(isWanted: (state: number) => boolean): ReadonlySet<number> {
    const slots = new Set<number>()
    for (let slot = 0; slot < SLOTS; slot++)
      if (isWanted(Atomics.load(this.#words, slot))) slots.add(slot)
    return slots
  }

  posted(): void {
    Atomics.add(this.#words, POSTED, 1)
  }

  close(): void {}

  /** See `SegmentPool.member`; 0 for none. */
  get member(): number {
    return Atomics.load(this.#words, MEMBER)
  }

  /** Makes the worker begin nothing more. */
  stop(): void {
    Atomics.store(this.#words, STOPPING, 1)
  }

  /** After {@link stop}: waits until the worker is in no op's own code, at most for the limit. */
  waitUntilOutside(limitMs: number): void {
    if (Atomics.load(this.#words, INSIDE) === 1)
      Atomics.wait(this.#words, INSIDE, 1, Math.max(0, limitMs))
  }
}

/** The worker's side of a thread's control block. */
export class SharedWorkerControl implements WorkerControl {
  readonly #words: Int32Array

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer)
  }

  /** Number of messages that the pool has sent. */
  get posted(): number {
    return Atomics.load(this.#words, POSTED)
  }

  set member(member: number) {
    Atomics.store(this.#words, MEMBER, member)
  }

  load(slot: number): void {
    Atomics.store(this.#words, slot, LOADING)
  }

  begin(slot: number): void {
    Atomics.store(this.#words, slot, BEGUN)
  }

  end(slot: number): void {
    Atomics.store(this.#words, slot, ENDED)
  }

  settle(): void {}

  isAborted(slot: number): boolean {
    return Atomics.load(this.#words, SLOTS + slot) === ABORTED
  }

  // Each side writes its own word and then reads the other's, so at least one of them sees the
  // other. Either the worker sees that it must not enter, or the pool sees that it has entered.
  enter(): void {
    Atomics.store(this.#words, INSIDE, 1)
    if (Atomics.load(this.#words, STOPPING) === 0) return
    this.leave()
    for (;;) Atomics.wait(this.#words, STOPPING, 1)
  }

  leave(): void {
    Atomics.store(this.#words, INSIDE, 0)
    if (Atomics.load(this.#words, STOPPING) === 1) Atomics.notify(this.#words, INSIDE)
  }
}

/**
 * How long a worker spins for the next message before it sleeps, in milliseconds. Waking it would
 * cost the pool about as much.
 */
const SPIN_MS = 0.05
/** How long it may continue without the event loop, in milliseconds. */
const TURN_MS = 5
/** How often the load of the machine is checked, in milliseconds. */
const LOOK_MS = 1000
/**
 * After this many failed attempts in a row, it sleeps at once, and spins only once in this many
 * attempts.
 */
const VAIN = 8

/**
 * Spins briefly for the next message. It spins only if a core is free: the pool has fewer threads
 * than the machine has cores, and the machine is not busy otherwise. It also needs recent success:
 * after messages that came too late it rarely spins.
 */
export class SpinWait {
  /** Number of messages that the worker has received. */
  received = 0
  readonly #control: SharedWorkerControl
  readonly #isAllowed: boolean
  #isBusy = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #vain = 0
  #skipped = 0

  constructor(control: SharedWorkerControl, poolSize: number) {
    this.#control = control
    // One core is for the thread of the pool.
    this.#isAllowed = poolSize < availableParallelism()
  }

  /** Whether a message is available now or within the spin time. */
  isMessageNear(turnStartedAt: number): boolean {
    if (this.#hasMessage) return clockMs() - turnStartedAt < TURN_MS
    if (!this.#isAllowed) return false
    if (this.#vain >= VAIN && ++this.#skipped % VAIN !== 0) return false
    const startedAt = clockMs()
    if (this.#isMachineBusy(startedAt)) return false
    do {
      for (let i = 0; i < 64; i++) {
        if (this.#hasMessage) {
          this.#vain = 0
          return true
        }
      }
    } while (clockMs() - startedAt < SPIN_MS)
    this.#vain++
    return false
  }

  get #hasMessage(): boolean {
    // The count wraps around at 2^31.
    return ((this.#control.posted - this.received) | 0) > 0
  }

  #isMachineBusy(nowMs: number): boolean {
    if (nowMs - this.#lookedAt > LOOK_MS) {
      this.#lookedAt = nowMs
      // Average of the last minute; 0 on systems without it. The pool itself accounts for two.
      this.#isBusy = (loadavg()[0] as number) > availableParallelism() + 1
    }
    return this.#isBusy
  }
}

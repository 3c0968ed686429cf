import { SLOTS } from './call-protocol.ts'
import type { PoolControl, WorkerControl } from './pool-channel.ts'

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

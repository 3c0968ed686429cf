import { closeSync } from 'node:fs'
import { clockMs } from '../../timers.ts'
import { openUnnamedFile, readFully, writeFully } from '../memory/unnamed-file.ts'
import { SLOTS } from './call-protocol.ts'
import type { PoolControl, WorkerControl } from './pool-channel.ts'

// The control block of a process. It has a byte for the state of each slot, which only the worker
// writes. After SLOTS bytes it has a byte per slot for whether the pool has aborted its task. A
// file does for processes what shared memory does for threads: it still exists after one of them
// has died.
const ENDED = 0
const BEGUN = 1
/** Begun, but only the loading of the op's module. */
const LOADING = 2
const WANTED = 0
const ABORTED = 1

/** The pool's side of a process's control block. */
export class FilePoolControl implements PoolControl {
  readonly file: number = openUnnamedFile(2 * SLOTS)
  readonly #aborts: Uint8Array = new Uint8Array(SLOTS)

  constructor() {
    writeFully(this.file, new Uint8Array(2 * SLOTS), 0)
  }

  reset(slot: number): void {
    if (this.#aborts[slot] === ABORTED) this.#write(slot, WANTED)
  }

  abort(slot: number): void {
    this.#write(slot, ABORTED)
  }

  #write(slot: number, value: number): void {
    this.#aborts[slot] = value
    writeFully(this.file, this.#aborts.subarray(slot, slot + 1), SLOTS + slot)
  }

  begunSlots(): ReadonlySet<number> {
    return this.#slots((state) => state === BEGUN || state === LOADING)
  }

  loadingSlots(): ReadonlySet<number> {
    return this.#slots((state) => state === LOADING)
  }

  #slots(isWanted: (state: number) => boolean): ReadonlySet<number> {
    const states = new Uint8Array(SLOTS)
    readFully(this.file, states, 0)
    return new Set([...states.keys()].filter((slot) => isWanted(states[slot] as number)))
  }

  close(): void {
    closeSync(this.file)
  }
}

/**
 * Maximum age of a value read from the file, in milliseconds, for checks that occur at every call.
 */
const STALE_MS = 1

/**
 * The worker's side of a process's control block. A read or write costs about a microsecond, so an
 * end is written together with the next beginning.
 */
export class FileWorkerControl implements WorkerControl {
  readonly #file: number
  readonly #states: Uint8Array = new Uint8Array(SLOTS)
  readonly #aborts: Uint8Array = new Uint8Array(SLOTS)
  #readAt = Number.NEGATIVE_INFINITY
  #isSettled = true

  constructor(file: number) {
    this.#file = file
  }

  load(slot: number): void {
    this.#note(slot, LOADING)
  }

  begin(slot: number): void {
    this.#note(slot, BEGUN)
  }

  #note(slot: number, state: number): void {
    this.#states[slot] = state
    writeFully(this.#file, this.#states, 0)
    this.#isSettled = true
  }

  end(slot: number): void {
    this.#states[slot] = ENDED
    this.#isSettled = false
  }

  settle(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    writeFully(this.#file, this.#states, 0)
  }

  isAborted(slot: number): boolean {
    const now = clockMs()
    if (now - this.#readAt > STALE_MS) {
      this.#readAt = now
      readFully(this.#file, this.#aborts, SLOTS)
    }
    return this.#aborts[slot] === ABORTED
  }

  // The end of the pool's process does not affect this one's threads.
  enter(): void {}
  leave(): void {}
}

import { closeSync } from 'node:fs'
import { clockMs } from '../../timers.ts'
import { openUnnamedFile } from '../memory/unnamed-file.ts'
import { SLOTS } from './call-protocol.ts'
import type { PoolControl, WorkerControl } from './control.ts'
import { readFully, writeFully } from './file-bytes.ts'

// The control block of a process: a byte for each slot's state, which only the worker writes, and,
// SLOTS further, a byte for whether the pool wants it no more. A file does for processes what
// shared memory does for threads: it is still there when one of them has died.
const ENDED = 0
const BEGUN = 1
/** Begun, but it is the op's module that has. */
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
 * How old what is known of the pool's wishes may be where they are asked for at every call, in
 * milliseconds.
 */
const STALE_MS = 1

/**
 * The worker's side of a process's control block. A write or a read costs about a microsecond, so
 * ends are written with the next beginning.
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

  // The end of the pool's process does not touch this one's threads.
  enter(): void {}
  leave(): void {}
}

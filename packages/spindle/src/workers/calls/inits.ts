import type { Task } from './task.ts'

/** How many workers of a pool call a module's `init`. */
export class InitCount {
  running = 0
  readonly most: number

  constructor(most: number) {
    this.most = most
  }
}

/** Which ops' `init` one worker has called, or is at. */
export class WorkerInits {
  readonly #count: InitCount
  readonly #running: Set<number> = new Set()
  readonly #done: Set<number> = new Set()

  constructor(count: InitCount) {
    this.#count = count
  }

  /**
   * Whether the worker may be given a task: it has called the module's `init`, or may do so now.
   */
  hasRoomFor({ call, op }: Task): boolean {
    return (
      call.init === undefined ||
      this.#done.has(op) ||
      this.#running.has(op) ||
      this.#count.running < this.#count.most
    )
  }

  /** The worker gets a task. */
  gave({ call, op }: Task): void {
    if (call.init === undefined || this.#done.has(op) || this.#running.has(op)) return
    this.#running.add(op)
    this.#count.running++
  }

  /** The worker tells of ops whose `init` it has called, well or not. */
  called(ops: readonly number[]): void {
    for (const op of ops) {
      this.#done.add(op)
      if (this.#running.delete(op)) this.#count.running--
    }
  }

  /** The worker is gone. */
  close(): void {
    this.#count.running -= this.#running.size
    this.#running.clear()
  }
}

import type { Task } from './task.ts'

/** Number of workers of a pool that are calling a module's `init`. */
export class InitCount {
  running = 0
  readonly most: number

  constructor(most: number) {
    this.most = most
  }
}

/** The ops whose `init` one worker has called or is calling. */
export class WorkerInits {
  readonly #count: InitCount
  readonly #running: Set<number> = new Set()
  readonly #done: Set<number> = new Set()

  constructor(count: InitCount) {
    this.#count = count
  }

  /** Whether the worker may get a task: it has called the module's `init`, or may call it now. */
  hasRoomFor({ call, op }: Task): boolean {
    return (
      call.init === undefined ||
      this.#done.has(op) ||
      this.#running.has(op) ||
      this.#count.running < this.#count.most
    )
  }

  /** Notes that the worker gets a task. */
  gave({ call, op }: Task): void {
    if (call.init === undefined || this.#done.has(op) || this.#running.has(op)) return
    this.#running.add(op)
    this.#count.running++
  }

  /** The worker reports ops whose `init` it has called, with or without success. */
  called(ops: readonly number[]): void {
    for (const op of ops) {
      this.#done.add(op)
      if (this.#running.delete(op)) this.#count.running--
    }
  }

  /** Called when the worker has ended. */
  close(): void {
    this.#count.running -= this.#running.size
    this.#running.clear()
  }
}

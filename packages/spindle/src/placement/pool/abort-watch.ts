import type { Task } from './task.ts'

interface Watched {
  readonly tasks: Set<Task>
  readonly leave: () => void
}

/** Hears of aborted signals for many tasks: one listener a signal, as long as there are tasks, since most tasks share theirs. */
export class AbortWatch {
  readonly #onAbort: (task: Task, reason: unknown) => void
  readonly #signals: Map<AbortSignal, Watched> = new Map()

  constructor(onAbort: (task: Task, reason: unknown) => void) {
    this.#onAbort = onAbort
  }

  add(task: Task): void {
    const { signal } = task.call
    let watched = this.#signals.get(signal)
    if (watched === undefined) {
      const tasks = new Set<Task>()
      const listener = (): void => {
        for (const aborted of [...tasks]) this.#onAbort(aborted, signal.reason)
      }
      signal.addEventListener('abort', listener, { once: true })
      watched = { tasks, leave: () => signal.removeEventListener('abort', listener) }
      this.#signals.set(signal, watched)
    }
    watched.tasks.add(task)
  }

  delete(task: Task): void {
    const { signal } = task.call
    const watched = this.#signals.get(signal)
    if (watched === undefined) return
    watched.tasks.delete(task)
    if (watched.tasks.size > 0) return
    watched.leave()
    this.#signals.delete(signal)
  }
}

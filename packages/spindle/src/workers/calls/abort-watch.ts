import { onAbort } from '../../abort-signals.ts'
import { setTimeout } from '../../timers.ts'
import type { Task, TasksOfSignal } from './task.ts'

/** How long the listener of a signal without tasks stays, in milliseconds. */
const TIDY_MS = 20

/**
 * The unsettled tasks of a pool, grouped by their signals; reports the tasks whose signal is
 * aborted. There is one listener per signal, since most tasks share theirs. It uses arrays and
 * indices rather than sets: V8 keeps short-lived objects alive that pass through a set (its old
 * tables refer to the new ones), which took half of the pool's time.
 */
export class AbortWatch {
  /** Number of tasks. */
  size = 0
  readonly #onAbort: (task: Task, reason: unknown) => void
  readonly #signals: Map<AbortSignal, TasksOfSignal> = new Map()
  #last: TasksOfSignal | undefined
  #isTidying = false

  constructor(onAbort: (task: Task, reason: unknown) => void) {
    this.#onAbort = onAbort
  }

  add(task: Task): void {
    const { signal } = task.call
    const watched = this.#last?.signal === signal ? this.#last : this.#watchedOf(signal)
    this.#last = watched
    task.watched = watched
    task.watchedAt = watched.tasks.length
    watched.tasks.push(task)
    this.size++
  }

  #watchedOf(signal: AbortSignal): TasksOfSignal {
    const known = this.#signals.get(signal)
    if (known !== undefined) return known
    const tasks: Task[] = []
    const listener = (): void => {
      for (const aborted of [...tasks]) this.#onAbort(aborted, signal.reason)
    }
    const watched = { signal, tasks, leave: onAbort(signal, listener) }
    this.#signals.set(signal, watched)
    return watched
  }

  delete(task: Task): void {
    const { watched, watchedAt } = task
    if (watched === undefined) return
    task.watched = undefined
    this.size--
    const { tasks } = watched
    const last = tasks.pop() as Task
    if (last !== task) {
      tasks[watchedAt] = last
      last.watchedAt = watchedAt
    }
    if (tasks.length === 0) this.#tidySoon()
  }

  /** A copy of the list of all tasks. */
  list(): Task[] {
    return [...this.#signals.values()].flatMap(({ tasks }) => tasks)
  }

  /** Deferred, because the next call with the same signal usually follows soon. */
  #tidySoon(): void {
    if (this.#isTidying) return
    this.#isTidying = true
    const timer = setTimeout(() => {
      this.#isTidying = false
      for (const watched of this.#signals.values()) {
        if (watched.tasks.length > 0) continue
        watched.leave()
        this.#signals.delete(watched.signal)
        if (this.#last === watched) this.#last = undefined
      }
    }, TIDY_MS)
    timer.unref()
  }
}

import { onAbort } from '../../abort-signals.ts'
import { setTimeout } from '../../timers.ts'
import type { Task, TasksOfSignal } from './task.ts'

/** How long a listener stays with a signal that has no tasks, in milliseconds. */
const TIDY_MS = 20

/**
 * The tasks of a pool that are not settled, by their signals; tells of those whose signal is
 * aborted. One listener a signal, since most tasks share theirs. Lists and places in them rather
 * than sets: a set through which many short-lived things pass has V8 keep them alive for long (its
 * old tables refer to the new ones), which cost half of the pool's time.
 */
export class AbortWatch {
  /** Tasks there are. */
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

  /** All of them, as they are now. */
  list(): Task[] {
    return [...this.#signals.values()].flatMap(({ tasks }) => tasks)
  }

  /** Later, for the next call with the same signal is mostly made soon. */
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

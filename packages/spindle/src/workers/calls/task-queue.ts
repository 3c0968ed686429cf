import type { Task } from './task.ts'

/** The tasks of one priority: a queue with holes where tasks were removed. */
class Lane {
  readonly priority: number
  #tasks: (Task | undefined)[] = []
  #head = 0

  constructor(priority: number) {
    this.priority = priority
  }

  push(task: Task): void {
    this.#tasks.push(task)
  }

  unshift(tasks: readonly Task[]): void {
    this.#tasks = [...tasks, ...this.#tasks.slice(this.#head)]
    this.#head = 0
  }

  first(): Task | undefined {
    while (this.#head < this.#tasks.length) {
      const task = this.#tasks[this.#head] as Task
      if (task.isQueued) return task
      this.shift()
    }
    return undefined
  }

  /** Removes the head. */
  shift(): void {
    // Cleared rather than only skipped, so that finished tasks can be collected.
    this.#tasks[this.#head++] = undefined
    if (this.#head === this.#tasks.length) {
      this.#tasks.length = 0
      this.#head = 0
    } else if (this.#head > 1024) {
      this.#tasks = this.#tasks.slice(this.#head)
      this.#head = 0
    }
  }

  rest(): Task[] {
    return (this.#tasks.slice(this.#head) as Task[]).filter((task) => task.isQueued)
  }
}

/**
 * Tasks that wait for a worker, in the order of priority and then of arrival. Tasks that have lost
 * their worker come first.
 */
export class TaskQueue {
  /** Highest priority first. */
  #lanes: Lane[] = []
  /** Number of waiting tasks. */
  length = 0

  push(task: Task): void {
    task.isQueued = true
    this.length++
    this.#lane(task.priority).push(task)
  }

  unshift(tasks: readonly Task[]): void {
    for (const task of tasks) task.isQueued = true
    this.length += tasks.length
    for (const priority of new Set(tasks.map((task) => task.priority)))
      this.#lane(priority).unshift(tasks.filter((task) => task.priority === priority))
  }

  first(): Task | undefined {
    for (const lane of this.#lanes) {
      const task = lane.first()
      if (task !== undefined) return task
    }
    return undefined
  }

  /** Removes `task`, which must be {@link first}. */
  shift(task: Task): void {
    this.delete(task)
    this.#lane(task.priority).shift()
  }

  /** Removes a task at any position. Returns whether it was there. */
  delete(task: Task): boolean {
    if (!task.isQueued) return false
    task.isQueued = false
    this.length--
    return true
  }

  clear(): Task[] {
    const tasks = this.#lanes.flatMap((lane) => lane.rest())
    for (const task of tasks) task.isQueued = false
    this.#lanes = []
    this.length = 0
    return tasks
  }

  #lane(priority: number): Lane {
    // One lane per stage, so there are few lanes, and the wanted one is mostly the last one used.
    const found = this.#lanes.find((lane) => lane.priority <= priority)
    if (found?.priority === priority) return found
    const lane = new Lane(priority)
    this.#lanes.push(lane)
    this.#lanes.sort((a, b) => b.priority - a.priority)
    return lane
  }
}

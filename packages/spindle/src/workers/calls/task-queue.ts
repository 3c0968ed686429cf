import type { Task } from './task.ts'

/** Tasks of one priority: a queue with holes where tasks were taken out of it. */
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

  /** Takes the head out. */
  shift(): void {
    // Not only passed by: what is long done must not live on here.
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
 * Tasks that wait for a worker: the highest priority first, then first come, first served; those
 * that lost their worker before others.
 */
export class TaskQueue {
  /** Highest priority first. */
  #lanes: Lane[] = []
  /** Tasks that wait. */
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

  /** Takes out {@link first}, which is `task`. */
  shift(task: Task): void {
    this.delete(task)
    this.#lane(task.priority).shift()
  }

  /** Takes one out, wherever it stands; whether it was there. */
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
    // One stage a lane, so there are few, and the one looked for is mostly the last one used.
    const found = this.#lanes.find((lane) => lane.priority <= priority)
    if (found?.priority === priority) return found
    const lane = new Lane(priority)
    this.#lanes.push(lane)
    this.#lanes.sort((a, b) => b.priority - a.priority)
    return lane
  }
}

import type { Task } from './task.ts'

/** Tasks that wait for a worker, first come first served; those that lost theirs go first. */
export class TaskQueue {
  #tasks: (Task | undefined)[] = []
  #head = 0
  /** Tasks that wait. */
  length = 0

  push(task: Task): void {
    this.#tasks.push(task)
    this.length++
  }

  unshift(tasks: readonly Task[]): void {
    this.#tasks = [...tasks, ...this.#tasks.slice(this.#head)]
    this.#head = 0
    this.length += tasks.length
  }

  first(): Task | undefined {
    while (this.#head < this.#tasks.length && this.#tasks[this.#head] === undefined) this.#head++
    return this.#tasks[this.#head]
  }

  /** Takes {@link first} out. */
  shift(): void {
    this.#tasks[this.#head++] = undefined
    this.length--
    if (this.#head === this.#tasks.length || this.#head > 1024) {
      this.#tasks = this.#tasks.slice(this.#head)
      this.#head = 0
    }
  }

  /** Takes one out, wherever it stands; whether it was there. */
  delete(task: Task): boolean {
    const at = this.#tasks.indexOf(task, this.#head)
    if (at < 0) return false
    this.#tasks[at] = undefined
    this.length--
    return true
  }

  clear(): Task[] {
    const tasks = this.#tasks.filter((task) => task !== undefined)
    this.#tasks = []
    this.#head = 0
    this.length = 0
    return tasks
  }
}

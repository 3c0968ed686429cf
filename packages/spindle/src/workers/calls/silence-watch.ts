import { clearInterval, clockMs, setInterval, type Timer } from '../../timers.ts'
import type { PoolControl } from './control.ts'
import type { Task } from './task.ts'

/** How often one looks within a time limit, and between which bounds, in milliseconds. */
const LOOKS = 4
const SHORTEST_MS = 10
const LONGEST_MS = 250
/**
 * Looks in a row that must find a worker silent: after a pause of this side's own loop, what was
 * told meanwhile is heard only after the timers.
 */
const ENOUGH = 2
/**
 * How long the loading of a module may take beyond the limit of the call that waits for it, in
 * milliseconds.
 */
const LOADING_MS = 30_000

/**
 * Has the clock of a call begin whose worker does not tell that it has begun, for it does not run:
 * it was stopped, say. The call must be the one that the worker would be at, and the worker must
 * have been silent for the call's whole limit.
 */
export class SilenceWatch {
  readonly #tasks: readonly (Task | undefined)[]
  readonly #control: PoolControl
  #heardAt = 0
  #timer: Timer | undefined
  #everyMs = Number.POSITIVE_INFINITY
  #suspected: Task | undefined
  #looks = 0

  /** `tasks`: those that the worker holds, by slot. */
  constructor(tasks: readonly (Task | undefined)[], control: PoolControl) {
    this.#tasks = tasks
    this.#control = control
  }

  /** The worker gets a task that has a limit. */
  gave(task: Task): void {
    const timeoutMs = task.call.timeoutMs as number
    task.givenAt = clockMs()
    const everyMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, timeoutMs / LOOKS))
    if (everyMs >= this.#everyMs) return
    this.stop()
    this.#everyMs = everyMs
    // It is the worker that keeps the process alive while something is wanted of it.
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  /** The worker has told something. */
  heard(): void {
    if (this.#timer !== undefined) this.#heardAt = clockMs()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#everyMs = Number.POSITIVE_INFINITY
  }

  #look(): void {
    const timed = this.#tasks.filter((task) => task?.call.timeoutMs !== undefined) as Task[]
    if (timed.length === 0) {
      this.stop()
      return
    }
    const late = this.#lateOne(timed)
    this.#looks = late !== undefined && late === this.#suspected ? this.#looks + 1 : 1
    this.#suspected = late
    if (late === undefined || this.#looks < ENOUGH) return
    late.hasBegun = true
    late.call.onStart?.()
  }

  /** The call whose clock should run, and does not. */
  #lateOne(timed: readonly Task[]): Task | undefined {
    const now = clockMs()
    const silentMs = (task: Task): number => now - Math.max(this.#heardAt, task.givenAt)
    const waiting = timed.filter(
      (task) =>
        !task.hasBegun && !task.isSettled && silentMs(task) >= (task.call.timeoutMs as number),
    )
    if (waiting.length === 0) return undefined
    const begun = this.#control.begunSlots()
    const loading = this.#control.loadingSlots()
    const first = waiting.find(({ slot }) => begun.has(slot)) ?? waiting[0]
    if (first === undefined) return undefined
    if (loading.has(first.slot))
      return silentMs(first) >= (first.call.timeoutMs as number) + LOADING_MS ? first : undefined
    // What the worker is at may hold it for as long as it likes.
    const isFirst =
      begun.has(first.slot) || !this.#tasks.some((task) => task && begun.has(task.slot))
    return isFirst ? first : undefined
  }
}

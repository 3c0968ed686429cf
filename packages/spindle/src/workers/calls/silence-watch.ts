import { clearInterval, clockMs, setInterval, type Timer } from '../../timers.ts'
import type { PoolControl } from './pool-channel.ts'
import type { Task } from './task.ts'

/**
 * Number of checks within a time limit, and the shortest and longest interval between two, in
 * milliseconds.
 */
const LOOKS = 4
const SHORTEST_MS = 10
const LONGEST_MS = 250
/**
 * Number of consecutive checks that must find a worker silent. After a pause of this thread's event
 * loop, timers run before the messages that arrived meanwhile.
 */
const ENOUGH = 2
/**
 * How much longer than the limit of the waiting call the loading of a module may take, in
 * milliseconds.
 */
const LOADING_MS = 30_000

/**
 * Starts the clock of a call whose worker does not report its beginning because it does not run,
 * for example because the process was stopped. It must be the call that the worker would run next,
 * and the worker must have been silent for the call's whole limit.
 */
export class SilenceWatch {
  readonly #tasks: readonly (Task | undefined)[]
  readonly #control: PoolControl
  #receivedAt = 0
  #timer: Timer | undefined
  #everyMs = Number.POSITIVE_INFINITY
  #suspected: Task | undefined
  #looks = 0

  /** `tasks`: the tasks that the worker holds, by slot. */
  constructor(tasks: readonly (Task | undefined)[], control: PoolControl) {
    this.#tasks = tasks
    this.#control = control
  }

  /** Notes that the worker gets a task with a time limit. */
  gave(task: Task): void {
    const timeoutMs = task.call.timeoutMs as number
    task.givenAt = clockMs()
    const everyMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, timeoutMs / LOOKS))
    if (everyMs >= this.#everyMs) return
    this.stop()
    this.#everyMs = everyMs
    // Unreferenced: while a call is pending, the worker keeps the process alive.
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  /** Notes a message from the worker. */
  onMessage(): void {
    if (this.#timer !== undefined) this.#receivedAt = clockMs()
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

  /** The call whose clock should run but does not. */
  #lateOne(timed: readonly Task[]): Task | undefined {
    const now = clockMs()
    const silentMs = (task: Task): number => now - Math.max(this.#receivedAt, task.givenAt)
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
    // Otherwise the worker may be busy with an earlier call, for as long as that takes.
    const isFirst =
      begun.has(first.slot) || !this.#tasks.some((task) => task && begun.has(task.slot))
    return isFirst ? first : undefined
  }
}

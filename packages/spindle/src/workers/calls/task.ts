import { badOption } from '../../check.ts'
import type { ExecutorCall } from '../../engine/executor.ts'
import { isWorkerOp } from '../../engine/worker-op.ts'
import type { ItemMemory } from '../memory/call-memory.ts'
import type { ResultMessage } from './call-protocol.ts'
import type { CallOutputs, OutputsOwner } from './outputs.ts'

/** Stack frames of the pool itself, which do not help a caller. */
const OWN_FRAME = /workers[\\/]calls[\\/]worker-pool\.|new Promise \(<anonymous>\)/

/** The worker that has a task. */
interface TaskWorker {
  /** Sets whether the next output is awaited. */
  setAwaited(task: Task, isAwaited: boolean): void
  /** Reports the number of outputs that were taken. */
  took(task: Task, outputs: number): void
  /** Aborts the task; `onGone`: called when the worker has finished with its clean-up. */
  abort(task: Task, onGone?: () => void): void
}

/** The tasks that share a signal. */
export interface TasksOfSignal {
  readonly signal: AbortSignal
  readonly tasks: Task[]
  readonly leave: () => void
}

/**
 * One call of an op that a pool has taken on.
 *
 * PENDING --value--> SETTLED
 *    '--first output of a generator--> STREAMING --its end, an error, return()--> SETTLED
 */
export class Task implements OutputsOwner {
  readonly item: unknown
  readonly call: ExecutorCall
  /** Number of the op in the pool. */
  readonly op: number
  /** Tasks with a higher priority go first. */
  readonly priority: number
  /** Number of workers that died while they ran it. */
  deaths = 0
  /** Whether no caller waits for it any more. A worker may still be busy with it. */
  isSettled = false
  /** Whether it waits for a worker. */
  isQueued = false
  /** The worker that has it, and its slot there. */
  worker: TaskWorker | undefined = undefined
  slot = -1
  /** Its outputs, if the op turned out to be a generator. */
  outputs: CallOutputs | undefined = undefined
  /** The pooled shared memory that its item is in, if any. */
  itemMemory: ItemMemory | undefined = undefined
  /** Its entry in the pool's list of signals. */
  watched: TasksOfSignal | undefined = undefined
  watchedAt = -1
  /**
   * For calls with a time limit: when the worker got it, and whether the worker has reported that
   * the op begins.
   */
  givenAt = 0
  hasBegun = false
  /** How its worker counts it. */
  isLoad = false
  isAwaited = false
  isGenerator = false
  /** Where the call was made, for errors. */
  readonly #site: { readonly stack?: string } | undefined
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #onSettled: (task: Task) => void
  /** Number of outputs taken, as last reported to the worker. */
  #sentTaken = 0

  constructor(
    item: unknown,
    call: ExecutorCall,
    op: number,
    priority: number,
    site: { readonly stack?: string } | undefined,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    onSettled: (task: Task) => void,
  ) {
    this.item = item
    this.call = call
    this.op = op
    this.priority = priority
    this.#site = site
    this.#resolve = resolve
    this.#reject = reject
    this.#onSettled = onSettled
  }

  /**
   * Whether it may have killed a worker. It is then rerun alone in a worker, so that a second death
   * is certainly its own.
   */
  get isSuspect(): boolean {
    return this.deaths > 0
  }

  /** The caller's part of an error's stack. */
  get callerStack(): string {
    const stage = this.call.context?.stage
    if (stage !== undefined) {
      const where = stage.where === undefined ? '' : ` (${stage.where})`
      return `    at stage "${stage.name}"${where}`
    }
    const frames = (this.#site?.stack ?? '').split('\n').slice(1)
    return frames.filter((frame) => !OWN_FRAME.test(frame)).join('\n')
  }

  resolve(value: unknown): void {
    if (this.isSettled) return
    this.#settle()
    this.#resolve(value)
  }

  /** The op is a generator: the call resolves with its outputs, and the task continues. */
  stream(outputs: CallOutputs): void {
    this.outputs = outputs
    this.#resolve(outputs)
  }

  /** The generator has ended, or its reader wants no more. */
  finish(): void {
    if (this.isSettled) return
    this.#settle()
    this.outputs?.end()
  }

  reject(error: unknown): void {
    if (this.isSettled) return
    this.#settle()
    if (this.outputs === undefined) this.#reject(error)
    else this.outputs.fail(error)
  }

  awaits(isAwaited: boolean): void {
    this.worker?.setAwaited(this, isAwaited)
  }

  tookOne(): void {
    const { outputs, worker } = this
    if (outputs === undefined || worker === undefined || this.isSettled) return
    // Reported at half of the outputs, so that the worker gets the message while some are left to
    // take.
    if (!outputs.isEmpty && outputs.taken - this.#sentTaken < outputs.received - outputs.taken)
      return
    this.#sentTaken = outputs.taken
    worker.took(this, outputs.taken)
  }

  async closed(): Promise<void> {
    if (this.isSettled) return
    this.#settle()
    const { worker } = this
    if (worker !== undefined) await new Promise<void>((resolve) => worker.abort(this, resolve))
  }

  #settle(): void {
    this.isSettled = true
    this.#onSettled(this)
  }
}

/** Reports to the callers of traced tasks where and when the tasks ran. */
export function reportSpans(
  tasks: readonly (Task | undefined)[],
  { spans, worker }: ResultMessage,
): void {
  if (spans === undefined || worker === undefined) return
  const [process, thread] = worker
  for (let at = 0; at < spans.length; at += 3) {
    const [slot, beganAt, endedAt] = spans.slice(at, at + 3) as [number, number, number]
    const task = tasks[slot]
    if (task !== undefined && !task.isSettled)
      task.call.onSpan?.({ process, thread, beganAt, endedAt })
  }
}

/** A call as a program makes it, without a pipeline. */
export type DirectCall = Omit<ExecutorCall, 'signal'> & { readonly signal?: AbortSignal }

const never: AbortSignal = new AbortController().signal

const RULE =
  'an object with `filename` and `name`, the URL of a module and the name of its exported function: pool.run(item, { filename: op.href, name: op.exportName })'

/**
 * Checks the second argument of a pool's `run()`, and adds a signal if there is none.
 *
 * @throws `ERR_BAD_OPTION` with an example.
 */
export function checkCall(call: DirectCall): ExecutorCall {
  if (typeof call !== 'object' || call === null) badOption('call', RULE, call)
  const { filename, name, signal } = call
  if (typeof filename !== 'string' && isWorkerOp(call))
    badOption('call', RULE, 'an op of workerModule()')
  if (typeof filename !== 'string') badOption('call.filename', 'the URL of a module', filename)
  if (typeof name !== 'string') badOption('call.name', 'the name of an exported function', name)
  if (signal === undefined) return { ...call, signal: never }
  if (!(signal instanceof AbortSignal)) badOption('call.signal', 'an AbortSignal', signal)
  return call as ExecutorCall
}

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

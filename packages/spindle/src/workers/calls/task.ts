import type { ExecutorCall } from '../../engine/executor.ts'
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

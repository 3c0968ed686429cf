import type { ExecutorCall } from '../../engine/executor.ts'
import type { ItemMemory } from '../memory/call-memory.ts'
import type { Outputs, OutputsOwner } from './outputs.ts'

/** Frames of the pool itself, which tell a caller nothing. */
const OWN_FRAME = /workers[\\/]calls[\\/]worker-pool\.|new Promise \(<anonymous>\)/

/** The worker that has a task. */
interface TaskWorker {
  /** Whether somebody waits for the next output. */
  setAwaited(task: Task, isAwaited: boolean): void
  /** So many outputs have been taken. */
  took(task: Task, outputs: number): void
  /**
   * Nobody wants the task's result any more; `onGone`: the worker is at its last words for it no
   * more.
   */
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
  /** Those with a higher one go first. */
  readonly priority: number
  /** Workers that died while they ran it. */
  deaths = 0
  /** Whether nobody waits for anything of it any more; a worker may still be busy with it. */
  isSettled = false
  /** Whether it waits for a worker. */
  isQueued = false
  /** The worker that has it, and its slot there. */
  worker: TaskWorker | undefined = undefined
  slot = -1
  /** What it gives, where the op turned out to be a generator. */
  outputs: Outputs | undefined = undefined
  /** What its item lies in, where that is a pool's shared memory. */
  itemMemory: ItemMemory | undefined = undefined
  /** Where it is in the pool's list. */
  watched: TasksOfSignal | undefined = undefined
  watchedAt = -1
  /**
   * When its worker got it, and whether that has told that the op begins; where the call has a
   * limit.
   */
  givenAt = 0
  hasBegun = false
  /** Its places in its worker's accounts. */
  isLoad = false
  isAwaited = false
  isGenerator = false
  /** Where the call was made, for errors. */
  readonly #site: { readonly stack?: string } | undefined
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #onSettled: (task: Task) => void
  /** Outputs taken, as far as the worker knows. */
  #toldTaken = 0

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
   * It may have killed a worker: it is run again with nothing beside it, so that the next death is
   * its own for sure.
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

  /** The op is a generator: the call gives its outputs, and goes on. */
  stream(outputs: Outputs): void {
    this.outputs = outputs
    this.#resolve(outputs)
  }

  /** The generator has ended, or nobody wants more of it. */
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
    // In two halves, so that the worker is told while there is still something to take.
    if (!outputs.isEmpty && outputs.taken - this.#toldTaken < outputs.received - outputs.taken)
      return
    this.#toldTaken = outputs.taken
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

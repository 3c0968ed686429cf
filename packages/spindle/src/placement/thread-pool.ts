import { availableParallelism } from 'node:os'
import type { ResourceLimits } from 'node:worker_threads'
import { badOption, checkInteger, checkOptions } from '../check.ts'
import { InfrastructureError, messageOf, SpindleError } from '../errors.ts'
import { AbortWatch } from './abort-watch.ts'
import type { Executor, ExecutorCall } from './executor.ts'
import { OpNumbers } from './op-numbers.ts'
import { PoolThread, type ThreadEnding, type ThreadOwner } from './pool-thread.ts'
import { Task } from './task.ts'
import { TaskQueue } from './task-queue.ts'
import { isWorkerOp, type WorkerOp } from './worker-op.ts'

/** Options of `ThreadPool`. */
export interface ThreadPoolOptions {
  /** Threads at most, an integer >= 1. Each is started when there is work for it. Default: `os.availableParallelism()`. */
  readonly size?: number
  /** Called in each thread before its first op, with `undefined`; awaited. Default: none. */
  readonly init?: WorkerOp<undefined, unknown>
  /** Limits of memory of each thread, as for `node:worker_threads`. Default: none but Node's. */
  readonly resourceLimits?: ResourceLimits
  /** When a thread gives way to a new one. Default: never. */
  readonly recycle?: {
    /** Calls after which it does, an integer >= 1. */
    readonly afterItems?: number
  }
  /** Threads that an item may kill before it fails with `ERR_WORKER_DIED`, an integer >= 1. Default 2. */
  readonly maxDeaths?: number
  /** How long a call whose signal was aborted may go on before its thread is terminated, in milliseconds. Default 1000. */
  readonly graceMs?: number
}

/**
 * Worker threads that run ops by reference. Calls wait here in the order they came and go to the thread that holds the fewest; short
 * ones are sent several at a time. A thread that dies is replaced, and what it held is run again.
 *
 * The threads keep the process alive only while calls are waited for.
 *
 * @example
 * ```ts
 * await using pool = new ThreadPool({ size: 4 })
 * const pipeline = new PipelineBuilder().addSource(paths).pipe(ops.decode, { executor: pool, concurrency: 8 }).build()
 * ```
 */
export class ThreadPool implements Executor, AsyncDisposable {
  readonly reportsStart = true
  readonly #options: Required<Pick<ThreadPoolOptions, 'size' | 'maxDeaths' | 'graceMs'>>
  readonly #threadOptions: ConstructorParameters<typeof PoolThread>[1]
  readonly #threads: Set<PoolThread> = new Set()
  readonly #queue: TaskQueue = new TaskQueue()
  readonly #ops: OpNumbers = new OpNumbers()
  readonly #aborts: AbortWatch = new AbortWatch((task, reason) => this.#aborted(task, reason))
  readonly #running: Set<Task> = new Set()
  readonly #owner: ThreadOwner
  #closing: Promise<void> | undefined
  #onEmpty: (() => void) | undefined
  /** Threads that failed to start since one was ready. While there are others, no more are tried. */
  #failedStarts = 0

  /** @throws `ERR_BAD_OPTION` for a wrong option. */
  constructor(options: ThreadPoolOptions = {}) {
    checkOptions(options, ['size', 'init', 'resourceLimits', 'recycle', 'maxDeaths', 'graceMs'])
    const {
      size = availableParallelism(),
      init,
      resourceLimits,
      recycle = {},
      maxDeaths = 2,
      graceMs = 1000,
    } = options
    checkInteger('size', size, 1)
    checkInteger('maxDeaths', maxDeaths, 1)
    checkInteger('graceMs', graceMs, 0)
    checkOptions(recycle, ['afterItems'])
    const { afterItems = Number.POSITIVE_INFINITY } = recycle
    checkInteger('recycle.afterItems', afterItems, 1, undefined, true)
    if (init !== undefined && !isWorkerOp(init)) badOption('init', 'an op of workerModule()', init)
    this.#options = { size, maxDeaths, graceMs }
    this.#threadOptions = { init, resourceLimits, maxTasks: afterItems }
    this.#owner = {
      ops: this.#ops.references,
      blindOps: new Set(),
      opMs: new Map(),
      threadHasRoom: () => this.#dispatch(),
      threadReady: () => {
        this.#failedStarts = 0
      },
      threadEnded: (thread, ending) => this.#threadEnded(thread, ending),
    }
  }

  /** Threads there are now. */
  get threadCount(): number {
    return this.#threads.size
  }

  /**
   * Calls an op in one of the threads.
   *
   * @throws `ERR_WORKER_DIED` if it killed `maxDeaths` threads, `ERR_WORKER_START` if no thread can be started, `ERR_WORKER_MODULE` if
   * there is no such op, `ERR_NOT_TRANSFERABLE` if item or result cannot cross, `ERR_POOL_CLOSED`; the signal's reason if it is aborted.
   */
  run(item: unknown, call: ExecutorCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(poolClosed())
      if (call.signal.aborted) return reject(call.signal.reason)
      const op = this.#ops.numberOf(call)
      const task = new Task(item, call, op, resolve, reject, (settled) => this.#settled(settled))
      this.#running.add(task)
      this.#aborts.add(task)
      this.#queue.push(task)
      this.#dispatch()
    })
  }

  /** Ends the threads. Calls that are not done reject with `ERR_POOL_CLOSED`; threads that are busy with one get the grace time. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    for (const task of [...this.#running]) this.#aborted(task, poolClosed())
    if (this.#threads.size === 0) return
    const ended = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    for (const thread of this.#threads) thread.end()
    const timer = setTimeout(() => {
      for (const thread of this.#threads) thread.terminate()
    }, this.#options.graceMs)
    await ended
    clearTimeout(timer)
  }

  /** Gives waiting tasks to threads that have room, and starts threads for those that find none. */
  #dispatch(): void {
    let waiting = 0
    for (let task = this.#queue.first(); task !== undefined; task = this.#queue.first()) {
      const thread = this.#leastLoaded(task)
      if (thread === undefined) break
      this.#queue.shift()
      if (thread.held > 0) waiting++
      thread.give(task)
    }
    // What waits inside a busy thread would be better off in one of its own.
    waiting += this.#queue.length
    if (waiting > 0) this.#startThreads(waiting)
  }

  #leastLoaded(task: Task): PoolThread | undefined {
    let chosen: PoolThread | undefined
    for (const thread of this.#threads) {
      if (thread.hasRoomFor(task) && (chosen === undefined || thread.held < chosen.held)) chosen = thread
    }
    return chosen
  }

  #startThreads(waiting: number): void {
    if (this.#failedStarts > 0 && this.#threads.size > 0) return
    let starting = 0
    for (const thread of this.#threads) if (!thread.isReady && !thread.isRetiring) starting++
    while (starting < waiting && this.#threads.size < this.#options.size && this.#closing === undefined) {
      try {
        this.#threads.add(new PoolThread(this.#owner, this.#threadOptions))
      } catch (error) {
        if (this.#threads.size === 0) this.#cannotStart(error)
        return
      }
      starting++
    }
  }

  #aborted(task: Task, reason: unknown): void {
    task.reject(reason)
    if (this.#queue.delete(task)) return
    for (const thread of this.#threads) if (thread.abort(task, this.#options.graceMs)) return
  }

  #settled(task: Task): void {
    this.#running.delete(task)
    this.#aborts.delete(task)
  }

  #threadEnded(
    thread: PoolThread,
    { wasReady, wasMeant, exitCode, error, suspects, others }: ThreadEnding,
  ): void {
    this.#threads.delete(thread)
    for (const task of suspects) task.deaths++
    const again = [...others, ...suspects.filter((task) => task.deaths < this.#options.maxDeaths)]
    this.#queue.unshift(again)
    for (const task of suspects) {
      if (task.deaths >= this.#options.maxDeaths) task.reject(workerDied(task, exitCode, error))
    }
    if (this.#closing !== undefined) {
      if (this.#threads.size === 0) this.#onEmpty?.()
      return
    }
    if (!wasReady && !wasMeant) this.#failedStarts++
    if (this.#failedStarts > 0 && this.#threads.size === 0)
      this.#cannotStart(error ?? `exit code ${exitCode}`)
    else this.#dispatch()
  }

  #cannotStart(cause: unknown): void {
    this.#failedStarts = 0
    const message = `no worker thread can be started: ${messageOf(cause)}`
    for (const task of this.#queue.clear()) {
      task.reject(new InfrastructureError('ERR_WORKER_START', message, { cause }))
    }
  }
}

function poolClosed(): SpindleError {
  return new SpindleError('ERR_POOL_CLOSED', 'the thread pool was closed')
}

function workerDied(task: Task, exitCode: number, cause: unknown): SpindleError {
  const { name, filename } = task.call
  const reason = cause === undefined ? `exit code ${exitCode}` : messageOf(cause)
  const times = task.deaths === 1 ? 'a worker thread' : `${task.deaths} worker threads`
  return new SpindleError(
    'ERR_WORKER_DIED',
    `op ${name} of ${filename} killed ${times}, the last one with: ${reason}`,
    cause === undefined ? {} : { cause },
  )
}

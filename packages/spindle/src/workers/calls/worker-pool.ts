import { badOption, checkInteger } from '../../check.ts'
import type {
  Executor,
  ExecutorCall,
  ExecutorWorkers,
  WorkerNumber,
} from '../../engine/executor.ts'
import type { OpReference } from '../../engine/worker-op.ts'
import { InfrastructureError, messageOf, SpindleError } from '../../errors.ts'
import { LoopSilence } from '../../loop-silence.ts'
import { clearTimeout, queueMicrotask, setTimeout, type Timer } from '../../timers.ts'
import { checkNesting, isNested, moduleName, startsWorkers } from '../supervise/nesting.ts'
import { isFinal, StartTries } from '../supervise/start-tries.ts'
import { hasMoved } from '../transport/move.ts'
import { wholeBuffersOf } from '../transport/pack.ts'
import { AbortWatch } from './abort-watch.ts'
import { BufferPool } from './buffer-pool.ts'
import { InitCount } from './inits.ts'
import { OpNumbers } from './op-numbers.ts'
import { type OpProfile, OpProfiles } from './op-profile.ts'
import type { Connect } from './pool-channel.ts'
import { type PoolSettings, sizingOf, workersOf } from './pool-options.ts'
import { PoolCounters, type PoolStats } from './pool-stats.ts'
import { PoolWorker } from './pool-worker.ts'
import { checkCrossing } from './process-transport.ts'
import { checkCall, type DirectCall, Task, TaskQueue } from './task.ts'
import { transferBuffer } from './transfer-buffer.ts'
import type { PoolWorkerExit, WorkerOwner } from './worker-owner.ts'

startsWorkers()

/**
 * The common part of `ThreadPool` and `ProcessPool`: everything except how a worker is started and
 * how messages are sent.
 */
export class WorkerPool implements Executor, AsyncDisposable {
  readonly reportsStart = true
  readonly bindsValues = true
  readonly workers: ExecutorWorkers
  /** Maximum number of workers, its range, and how to change it. */
  readonly sizing: WorkerNumber
  readonly #settings: PoolSettings
  /** Current maximum number of workers. */
  #size: number
  readonly #connect: Connect
  readonly #workers: Set<PoolWorker> = new Set()
  readonly #queue: TaskQueue = new TaskQueue()
  readonly #numbers: OpNumbers = new OpNumbers()
  readonly #bufferPool: BufferPool = new BufferPool()
  readonly #counters: PoolCounters = new PoolCounters()
  readonly #tasks: AbortWatch = new AbortWatch((task, reason) => this.#aborted(task, reason))
  readonly #owner: WorkerOwner<PoolWorker>
  readonly #onSettled = (task: Task): void => this.#settled(task)
  #closing: Promise<void> | undefined
  #onEmpty: (() => void) | undefined
  readonly #tries: StartTries = new StartTries()
  /** Waits before the next attempt to start a worker. */
  #retry: Timer | undefined
  /** Whether starting workers was given up. Remaining workers continue. */
  #hasGivenUp = false
  /** Modules that no worker can load. */
  readonly #refused: Map<string, unknown> = new Map()
  readonly #isNested: boolean = isNested()
  #isDispatching = false
  /** Whether tasks were still waiting after the last dispatch. */
  #hadWaiting = false
  /** Number of workers that ended and are not replaced yet. */
  #gone = 0

  /** @internal */
  constructor(settings: PoolSettings, kind: ExecutorWorkers['kind'], connect: Connect) {
    this.#settings = settings
    this.#size = settings.size
    this.#connect = connect
    this.workers = workersOf(kind, () => this.#size)
    this.sizing = sizingOf(
      settings,
      () => this.#size,
      () => this.#load(),
      (size) => this.resize(size),
    )
    const queue = this.#queue
    this.#owner = {
      get hasWaiting() {
        return queue.length > 0
      },
      numbers: this.#numbers,
      inits: new InitCount(settings.initConcurrency),
      profiles: new OpProfiles(),
      counters: this.#counters,
      bufferPool: this.#bufferPool,
      silence: new LoopSilence(),
      memory: settings.memory,
      graceMs: settings.graceMs,
      maxTasks: settings.maxTasks,
      workerHasRoom: () => this.#dispatchSoon(),
      workerReady: () => {
        this.#canStart()
      },
      moduleRefused: (module, error) => this.#moduleRefused(module, error),
      workerEnded: (worker, exit) => this.#workerEnded(worker, exit),
    }
  }

  /** Current number of workers, including those that are starting or ending. */
  get workerCount(): number {
    return this.#workers.size
  }

  /**
   * Sets the maximum number of workers. More workers start when there is work for them. If there
   * are too many, the least busy ones take no more calls and end when they have finished theirs, so
   * no call is lost.
   *
   * @throws `ERR_BAD_OPTION` unless `size` is an integer within the range that the pool was made
   *   with.
   */
  resize(size: number): void {
    const { minSize, maxSize } = this.#settings
    checkInteger('size', size, 1)
    if (size < minSize || size > maxSize)
      badOption(
        'size',
        `an integer from ${minSize} to ${maxSize}, as \`size\` of the pool says`,
        size,
      )
    this.#size = size
    this.#gone = Math.min(this.#gone, Math.max(0, size - this.#workers.size))
    const staying = [...this.#workers].filter((worker) => !worker.isRetiring)
    const surplus = staying.length - size
    if (surplus > 0) {
      staying.sort(
        (one, other) => one.held - other.held || Number(one.isReady) - Number(other.isReady),
      )
      for (const worker of staying.slice(0, surplus)) worker.retire()
    }
    if (this.#closing === undefined) this.#dispatch()
  }

  #load(): { readonly busy: number; readonly waiting: number } {
    let busy = 0
    let held = 0
    for (const worker of this.#workers) {
      if (worker.load > 0) busy++
      held += Math.max(0, worker.load - 1)
    }
    return { busy, waiting: this.#queue.length + held }
  }

  /** Counts of what the pool has done, and its current state. */
  stats(): PoolStats {
    const { tasks, transferredBytes, copiedBytes, deaths, restarts } = this.#counters
    let running = 0
    for (const worker of this.#workers) running += worker.held
    const [workers, waiting] = [this.#workers.size, this.#queue.length]
    return { workers, waiting, running, tasks, transferredBytes, copiedBytes, deaths, restarts }
  }

  /**
   * Calls an op in one of the workers. The outputs of a generator are streamed: the promise
   * resolves with an async generator when the first output has arrived. The worker runs ahead of
   * the reader by a few milliseconds of work, at most 64 outputs.
   *
   * @throws `ERR_BAD_OPTION` for a wrong `call`; `ERR_WORKER_DIED` if the call killed `maxDeaths`
   *   workers; `ERR_WORKER_START` if no worker can be started; `ERR_WORKER_MODULE` if there is no
   *   such op; `ERR_NOT_TRANSFERABLE` if item or result cannot be sent; `ERR_POOL_CLOSED`; the
   *   signal's reason if it is aborted.
   */
  run(item: unknown, call: DirectCall): Promise<unknown> {
    let checked: ExecutorCall
    try {
      checked = checkCall(call)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#run(item, checked, checked.priority ?? 0)
  }

  /**
   * A view of this pool that gives its calls a priority: waiting calls with a higher priority go
   * first. A pipeline's calls without such a view have the number of their stage as priority. It
   * rises towards the sink, so the items nearest to their end go first.
   *
   * @throws `ERR_BAD_OPTION` unless `n` is a finite number.
   */
  priority(n: number): Executor {
    if (typeof n !== 'number' || !Number.isFinite(n)) badOption('priority', 'a finite number', n)
    return {
      reportsStart: true,
      bindsValues: true,
      workers: workersOf(this.workers.kind, () => this.#size, this),
      sizing: this.sizing,
      run: (item, call) => this.#run(item, call, n),
      warmUp: (calls) => this.warmUp(calls),
    }
  }

  /**
   * Gives the buffers of a result back for reuse. All buffers that the value covers completely are
   * empty afterwards. Threads get them for ops that call `context.alloc()`, and data from processes
   * is read into them. This makes large results much cheaper, because most of their cost is not the
   * transfer but new memory.
   */
  giveBack(value: unknown): void {
    for (const buffer of wholeBuffersOf(value)) {
      // Not the buffer itself: code that still holds it must not see what is written later.
      if (buffer.byteLength > 0) this.#bufferPool.put(transferBuffer(buffer))
    }
  }

  /** @internal What the pool has learnt about an op. */
  profileOf(call: ExecutorCall): OpProfile {
    return this.#owner.profiles.of(this.#numbers.numberOf(call, this.#checkReference))
  }

  /** Starts workers for this many concurrent calls, up to `size`, before there are calls. */
  warmUp(calls: number): void {
    if (this.#closing === undefined) this.#startWorkers(calls - this.#workers.size)
  }

  /**
   * Ends the workers. Unfinished calls reject with `ERR_POOL_CLOSED`. Workers that are busy with a
   * call get the grace time.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #run(item: unknown, call: ExecutorCall, priority: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(this.#closed())
      if (call.signal.aborted) return reject(call.signal.reason)
      if (this.#isNested) checkNesting([call.filename])
      const refused =
        this.#refused.size > 0 ? this.#refused.get(moduleName(call.filename)) : undefined
      if (refused !== undefined) return reject(refused)
      const op = this.#numbers.numberOf(call, this.#checkReference)
      // A stage knows where it was made, but for other callers only the stack shows it. Capturing
      // it costs as much as the rest of a small call, so of concurrent calls only the first one's
      // stack is captured.
      const isSited = call.context === undefined && this.#tasks.size === 0
      const site = isSited ? captureSite() : undefined
      const task = new Task(item, call, op, priority, site, resolve, reject, this.#onSettled)
      this.#tasks.add(task)
      this.#queue.push(task)
      this.#dispatch()
    })
  }

  readonly #checkReference = ({ initArgs, bound, exportName }: OpReference): void => {
    if (this.#settings.kind === 'thread') return
    checkCrossing(initArgs, 'initArgs')
    checkCrossing(bound, `${exportName}.with()`)
  }

  async #close(): Promise<void> {
    clearTimeout(this.#retry)
    for (const task of this.#tasks.list()) this.#aborted(task, this.#closed())
    if (this.#workers.size === 0) return
    const ended = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    for (const worker of this.#workers) worker.end()
    const timer = setTimeout(() => {
      for (const worker of this.#workers) worker.terminate()
    }, this.#settings.graceMs)
    await ended
    clearTimeout(timer)
  }

  /**
   * Deferred until callers that just got a result have made their next calls, which may be more
   * urgent.
   */
  #dispatchSoon(): void {
    if (this.#isDispatching) return
    this.#isDispatching = true
    queueMicrotask(() => {
      this.#isDispatching = false
      this.#dispatch()
    })
  }

  /** Gives waiting tasks to workers with room, and starts workers for the others. */
  #dispatch(): void {
    if (this.#queue.length === 0) return
    let waiting = 0
    for (let task = this.#queue.first(); task !== undefined; task = this.#queue.first()) {
      const worker = this.#leastLoaded(task)
      if (worker === undefined) break
      this.#queue.shift(task)
      if (worker.load > 0) waiting++
      worker.give(task)
    }
    // Tasks that wait inside a busy worker are counted too: another worker could run them.
    waiting += this.#queue.length
    if (this.#hadWaiting) for (const one of this.#workers) one.keepOrLetGo()
    this.#hadWaiting = this.#queue.length > 0
    if (waiting > 0) this.#startWorkers(waiting)
  }

  #leastLoaded(task: Task): PoolWorker | undefined {
    let chosen: PoolWorker | undefined
    for (const worker of this.#workers) {
      if (worker.hasRoomFor(task) && (chosen === undefined || worker.load < chosen.load))
        chosen = worker
    }
    return chosen
  }

  #startWorkers(waiting: number): void {
    const { initConcurrency } = this.#settings
    const size = this.#size
    if (this.#retry !== undefined || (this.#hasGivenUp && this.#workers.size > 0)) return
    let starting = 0
    for (const worker of this.#workers) if (!worker.isReady && !worker.isRetiring) starting++
    const wanted = Math.min(waiting, initConcurrency)
    while (starting < wanted && this.#workers.size < size && this.#closing === undefined) {
      try {
        this.#workers.add(new PoolWorker(this.#owner, this.#connect))
      } catch (error) {
        this.#notStarted(error)
        return
      }
      starting++
      if (this.#gone > 0) {
        this.#gone--
        this.#counters.restarts++
      }
    }
  }

  #aborted(task: Task, reason: unknown): void {
    const { worker, outputs } = task
    outputs?.drop()
    task.reject(reason)
    if (worker === undefined) return
    if (outputs === undefined) worker.abort(task)
    else outputs.leaving = new Promise((resolve) => worker.abort(task, resolve))
  }

  #settled(task: Task): void {
    this.#counters.tasks++
    this.#tasks.delete(task)
    if (this.#queue.delete(task)) for (const worker of this.#workers) worker.keepOrLetGo()
  }

  #workerEnded(worker: PoolWorker, exit: PoolWorkerExit): void {
    const { wasReady, wasMeant, suspects, others, how, error } = exit
    this.#workers.delete(worker)
    if (this.#workers.size < this.#size) this.#gone++
    if (!wasMeant) this.#counters.deaths++
    for (const task of suspects) task.deaths++
    const { maxDeaths } = this.#settings
    const isLost = (task: Task): boolean => task.deaths >= maxDeaths || hasMoved(task.item)
    const tasks = [...others, ...suspects]
    this.#queue.unshift(tasks.filter((task) => !isLost(task)))
    for (const task of tasks) if (isLost(task)) task.reject(this.#died(task, how, error))
    if (this.#closing !== undefined) {
      if (this.#workers.size === 0) this.#onEmpty?.()
      return
    }
    // A worker was ready, so earlier failures to start do not count any more.
    if (wasReady) this.#canStart()
    else if (!wasMeant) this.#notStarted(error ?? how)
    this.#dispatch()
  }

  #canStart(): void {
    this.#tries.reset()
    this.#hasGivenUp = false
  }

  /**
   * A worker ended before it was ready. Another attempt follows after a while, unless that is
   * useless.
   */
  #notStarted(cause: unknown): void {
    if (this.#retry !== undefined && !isFinal(cause)) return
    const waitMs = this.#tries.failedWith(cause)
    if (waitMs === undefined) {
      this.#hasGivenUp = true
      if (this.#workers.size === 0) this.#cannotStart(cause)
      return
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#dispatch()
    }, waitMs)
  }

  #moduleRefused(module: string, error: unknown): void {
    this.#refused.set(module, error)
    for (const task of this.#tasks.list()) {
      if (moduleName(task.call.filename) !== module) continue
      this.#queue.delete(task)
      task.reject(error)
    }
    const { init } = this.#settings
    if (init !== undefined && moduleName(init.href) === module) this.#cannotStart(error)
  }

  #cannotStart(cause: unknown): void {
    const { failed } = this.#tries
    this.#canStart()
    const tries = failed > 1 ? ` (tried ${failed} times)` : ''
    const message = `no worker ${this.#settings.kind} can be started: ${messageOf(cause)}${tries}`
    for (const task of this.#queue.clear())
      task.reject(new InfrastructureError('ERR_WORKER_START', message, { cause }))
  }

  #closed(): InfrastructureError {
    return new InfrastructureError('ERR_POOL_CLOSED', `the ${this.#settings.kind} pool was closed`)
  }

  #died(task: Task, how: string, cause: unknown): SpindleError {
    const { name, filename } = task.call
    const { kind } = this.#settings
    const reason = cause === undefined ? how : messageOf(cause)
    const plural = kind === 'process' ? 'processes' : 'threads'
    const times = task.deaths === 1 ? `a worker ${kind}` : `${task.deaths} worker ${plural}`
    return new SpindleError(
      'ERR_WORKER_DIED',
      `op ${name} of ${filename} killed ${times}, the last one with: ${reason}`,
      cause === undefined ? {} : { cause },
    )
  }
}

function captureSite(): { readonly stack?: string } {
  const site: { readonly stack?: string } = {}
  Error.captureStackTrace(site, captureSite)
  return site
}

import { badOption, checkInteger } from '../../check.ts'
import type {
  Executor,
  ExecutorCall,
  ExecutorWorkers,
  WorkerNumber,
} from '../../engine/executor.ts'
import type { OpReference } from '../../engine/worker-op.ts'
import { InfrastructureError, messageOf, SpindleError } from '../../errors.ts'
import { clearTimeout, queueMicrotask, setTimeout, type Timer } from '../../timers.ts'
import { checkNesting, isNested, moduleName, startsWorkers } from '../supervise/nesting.ts'
import { isFinal, StartTries } from '../supervise/start-tries.ts'
import { wholeBuffersOf } from '../transport/pack.ts'
import { AbortWatch } from './abort-watch.ts'
import { BufferPool } from './buffer-pool.ts'
import { InitCount } from './inits.ts'
import { checkCrossing } from './ipc-carrier.ts'
import type { Connect } from './link.ts'
import { moved } from './moved.ts'
import { OpNumbers } from './op-numbers.ts'
import { OpProfiles } from './op-profile.ts'
import type { PoolSettings } from './pool-options.ts'
import { sizingOf, workersOf } from './pool-size.ts'
import { PoolCounters, type PoolStats } from './pool-stats.ts'
import { PoolWorker } from './pool-worker.ts'
import { Task } from './task.ts'
import { TaskQueue } from './task-queue.ts'
import type { WorkerEnding, WorkerOwner } from './worker-owner.ts'

startsWorkers()

/**
 * What `ThreadPool` and `ProcessPool` have in common, which is all but how a worker is started and
 * spoken to.
 */
export class WorkerPool implements Executor, AsyncDisposable {
  readonly reportsStart = true
  readonly bindsValues = true
  readonly workers: ExecutorWorkers
  /** Workers at most, now; between which numbers that may be set; and how. */
  readonly sizing: WorkerNumber
  readonly #settings: PoolSettings
  /** Workers at most, now. */
  #size: number
  readonly #connect: Connect
  readonly #workers: Set<PoolWorker> = new Set()
  readonly #queue: TaskQueue = new TaskQueue()
  readonly #numbers: OpNumbers = new OpNumbers()
  readonly #stock: BufferPool = new BufferPool()
  readonly #counters: PoolCounters = new PoolCounters()
  readonly #tasks: AbortWatch = new AbortWatch((task, reason) => this.#aborted(task, reason))
  readonly #owner: WorkerOwner<PoolWorker>
  readonly #onSettled = (task: Task): void => this.#settled(task)
  #closing: Promise<void> | undefined
  #onEmpty: (() => void) | undefined
  readonly #tries: StartTries = new StartTries()
  /** Waits until another start is tried. */
  #retry: Timer | undefined
  /** Nothing more is tried: as long as there are other workers, these do it. */
  #hasGivenUp = false
  /** Modules that no worker can load. */
  readonly #refused: Map<string, unknown> = new Map()
  #isDispatching = false
  /** Whether tasks were waiting when the last ones were given out. */
  #hadWaiting = false
  /** Workers that ended and were not replaced yet. */
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
      facts: new OpProfiles(),
      counters: this.#counters,
      stock: this.#stock,
      memory: settings.memory,
      graceMs: settings.graceMs,
      maxTasks: settings.maxTasks,
      workerHasRoom: () => this.#dispatchSoon(),
      workerReady: () => {
        this.#canStart()
      },
      moduleRefused: (module, error) => this.#moduleRefused(module, error),
      workerEnded: (worker, ending) => this.#workerEnded(worker, ending),
    }
  }

  /** Workers there are now, those included that are starting or ending. */
  get workerCount(): number {
    return this.#workers.size
  }

  /**
   * Sets how many workers there are at most. More start when there is work for them. Of those that
   * are too many, the ones with the least to do take no more calls, and end when they have done
   * those they have: none is lost.
   *
   * @throws `ERR_BAD_OPTION` if `size` is no integer within the range that the pool was made with.
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

  /** What the pool has done so far, and what it is at. */
  stats(): PoolStats {
    const { tasks, transferredBytes, copiedBytes, deaths, restarts } = this.#counters
    let running = 0
    for (const worker of this.#workers) running += worker.held
    const [workers, waiting] = [this.#workers.size, this.#queue.length]
    return { workers, waiting, running, tasks, transferredBytes, copiedBytes, deaths, restarts }
  }

  /**
   * Calls an op in one of the workers. A generator's outputs are streamed: the promise gives an
   * async generator once the first is here, and the worker is ahead of its reader by some
   * milliseconds' work, at most 64 outputs.
   *
   * @throws `ERR_WORKER_DIED` if it killed `maxDeaths` workers, `ERR_WORKER_START` if no worker can
   *   be started, `ERR_WORKER_MODULE` if
   * there is no such op, `ERR_NOT_TRANSFERABLE` if item or result cannot cross, `ERR_POOL_CLOSED`;
   * the signal's reason if it is aborted.
   */
  run(item: unknown, call: ExecutorCall): Promise<unknown> {
    return this.#run(item, call, call.priority ?? 0)
  }

  /**
   * This pool, with a priority for the calls made here: waiting calls with a higher one go first.
   * Calls of a pipeline that are made by no such view have the number of their stage, which rises
   * towards the sink: what is nearest to its end goes first.
   *
   * @throws `ERR_BAD_OPTION` if `n` is no finite number.
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
   * Hands the buffers of a result back: all that the value covers as a whole are empty here from
   * now on, and threads get them for the ops that ask by `context.alloc()`; what comes from
   * processes is read into them. Large results cost a fraction so, for it is not the way to this
   * thread that is dear, but new memory.
   */
  giveBack(value: unknown): void {
    for (const buffer of wholeBuffersOf(value)) {
      // Not the buffer itself: whoever still has it must not see what others write.
      if (buffer.byteLength > 0) this.#stock.put(moved(buffer))
    }
  }

  /**
   * Starts workers for so many calls at a time, as far as `size` allows, before there are calls.
   */
  warmUp(calls: number): void {
    if (this.#closing === undefined) this.#startWorkers(calls - this.#workers.size)
  }

  /**
   * Ends the workers. Calls that are not done reject with `ERR_POOL_CLOSED`; workers that are busy
   * with one get the grace time.
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
      if (isNested()) checkNesting([call.filename])
      const refused =
        this.#refused.size > 0 ? this.#refused.get(moduleName(call.filename)) : undefined
      if (refused !== undefined) return reject(refused)
      const op = this.#numbers.numberOf(call, this.#checkReference)
      // A stage knows where it was made; of any other caller the stack is all there is. To take it
      // costs as much as all the rest of a small call, so of many calls at a time only the first
      // one's is taken.
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
   * After those who have just got their results have made their next calls: these may be the more
   * urgent ones.
   */
  #dispatchSoon(): void {
    if (this.#isDispatching) return
    this.#isDispatching = true
    queueMicrotask(() => {
      this.#isDispatching = false
      this.#dispatch()
    })
  }

  /** Gives waiting tasks to workers that have room, and starts workers for those that find none. */
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
    // What waits inside a busy worker would be better off in one of its own.
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

  #workerEnded(worker: PoolWorker, ending: WorkerEnding): void {
    const { wasReady, wasMeant, suspects, others, how, error } = ending
    this.#workers.delete(worker)
    if (this.#workers.size < this.#size) this.#gone++
    if (!wasMeant) this.#counters.deaths++
    for (const task of suspects) task.deaths++
    const { maxDeaths } = this.#settings
    this.#queue.unshift([...others, ...suspects.filter((task) => task.deaths < maxDeaths)])
    for (const task of suspects)
      if (task.deaths >= maxDeaths) task.reject(this.#died(task, how, error))
    if (this.#closing !== undefined) {
      if (this.#workers.size === 0) this.#onEmpty?.()
      return
    }
    // What failed before the last one was ready is not to blame for what comes after.
    if (wasReady) this.#canStart()
    else if (!wasMeant) this.#notStarted(error ?? how)
    this.#dispatch()
  }

  #canStart(): void {
    this.#tries.reset()
    this.#hasGivenUp = false
  }

  /**
   * A worker was not ready when it ended: another one is tried after a while, unless that is of no
   * use.
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

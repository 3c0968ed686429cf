import type { RegionWorkersConfig } from '../../engine/config.ts'
import type { WorkerNumber } from '../../engine/executor.ts'
import type { Item } from '../../engine/flow/item.ts'
import { InfrastructureError, messageOf } from '../../errors.ts'
import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'
import { checkNesting, isNested } from '../supervise/nesting.ts'
import { StartTries } from '../supervise/start-tries.ts'
import type { RegionInput } from './region-inputs.ts'
import { modulesOf } from './region-plan.ts'
import type { WorkerReport } from './region-protocol.ts'
import {
  RegionWorker,
  type RegionWorkerExit,
  type RegionWorkerOptions,
  type RegionWorkerOwner,
  type StartFailure,
  startFailure,
} from './region-worker.ts'

/** Receives the events of a supervisor. */
export interface SupervisorOwner {
  /** Whether workers are still needed. */
  readonly isWanted: boolean
  onReport(worker: RegionWorker, report: WorkerReport): void
  /** An input that is not run again: it killed its workers, or could not be sent to one. */
  inputFailed(input: RegionInput, error: unknown, exit: RegionWorkerExit | undefined): void
  /** No worker can continue. */
  supervisorFailed(error: InfrastructureError): void
  /** A worker may have room, or has ended. */
  workersChanged(): void
}

/** Maximum number of consecutive deaths of workers without work. */
const MOST_IDLE_DEATHS = 3

/**
 * The workers of a region. The supervisor assigns inputs to them and replaces dead workers.
 *
 * When a worker dies, it is usually unknown which of its inputs killed it, unless it had only one,
 * or a call blocked it for too long. So one worker, the *isolating* one, runs all of them again. It
 * has no other work. It gets the next input only when everything that it has is done or waits in an
 * aggregator for more, and it announces each call that contains its inputs. If the isolating worker
 * dies, the culprit is known, and only such deaths count.
 */
export class RegionSupervisor implements RegionWorkerOwner {
  readonly workers: Set<RegionWorker> = new Set()
  readonly #owner: SupervisorOwner
  readonly #options: RegionWorkerOptions
  #count: number
  /** Workers that are no longer needed: they finish what they have, and end. */
  readonly #retiring: Set<RegionWorker> = new Set()
  readonly #initConcurrency: number
  readonly #tries: StartTries = new StartTries()
  /** Waits before the next attempt to start a worker. */
  #retry: Timer | undefined
  readonly #settings: RegionWorkersConfig
  readonly #maxDeaths: number
  readonly #isOrdered: boolean
  readonly #inputs: Map<number, RegionInput> = new Map()
  /** Inputs to run again, in order. */
  #again: RegionInput[] = []
  #isolating: RegionWorker | undefined
  #idleDeaths = 0
  /** Changed bounds of stages, for workers that are started later. */
  readonly #sizes: Map<number, number> = new Map()

  constructor(owner: SupervisorOwner, options: RegionWorkerOptions, settings: RegionWorkersConfig) {
    this.#owner = owner
    this.#options = options
    this.#count = settings.count
    this.#settings = settings
    this.#initConcurrency = settings.initConcurrency
    this.#maxDeaths = settings.maxDeaths
    this.#isOrdered = settings.outputOrder === 'input'
  }

  start(): void {
    try {
      if (isNested()) checkNesting(modulesOf(this.#options.plan))
      this.#startMissing()
    } catch (error) {
      this.#notStarted(startFailure(error))
    }
  }

  /** Starts missing workers, a few at a time. */
  #startMissing(): void {
    let starting = 0
    for (const worker of this.workers) if (!worker.isReady && !worker.isClosing) starting++
    while (
      this.workers.size - this.#retiring.size < this.#count &&
      starting < this.#initConcurrency &&
      this.#retry === undefined &&
      this.#owner.isWanted
    ) {
      try {
        const worker = new RegionWorker(this, this.#options)
        for (const [stage, concurrency] of this.#sizes) worker.resizeStage(stage, concurrency)
        this.workers.add(worker)
        starting++
      } catch (error) {
        this.#notStarted(startFailure(error))
        return
      }
    }
  }

  /**
   * A worker ended before it was ready. Another attempt follows after a while, unless that is
   * useless.
   */
  #notStarted(failure: StartFailure): void {
    if (this.#retry !== undefined && !failure.isFinal) return
    const waitMs = failure.isFinal ? undefined : this.#tries.failedWith(failure.error.cause)
    if (waitMs === undefined) {
      this.#owner.supervisorFailed(failure.error)
      return
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#startMissing()
      this.#owner.workersChanged()
    }, waitMs)
  }

  /** Sets the maximum number of calls in flight of a stage in each worker. */
  resizeStage(stage: number, concurrency: number): void {
    this.#sizes.set(stage, concurrency)
    for (const worker of this.workers) worker.resizeStage(stage, concurrency)
  }

  /** The number of workers, with its bounds. `resize` changes it. */
  sizing(resize: (count: number) => void): WorkerNumber {
    const { count: max, minCount: min, isRange } = this.#settings
    const { working: busy, waiting, isStarting } = this
    return { size: this.#count, min, max, isRange, busy, waiting, isStarting, resize }
  }

  /** Maximum number of workers. */
  get count(): number {
    return this.#count
  }

  /**
   * Sets the number of workers. Missing ones start. Surplus ones get no more inputs, except those
   * that complete their batches, and end when all their inputs are done. No item runs twice.
   */
  resize(count: number): void {
    this.#count = count
    for (const worker of this.#retiring)
      if (!worker.isClosing && this.workers.size - this.#retiring.size < count)
        this.#retiring.delete(worker)
    const surplus = this.workers.size - this.#retiring.size - count
    const idleFirst = [...this.workers]
      .filter((worker) => worker !== this.#isolating && !this.#retiring.has(worker))
      .sort((one, other) => one.unfinished.size - other.unfinished.size)
    for (const worker of idleFirst.slice(0, Math.max(0, surplus))) this.#retiring.add(worker)
    this.#endRetiring()
    this.#startMissing()
    this.#owner.workersChanged()
  }

  #endRetiring(): void {
    for (const worker of this.#retiring)
      if (!worker.isClosing && !worker.isFlushing && worker.unfinished.size === 0)
        worker.cancel(false)
  }

  /** Whether a worker gets no more inputs. A batch that it has begun is completed. */
  #isFinishing(worker: RegionWorker): boolean {
    if (!this.#retiring.has(worker)) return false
    return !worker.isEmpty || worker.unfinished.size === 0
  }

  /** Number of workers that run something now. */
  get working(): number {
    let working = 0
    for (const worker of this.workers)
      if (worker.isReady && !worker.isClosing && worker.isBusy) working++
    return working
  }

  /** Whether a worker is starting. */
  get isStarting(): boolean {
    for (const worker of this.workers) if (!worker.isReady && !worker.isClosing) return true
    return this.#retry !== undefined
  }

  /** Number of inputs that were sent to workers and have not begun. */
  get waiting(): number {
    let waiting = 0
    for (const worker of this.workers) waiting += worker.waiting
    return waiting
  }

  /** Number of workers that have or will have work in progress. */
  get busy(): number {
    let busy = this.#again.length > 0 || this.#retry !== undefined ? 1 : 0
    for (const worker of this.workers) if (worker.isBusy) busy++
    return busy
  }

  /** Number of inputs that are not done. */
  get unfinished(): number {
    return this.#inputs.size
  }

  /** The items of those inputs. */
  get pendingItems(): readonly Item[] {
    return [...this.#inputs.values()].map(({ item }) => item)
  }

  /** Whether every worker has given its last result after a failure. */
  get hasEnded(): boolean {
    for (const worker of this.workers) if (!worker.hasEnded && !worker.isClosing) return false
    return true
  }

  inputOf(seq: number): RegionInput | undefined {
    return this.#inputs.get(seq)
  }

  /**
   * The worker for the next input: the least loaded one. `only`: if given, the worker must have
   * this input.
   */
  pick(only: number | undefined): RegionWorker | undefined {
    let chosen: RegionWorker | undefined
    for (const worker of this.workers) {
      if (worker === this.#isolating || !worker.hasRoom || this.#isFinishing(worker)) continue
      if (only !== undefined && !worker.unfinished.has(only)) continue
      if (chosen === undefined || isLessLoaded(worker, chosen)) chosen = worker
    }
    return chosen
  }

  give(worker: RegionWorker, input: RegionInput): void {
    this.#inputs.set(input.seq, input)
    this.#send(worker, input)
  }

  #send(worker: RegionWorker, input: RegionInput): void {
    input.worker = worker
    worker.give(input.forWorker())
  }

  /** Nothing of an input is in progress any more. */
  done(input: RegionInput): void {
    this.#idleDeaths = 0
    this.#inputs.delete(input.seq)
    input.worker?.moving.delete(input.seq)
    input.worker?.unfinished.delete(input.seq)
    if (this.#retiring.size > 0) this.#endRetiring()
  }

  /** An isolating worker announces a call with these inputs. */
  moves(worker: RegionWorker, seqs: readonly number[]): void {
    if (worker.isIsolating) for (const seq of seqs) worker.moving.add(seq)
  }

  /** A worker has given all results that it had kept for larger batches. */
  flushed(worker: RegionWorker): void {
    worker.flushed()
    this.#endRetiring()
    if (worker !== this.#isolating) worker.setIsolating(false)
  }

  /** Continues to run inputs again. */
  runAgain(): void {
    if (this.#again.length > 0) this.#isolating ??= this.#idleWorker()
    const isolating = this.#isolating
    if (isolating === undefined || !isolating.isReady) return
    if (!isolating.isEmpty) {
      // In input order, the isolating worker may hold more results than its credit allows. This
      // happens in two cases. All wait for an input that is itself to be run again, because another
      // worker has died. Or all wait for an input of this worker, while its own results of later
      // inputs use up its credit.
      if (!isolating.isBusy && (this.#waitsForOthers(isolating) || this.#isAwaited(isolating)))
        isolating.relieve()
      return
    }
    isolating.moving.clear()
    const input = this.#again.shift()
    if (input === undefined) {
      isolating.setIsolating(false)
      this.#isolating = undefined
      return
    }
    isolating.moving.add(input.seq)
    this.#send(isolating, input)
  }

  #waitsForOthers({ moving }: RegionWorker): boolean {
    const [first] = this.#again
    return this.#isOrdered && first !== undefined && [...moving].every((seq) => seq > first.seq)
  }

  /** Whether a worker has the input that all others wait for. */
  #isAwaited({ moving }: RegionWorker): boolean {
    const [first] = this.#inputs.keys()
    return this.#isOrdered && first !== undefined && moving.has(first)
  }

  #idleWorker(): RegionWorker | undefined {
    for (const worker of this.workers) {
      if (!worker.isReady || worker.isClosing || worker.unfinished.size > 0) continue
      if (this.#retiring.has(worker)) continue
      worker.setIsolating(true)
      return worker
    }
    return undefined
  }

  /**
   * Makes all workers give incomplete batches. Returns whether some have not finished, or inputs
   * are still to be run again.
   */
  flush(): boolean {
    if (this.#again.length > 0 || this.#isolating !== undefined) return true
    let isFlushing = false
    for (const worker of this.workers) {
      if (!worker.isReady || worker.isClosing) continue
      if (worker.isDirty && !worker.isFlushing) {
        // An input that was in a worker that died may now be in an incomplete batch, which starts
        // with the flush and may kill this worker too.
        if ([...worker.unfinished].some((seq) => this.#inputs.get(seq)?.isSuspect))
          worker.setIsolating(true)
        worker.flush()
      }
      isFlushing ||= worker.isFlushing
    }
    return isFlushing
  }

  /** A stage has failed: no worker begins anything more. */
  failStage(stage: number): void {
    this.#again = []
    for (const worker of [...this.workers]) {
      if (worker.isReady && !worker.isClosing) worker.failStage(stage)
      else worker.cancel(true)
    }
  }

  /** Ends all workers. Returns the inputs that are not done. */
  cancel(abort: boolean): RegionInput[] {
    const unfinished = [...this.#inputs.values()]
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#inputs.clear()
    this.#again = []
    this.#isolating = undefined
    for (const worker of [...this.workers]) worker.cancel(abort)
    return unfinished
  }

  // --- events of the workers

  workerReady(worker: RegionWorker): void {
    this.#tries.reset()
    if (this.#owner.isWanted) this.#startMissing()
    else worker.cancel(true)
    this.#owner.workersChanged()
  }

  onReport(worker: RegionWorker, report: WorkerReport): void {
    this.#owner.onReport(worker, report)
  }

  inputRefused(seq: number, error: unknown): void {
    const input = this.#inputs.get(seq)
    if (input === undefined) return
    input.worker?.moving.delete(seq)
    this.#inputs.delete(seq)
    this.#owner.inputFailed(input, error, undefined)
    this.#owner.workersChanged()
  }

  workerEnded(worker: RegionWorker, exit: RegionWorkerExit): void {
    this.workers.delete(worker)
    const hasRetired = this.#retiring.delete(worker) && worker.unfinished.size === 0
    if (hasRetired && this.#owner.isWanted) this.#startMissing()
    else if (this.#owner.isWanted) this.#died(worker, exit)
    this.#owner.workersChanged()
  }

  #died(worker: RegionWorker, exit: RegionWorkerExit): void {
    const lost = [...worker.unfinished]
      .sort((a, b) => a - b)
      .map((seq) => this.#inputs.get(seq))
      .filter((input) => input !== undefined)
    if (exit.startFailure !== undefined) {
      this.#notStarted(exit.startFailure)
      return
    }
    const failure = this.#hopeless(worker, lost, exit)
    if (failure !== undefined) {
      this.#owner.supervisorFailed(failure)
      return
    }
    const culprits = this.#culprits(worker, lost, exit)
    for (const input of culprits) input.deaths++
    const condemned = culprits.filter((input) => input.deaths >= this.#maxDeaths)
    if (worker === this.#isolating) this.#isolating = undefined
    const again = lost.filter((input) => !condemned.includes(input))
    this.#again = [...again, ...this.#again].sort((a, b) => a.seq - b.seq)
    for (const input of again) {
      input.worker = undefined
      input.isSuspect = true
    }
    for (const input of condemned) {
      this.#inputs.delete(input.seq)
      this.#owner.inputFailed(input, undefined, exit)
    }
    this.#startMissing()
  }

  /** The inputs that have certainly killed the worker. */
  #culprits(
    worker: RegionWorker,
    lost: readonly RegionInput[],
    { hang }: RegionWorkerExit,
  ): readonly RegionInput[] {
    const held = lost.filter((input) => input.seq === hang?.seq)
    if (held.length > 0) return held
    if (worker.isIsolating) return lost.filter((input) => worker.moving.has(input.seq))
    return lost.length === 1 ? lost : []
  }

  /** Why continuing is useless, if it is. */
  #hopeless(
    worker: RegionWorker,
    lost: readonly RegionInput[],
    exit: RegionWorkerExit,
  ): InfrastructureError | undefined {
    const how = exit.error === undefined ? exit.how : messageOf(exit.error)
    const options = exit.error === undefined ? {} : { cause: exit.error }
    if (worker.entangled > 0) {
      return new InfrastructureError(
        'ERR_WORKER_DIED',
        `a worker of the region died (${how}) when parts of a batch had been given in one later batch and not in another, which cannot be made again exactly: end the region between the two aggregates`,
        options,
      )
    }
    // A worker that had inputs is not counted: the next death will be assigned to one of them.
    if (lost.length === 0 || (worker.isIsolating && worker.moving.size === 0)) this.#idleDeaths++
    if (this.#idleDeaths <= MOST_IDLE_DEATHS) return undefined
    return new InfrastructureError(
      'ERR_WORKER_DIED',
      `idle workers of the region die, the last one with: ${how}`,
      options,
    )
  }
}

function isLessLoaded(one: RegionWorker, other: RegionWorker): boolean {
  const difference = one.waiting - other.waiting
  return difference !== 0 ? difference < 0 : one.unfinished.size < other.unfinished.size
}

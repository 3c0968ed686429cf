import type { RegionWorkersConfig } from '../../engine/config.ts'
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
  type RegionWorkerOptions,
  type RegionWorkerOwner,
  type StartFailure,
  startFailure,
  type WorkerEnding,
} from './region-worker.ts'

/** Whom the crew tells. */
export interface SupervisorOwner {
  /** Whether there is still something to be done. */
  readonly isWanted: boolean
  heard(worker: RegionWorker, report: WorkerReport): void
  /** An input that is not run again: it killed its workers, or could not be sent to one. */
  inputFailed(input: RegionInput, error: unknown, ending: WorkerEnding | undefined): void
  /** No worker can go on. */
  crewFailed(error: InfrastructureError): void
  /** Somebody may have room, or is gone. */
  crewChanged(): void
}

/** Workers in a row that may die with nothing to do. */
const MOST_IDLE_DEATHS = 3

/**
 * The workers of a region: who gets what, and what becomes of it when one dies.
 *
 * A dead worker is replaced. Which of its inputs killed it is not known, unless it had only one or
 * a call held it for too long; so all of them are run again by one worker, the *isolating* one,
 * that has nothing else to do and is given the next only when all it has rests (is done, or waits
 * in an aggregator for more), and that tells beforehand which batches set out. When that one dies,
 * too, one knows what did it, and only then it counts.
 */
export class RegionSupervisor implements RegionWorkerOwner {
  readonly workers: Set<RegionWorker> = new Set()
  readonly #owner: SupervisorOwner
  readonly #options: RegionWorkerOptions
  readonly #count: number
  readonly #initConcurrency: number
  readonly #tries: StartTries = new StartTries()
  /** Waits until another start is tried. */
  #retry: Timer | undefined
  readonly #maxDeaths: number
  readonly #isOrdered: boolean
  readonly #inputs: Map<number, RegionInput> = new Map()
  /** What is to be run again, in order. */
  #again: RegionInput[] = []
  #isolating: RegionWorker | undefined
  #idleDeaths = 0
  /** Bounds of stages that were changed, for workers that are started later. */
  readonly #sizes: Map<number, number> = new Map()

  constructor(
    owner: SupervisorOwner,
    options: RegionWorkerOptions,
    settings: Pick<RegionWorkersConfig, 'count' | 'maxDeaths' | 'outputOrder' | 'initConcurrency'>,
  ) {
    this.#owner = owner
    this.#options = options
    this.#count = settings.count
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

  /** As far as some are missing, a few at a time. */
  #startMissing(): void {
    let starting = 0
    for (const worker of this.workers) if (!worker.isReady && !worker.isClosing) starting++
    while (
      this.workers.size < this.#count &&
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
   * A worker was not ready when it ended: another one is tried after a while, unless that is of no
   * use.
   */
  #notStarted(failure: StartFailure): void {
    if (this.#retry !== undefined && !failure.isFinal) return
    const waitMs = failure.isFinal ? undefined : this.#tries.failedWith(failure.error.cause)
    if (waitMs === undefined) {
      this.#owner.crewFailed(failure.error)
      return
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#startMissing()
      this.#owner.crewChanged()
    }, waitMs)
  }

  /** So many calls of a stage may be in flight in each worker from now on. */
  resizeStage(stage: number, concurrency: number): void {
    this.#sizes.set(stage, concurrency)
    for (const worker of this.workers) worker.resizeStage(stage, concurrency)
  }

  /** How many of them something goes on in, or is to. */
  get busy(): number {
    let busy = this.#again.length > 0 || this.#retry !== undefined ? 1 : 0
    for (const worker of this.workers) if (worker.isBusy) busy++
    return busy
  }

  /** Inputs that are not done. */
  get unfinished(): number {
    return this.#inputs.size
  }

  /** The items of those inputs. */
  get pendingItems(): readonly Item[] {
    return [...this.#inputs.values()].map(({ item }) => item)
  }

  /** Whether every worker has given all it will, after a failure. */
  get hasEnded(): boolean {
    for (const worker of this.workers) if (!worker.hasEnded && !worker.isClosing) return false
    return true
  }

  inputOf(seq: number): RegionInput | undefined {
    return this.#inputs.get(seq)
  }

  /**
   * The worker that takes the next input: the one in which the fewest wait. `only`: none but the
   * one that has that input.
   */
  pick(only: number | undefined): RegionWorker | undefined {
    let chosen: RegionWorker | undefined
    for (const worker of this.workers) {
      if (worker === this.#isolating || !worker.hasRoom) continue
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

  /** Nothing of an input is under way any more. */
  done(input: RegionInput): void {
    this.#idleDeaths = 0
    this.#inputs.delete(input.seq)
    input.worker?.moving.delete(input.seq)
    input.worker?.unfinished.delete(input.seq)
  }

  /** An isolating worker tells that a batch sets out. */
  moves(worker: RegionWorker, seqs: readonly number[]): void {
    if (worker.isCareful) for (const seq of seqs) worker.moving.add(seq)
  }

  /** A worker has given all it kept for more. */
  flushed(worker: RegionWorker): void {
    worker.flushed()
    if (worker !== this.#isolating) worker.setCareful(false)
  }

  /** Goes on running again what has to be. */
  runAgain(): void {
    if (this.#again.length > 0) this.#isolating ??= this.#idleWorker()
    const isolating = this.#isolating
    if (isolating === undefined || !isolating.isReady) return
    if (!isolating.isEmpty) {
      // In input order it may have more to give than it may: while what all wait for is itself to
      // be run again, for another worker has died; or while all wait for what it has, and its own
      // later results, from before, take up what it may give.
      if (!isolating.isBusy && (this.#waitsForOthers(isolating) || this.#isAwaited(isolating)))
        isolating.relieve()
      return
    }
    isolating.moving.clear()
    const input = this.#again.shift()
    if (input === undefined) {
      isolating.setCareful(false)
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

  /** Whether a worker has what nothing can be given before. */
  #isAwaited({ moving }: RegionWorker): boolean {
    const [first] = this.#inputs.keys()
    return this.#isOrdered && first !== undefined && moving.has(first)
  }

  #idleWorker(): RegionWorker | undefined {
    for (const worker of this.workers) {
      if (!worker.isReady || worker.isClosing || worker.unfinished.size > 0) continue
      worker.setCareful(true)
      return worker
    }
    return undefined
  }

  /**
   * Has all give what they keep for more; whether some still are at it, or something has to be run
   * again.
   */
  flush(): boolean {
    if (this.#again.length > 0 || this.#isolating !== undefined) return true
    let isFlushing = false
    for (const worker of this.workers) {
      if (!worker.isReady || worker.isClosing) continue
      if (worker.isDirty && !worker.isFlushing) {
        // What has been in a worker that died, and is in a batch that is too small to have set out
        // since, may do it again now.
        if ([...worker.unfinished].some((seq) => this.#inputs.get(seq)?.isSuspect))
          worker.setCareful(true)
        worker.flush()
      }
      isFlushing ||= worker.isFlushing
    }
    return isFlushing
  }

  /** A stage has failed: nothing is begun any more, in no worker. */
  failStage(stage: number): void {
    this.#again = []
    for (const worker of [...this.workers]) {
      if (worker.isReady && !worker.isClosing) worker.failStage(stage)
      else worker.cancel(true)
    }
  }

  /** Ends all. Gives what is not done, which will not be. */
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

  // --- what workers tell

  workerReady(worker: RegionWorker): void {
    this.#tries.reset()
    if (this.#owner.isWanted) this.#startMissing()
    else worker.cancel(true)
    this.#owner.crewChanged()
  }

  workerHeard(worker: RegionWorker, report: WorkerReport): void {
    this.#owner.heard(worker, report)
  }

  inputRefused(seq: number, error: unknown): void {
    const input = this.#inputs.get(seq)
    if (input === undefined) return
    input.worker?.moving.delete(seq)
    this.#inputs.delete(seq)
    this.#owner.inputFailed(input, error, undefined)
    this.#owner.crewChanged()
  }

  workerEnded(worker: RegionWorker, ending: WorkerEnding): void {
    this.workers.delete(worker)
    if (this.#owner.isWanted) this.#died(worker, ending)
    this.#owner.crewChanged()
  }

  #died(worker: RegionWorker, ending: WorkerEnding): void {
    const lost = [...worker.unfinished]
      .sort((a, b) => a - b)
      .map((seq) => this.#inputs.get(seq))
      .filter((input) => input !== undefined)
    if (ending.startFailure !== undefined) {
      this.#notStarted(ending.startFailure)
      return
    }
    const failure = this.#hopeless(worker, lost, ending)
    if (failure !== undefined) {
      this.#owner.crewFailed(failure)
      return
    }
    const culprits = this.#culprits(worker, lost, ending)
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
      this.#owner.inputFailed(input, undefined, ending)
    }
    this.#startMissing()
  }

  /** Those that have certainly killed the worker. */
  #culprits(
    worker: RegionWorker,
    lost: readonly RegionInput[],
    { hang }: WorkerEnding,
  ): readonly RegionInput[] {
    const held = lost.filter((input) => input.seq === hang?.seq)
    if (held.length > 0) return held
    if (worker.isCareful) return lost.filter((input) => worker.moving.has(input.seq))
    return lost.length === 1 ? lost : []
  }

  /** Why it is of no use to go on. */
  #hopeless(
    worker: RegionWorker,
    lost: readonly RegionInput[],
    ending: WorkerEnding,
  ): InfrastructureError | undefined {
    const how = ending.error === undefined ? ending.how : messageOf(ending.error)
    const options = ending.error === undefined ? {} : { cause: ending.error }
    if (worker.entangled > 0) {
      return new InfrastructureError(
        'ERR_WORKER_DIED',
        `a worker of the region died (${how}) when parts of a batch had been given in one later batch and not in another, which cannot be made again exactly: end the region between the two aggregates`,
        options,
      )
    }
    // With more than one, the next death is somebody's.
    if (lost.length === 0 || (worker.isCareful && worker.moving.size === 0)) this.#idleDeaths++
    if (this.#idleDeaths <= MOST_IDLE_DEATHS) return undefined
    return new InfrastructureError(
      'ERR_WORKER_DIED',
      `workers of the region die with nothing to do, the last one with: ${how}`,
      options,
    )
  }
}

function isLessLoaded(one: RegionWorker, other: RegionWorker): boolean {
  const difference = one.waiting - other.waiting
  return difference !== 0 ? difference < 0 : one.unfinished.size < other.unfinished.size
}

import type { RegionConfig } from '../../engine/config.ts'
import type { WorkerNumber } from '../../engine/executor.ts'
import { absorb, discard, Item, lose, retire } from '../../engine/flow/item.ts'
import { Queue } from '../../engine/flow/queue.ts'
import { Budget } from '../../engine/stages/budget.ts'
import type { GraphContext } from '../../engine/stages/graph-context.ts'
import type { MeasuredStage } from '../../engine/stages/measured-stage.ts'
import type { PendingWork } from '../../engine/stages/pending-work.ts'
import { PulledStage } from '../../engine/stages/pulled-stage.ts'
import { CANCELLED, ENDED, FAILING, OPENING, RUNNING } from '../../engine/stages/stage.ts'
import type { FailureBudget, StageInfo } from '../../engine/types.ts'
import type { InfrastructureError, ItemError } from '../../errors.ts'
import { fromWire, type WireError } from '../transport/wire-error.ts'
import { RegionGauges } from './region-gauges.ts'
import {
  type BatchFields,
  batchOf,
  type FailureFields,
  killedBy,
  membersOf,
  RegionInput,
} from './region-inputs.ts'
import { RegionOutputs } from './region-outputs.ts'
import { hangLimits, planRegion } from './region-plan.ts'
import {
  BATCH,
  CALLS,
  COVERED,
  FIELDS,
  FLUSHED,
  INPUT_DONE,
  ITEM_FAILED,
  PART_OF_SEVERAL,
  RESULT,
  STAGE_FAILED,
  WORKER_ENDED,
  type WorkerReport,
} from './region-protocol.ts'
import { RegionSupervisor, type SupervisorOwner } from './region-supervisor.ts'
import type { RegionWorker, RegionWorkerExit } from './region-worker.ts'
import { lastCallsOfProxy, type ProxyOwner, type StageProxy } from './stage-proxy.ts'

/**
 * Stages that run as one nested graph in each of several workers. It gives each item to the least
 * loaded worker and passes on the results. An item is kept until all its results have been given,
 * so the items of a worker that dies can be run again.
 *
 * A boundary between epochs, and the end of the stream, wait here until every worker has given all
 * its results. Only then are more items taken.
 */
export class RegionStage extends PulledStage implements SupervisorOwner, ProxyOwner {
  readonly exit: Queue
  readonly #inner: readonly StageProxy[]
  readonly #supervisor: RegionSupervisor
  readonly #outputs: RegionOutputs
  readonly #budget: Budget
  readonly #isOrdered: boolean
  readonly #gauges: RegionGauges
  /** Whether the start hooks of all stages have ended. */
  #isOpen = false
  #boundary: Item | undefined
  #nextSeq = 0
  #chosen: RegionWorker | undefined
  /** Number of the stage that has failed; if the region itself has failed, of its first stage. */
  #failedStage: number
  #cause: unknown
  #hasRested = false
  /**
   * Number of failed items that wait to be passed to the user. Until they are, no new item starts.
   */
  #unsent = 0

  constructor(
    info: StageInfo,
    graph: GraphContext,
    input: Queue,
    config: RegionConfig,
    inner: readonly StageProxy[],
    maxFailures: FailureBudget,
  ) {
    super(info, graph, input)
    const { workers } = config
    this.#inner = inner
    this.#gauges = new RegionGauges(inner)
    for (const stage of inner) stage.belongTo(this)
    this.exit = new Queue(config.buffer, undefined)
    this.exit.producer = this
    this.#budget = new Budget(workers.maxFailures ?? maxFailures)
    this.#isOrdered = workers.outputOrder === 'input'
    this.#outputs = new RegionOutputs(this.exit, this.#isOrdered)
    this.#failedStage = info.id + 1
    const plan = planRegion(config, graph, info.id + 1, inner)
    const { kind, resourceLimits } = workers
    const limits = hangLimits(config.stages, inner)
    this.#supervisor = new RegionSupervisor(this, { kind, resourceLimits, plan, limits }, workers)
  }

  override get callsOps(): boolean {
    return true
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  override get lastCalls(): readonly MeasuredStage[] {
    return lastCallsOfProxy(this.#inner)
  }

  override get blockedMs(): number {
    return this.concurrency * this.exit.times().fullMs
  }

  /** The number of workers, and how to change it. */
  get sizing(): WorkerNumber {
    return this.#supervisor.sizing((count) => this.#resize(count))
  }

  #resize(count: number): void {
    if (this.state > RUNNING || count === this.#supervisor.count) return
    for (const stage of this.#inner) stage.copies = count
    this.resized(count)
    this.#supervisor.resize(count)
  }

  protected override readonly holdsLoop: boolean = false

  override get runsElsewhere(): boolean {
    return true
  }

  /** Whether workers are wanted. */
  get isWanted(): boolean {
    return this.state <= RUNNING
  }

  protected override prepare(): void {
    this.#supervisor.start()
    this.running = this.#supervisor.workers.size
  }

  protected override get busy(): number {
    return this.#supervisor.busy
  }

  /** For workers in which nothing is left to run, their calls; for others, their items. */
  override get pendingWork(): PendingWork | readonly PendingWork[] | undefined {
    const calls = Array.from(this.#supervisor.workers, (worker) => worker.pendingWork).flat()
    return calls.length > 0 ? calls : super.pendingWork
  }

  protected override get pendingItems(): readonly Item[] {
    return this.#supervisor.pendingItems
  }

  innerBegan(): void {
    this.#isOpen = this.#inner.every((stage) => stage.state !== OPENING)
    this.pump()
  }

  canStart(): boolean {
    if (this.state !== RUNNING || this.#boundary !== undefined || !this.#isOpen || this.#unsent > 0)
      return false
    this.#chosen = this.#supervisor.pick(this.#outputs.blockedBy(this.#nextSeq))
    return this.#chosen !== undefined
  }

  protected start(item: Item): void {
    if (item.index < 0) {
      this.#boundary = item
      this.#settle()
      return
    }
    // Its results were already joined with others in an earlier run.
    if (item.origin.ledger?.isCovered(item) === true) {
      retire(item)
      return
    }
    const input = new RegionInput(this.#nextSeq++, item)
    this.tasks++
    this.#outputs.open(input.seq)
    this.#supervisor.give(this.#chosen as RegionWorker, input)
  }

  protected isIdle(): boolean {
    return this.#supervisor.unfinished === 0
  }

  override inputEnded(): void {
    this.#settle()
  }

  override roomMade(): void {
    this.#outputs.roomMade()
    this.#goOn()
  }

  /** Called after any change: continues whatever is possible. */
  #goOn(): void {
    if (this.state === RUNNING) {
      this.#supervisor.runAgain()
      this.pump()
      this.#settle()
    } else if (this.state === FAILING) this.#endIfFailed()
    if (this.graph.isDraining) this.graph.rested()
  }

  /** Passes a boundary on, or ends, when all results before it were given. */
  #settle(): void {
    const boundary = this.#boundary
    if (this.state !== RUNNING || (boundary === undefined && !this.input.isDrained)) return
    if (this.#supervisor.flush() || this.#supervisor.unfinished > 0 || !this.#outputs.isInTurn)
      return
    if (boundary !== undefined) {
      this.#boundary = undefined
      this.#outputs.boundary(boundary)
      this.pump()
    } else if (this.#outputs.isEmpty) this.finish()
  }

  // --- messages of the workers

  onReport(worker: RegionWorker, report: WorkerReport): void {
    this.#gauges.count(worker, report)
    if (this.state > FAILING) return
    const { entries } = report
    for (let at = 0; at < entries.length; at += 1 + (FIELDS[entries[at] as number] as number))
      this.#take(worker, entries, at)
    this.#goOn()
  }

  #take(worker: RegionWorker, entries: readonly unknown[], at: number): void {
    const code = entries[at]
    const [one, two, three] = [entries[at + 1], entries[at + 2], entries[at + 3]]
    if (code === RESULT) {
      const input = this.#supervisor.inputOf(one as number)
      const positions = two as readonly number[] | undefined
      if (input === undefined) return
      if (entries[at + 4] !== true) input.cover(positions?.join('.') ?? '')
      this.#outputs.give(input.seq, input.output(three, positions), worker)
      if (entries[at + 4] === true) this.#done(input)
    } else if (code === BATCH) this.#takeBatch(worker, entries.slice(at + 1, at + 8))
    else if (code === INPUT_DONE) {
      const input = this.#supervisor.inputOf(one as number)
      if (input !== undefined) this.#done(input)
    } else if (code === COVERED) this.#supervisor.inputOf(one as number)?.cover(two as string)
    else if (code === ITEM_FAILED) this.#takeFailure(worker, entries.slice(at + 1, at + 8))
    else if (code === STAGE_FAILED)
      this.#innerOf(one)?.fail(fromWire(three as WireError), two as number)
    else if (code === FLUSHED) this.#supervisor.flushed(worker)
    else if (code === CALLS) this.#supervisor.moves(worker, one as number[])
    else if (code === WORKER_ENDED) {
      worker.hasEnded = true
      worker.cancel(true)
    }
  }

  #takeBatch(worker: RegionWorker, fields: readonly unknown[]): void {
    const [seqs, source, epoch, index, path, value, parts] = fields as BatchFields
    const inputs = seqs
      .map((seq) => this.#supervisor.inputOf(seq))
      .filter((input) => input !== undefined)
    if (parts?.[0]?.[1] === PART_OF_SEVERAL)
      inputs[0]?.item.origin.ledger?.severalOf?.(this.info.name)
    const batch = batchOf(inputs, membersOf(inputs, parts), { source, epoch, index }, path, value)
    this.#outputs.give(inputs[0]?.seq, batch, worker)
  }

  #takeFailure(worker: RegionWorker, fields: readonly unknown[]): void {
    const [seqs, part, id, index, attempts, wire, value] = fields as FailureFields
    const input = this.#supervisor.inputOf(seqs[0] as number)
    const stage = this.#innerOf(id)
    // The worker does not wait for an answer to failures in batches, nor to results that could not
    // be sent.
    const isAwaited = part !== undefined && stage !== undefined
    if (part !== undefined && input !== undefined) {
      // An input that is run again fails again at the same part. This failure was already reported
      // and counted.
      if (input.covered?.has(part) === true) {
        if (isAwaited) worker.letterSent()
        return
      }
      input.cover(part)
    }
    const item = input?.item ?? new Item(undefined, { source: 0, epoch: 0 }, index, undefined)
    // A result that could not be sent also counts as placed.
    if (stage === undefined) worker.resultPlaced()
    const until = this.#note(input, stage, item, value, fromWire(wire), attempts)
    if (!isAwaited) return
    if (until === undefined) worker.letterSent()
    else void until.then(() => worker.letterSent())
  }

  /** Reports and counts a failed item, for an inner stage or for the region itself. */
  #note(
    input: RegionInput | undefined,
    stage: StageProxy | undefined,
    item: Item,
    value: unknown,
    error: unknown,
    attempts: number,
  ): Promise<void> | undefined {
    let sent: Promise<void> | undefined
    const hold = (until: Promise<void>): void => {
      sent = until
      this.#unsent++
      void until.then(() => {
        this.#unsent--
        this.#goOn()
      })
    }
    const failure =
      stage === undefined
        ? this.noteFailure(item, value, error, attempts, hold)
        : stage.note(item, value, error, attempts, hold)
    this.#outputs.atTurn(input?.seq, () => {
      if (stage === undefined) this.#countFailure(failure)
      else stage.countFailure(failure)
      if (input !== undefined && this.state > RUNNING) input.isFatal = true
    })
    return sent
  }

  #innerOf(id: unknown): StageProxy | undefined {
    return this.#inner.find((stage) => stage.info.id === id)
  }

  #done(input: RegionInput): void {
    this.#supervisor.done(input)
    this.#outputs.atTurn(input.seq, () => {
      if (input.isFatal) lose(input.item)
      else absorb(input.item)
    })
    this.#outputs.done(input.seq)
  }

  // --- events of the supervisor

  workersChanged(): void {
    if (this.state !== ENDED) this.running = this.#supervisor.workers.size
    this.#gauges.keepOnly(this.#supervisor.workers)
    this.#goOn()
    if (this.state === CANCELLED && this.running === 0) this.rest()
  }

  supervisorFailed(error: InfrastructureError): void {
    this.fail(error, -1)
  }

  inputFailed(input: RegionInput, error: unknown, exit: RegionWorkerExit | undefined): void {
    const hang = exit?.hang
    const stage = hang === undefined ? undefined : this.#innerOf(hang.stage)
    const cause = hang?.error ?? error ?? killedBy(input, this.info.name, exit)
    const { item, seq, deaths } = input
    void this.#note(input, stage, item, item.value, cause, Math.max(1, deaths))
    this.#outputs.atTurn(seq, () => {
      if (input.isFatal) lose(item)
      else retire(item)
    })
    this.#outputs.done(seq)
  }

  #countFailure(failure: ItemError): void {
    this.#budget.failures++
    this.#budget.calls = this.tasks
    if (this.#budget.isExceeded) this.fail(failure.error, failure.index, this.#budget.describe())
  }

  protected override get failuresCounted(): number {
    return this.#budget.failures
  }

  innerResized(stage: StageProxy, concurrency: number): void {
    this.#supervisor.resizeStage(stage.info.id, concurrency)
  }

  // --- the end

  innerFailed(stage: StageProxy, cause: unknown): void {
    this.#failedStage = stage.info.id
    this.failWith(cause)
  }

  protected override failed(cause: unknown): void {
    this.#cause = cause
    this.#boundary = undefined
    if (!this.#isOrdered) this.#supervisor.failStage(this.#failedStage)
    else {
      // In input order, nothing after the fatal item is delivered, so nothing waits for its turn
      // any more.
      this.#outputs.clearEntries()
      for (const { item } of this.#supervisor.cancel(true)) discard(item)
    }
    this.#endIfFailed()
  }

  /**
   * After a failure: ends when the workers have given their remaining results and all of them have
   * a place.
   */
  #endIfFailed(): void {
    if (this.state === FAILING && this.#supervisor.hasEnded && this.#outputs.isEmpty)
      this.finish(this.#cause)
  }

  protected override finish(cause?: unknown): void {
    super.finish(cause)
    // The workers end by themselves.
    this.running = 0
    for (const { item } of this.#supervisor.cancel(true)) discard(item)
    for (const stage of this.#inner) stage.end()
  }

  override cancel(abort: boolean): void {
    super.cancel(abort)
    for (const stage of this.#inner) stage.cancel(abort)
  }

  override abort(reason: unknown): void {
    super.abort(reason)
    for (const { item } of this.#supervisor.cancel(true)) discard(item)
  }

  protected override cancelled(): void {
    this.#boundary = undefined
    for (const { item } of this.#supervisor.cancel(false)) discard(item)
    this.#outputs.clear(discard)
  }

  protected override rest(): void {
    if (this.#hasRested) return
    this.#hasRested = true
    super.rest()
  }
}

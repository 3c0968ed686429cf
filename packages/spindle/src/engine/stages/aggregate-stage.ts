import { badOption } from '../../check.ts'
import type { ItemError } from '../../errors.ts'
import {
  boundaryAfter,
  type Item,
  joined,
  type Ledger,
  retire,
  type SourceEpoch,
} from '../flow/item.ts'
import type { Queue } from '../flow/queue.ts'
import { Members } from '../progress/batch-members.ts'
import type { TrackedItem } from '../progress/pending-group.ts'
import { type Regrouped, Regrouping } from '../progress/regrouping.ts'
import type { Aggregator, FailureBudget, StageInfo } from '../types.ts'
import type { GraphContext } from './graph-context.ts'
import type { MeasuredStage } from './measured-stage.ts'
import { PipeStage } from './pipe-stage.ts'
import { RUNNING } from './stage.ts'

/** Takes the place of an item when the aggregator is flushed. */
const FLUSH = Symbol('flush')

/**
 * Collects items into batches: a stage of concurrency 1 whose op is the aggregator, with a rest to
 * output at the end.
 */
export class AggregateStage extends PipeStage {
  readonly #dropLast: boolean
  /** The first item since the last batch, and the last item so far. */
  #first: Item | undefined
  #latest: Item | undefined
  /** The items that the aggregator holds. Kept only for a ledger. */
  #members: Members | undefined
  #origin: SourceEpoch = { source: 0, epoch: 0 }
  /** Number of this aggregate in the graph, from 0. */
  readonly #ordinal: number
  /** Called if the members of a batch cannot be determined. */
  readonly #guessed: () => void
  /** The batches of an earlier run that must be made again. */
  readonly #regrouping: Regrouping | undefined
  /** Whether the aggregator received an item since its last flush, or says that it has more. */
  #hasRest = false
  /** Whether the flush continues when there is room for another batch. */
  #isFlushWaiting = false
  /** Whether the current task has called the aggregator. */
  #isTouched = false

  constructor(
    info: StageInfo,
    graph: GraphContext,
    input: Queue,
    make: () => Aggregator<unknown, unknown>,
    ordinal: number,
    dropLast: boolean,
    buffer: number,
    maxFailures: FailureBudget,
  ) {
    const aggregator = make()
    super(info, graph, input, {
      op: (item) => {
        this.#isTouched = true
        if (item !== FLUSH) return aggregator.accumulate(item)
        const batch = aggregator.flush()
        // `undefined` from `flush()` ends the batch even if `hasRest()` still returns true.
        this.#hasRest = batch !== undefined && (aggregator.hasRest?.() ?? false)
        return batch
      },
      code: aggregator,
      concurrency: 1,
      outputOrder: 'completion',
      buffer,
      maxBytes: undefined,
      maxFailures,
      retry: undefined,
      timeoutMs: undefined,
      reportsStart: false,
      executorOf: undefined,
      runsElsewhere: false,
    })
    this.#dropLast = dropLast
    this.#ordinal = ordinal
    // Only the aggregator knows whether the batch contains all items it received.
    this.#guessed = () => {
      if (saysRest(aggregator) !== false)
        graph.resumeTracker?.refuse(
          `stage "${info.name}" gave a batch that is not an array of its items, so a resumed run cannot know which items are still inside: give the aggregator \`hasRest()\``,
        )
    }
    const plans = graph.resumeTracker?.plansOf(ordinal) ?? []
    if (graph.resumeTracker !== undefined && plans.length > 0)
      this.#regrouping = new Regrouping(graph.resumeTracker, plans, make)
  }

  /** Items that the aggregator keeps have not ended. */
  override get lastCalls(): readonly MeasuredStage[] {
    return []
  }

  protected override call(item: Item): void {
    this.#isTouched = false
    if (item.value !== FLUSH) {
      if (item.origin.ledger !== undefined && !this.#follow(item, item.origin.ledger)) return
      this.#first ??= item
      this.#latest = item
      this.#hasRest = true
      this.#origin = item.origin
    }
    super.call(item)
  }

  /** Tracks a member. Returns whether the aggregator must take it. */
  #follow(item: Item, ledger: Ledger): boolean {
    if (ledger.isCovered(item)) {
      retire(item)
      return false
    }
    const plan = this.#regrouping?.takes(item as TrackedItem)
    if (plan !== undefined) {
      if (plan.isComplete) this.#putAgain(this.#regrouping?.make(plan) ?? [])
      return false
    }
    this.#members ??= new Members()
    this.#members.add(item)
    ledger.held?.(item)
    return true
  }

  #putAgain(batches: readonly Regrouped[]): void {
    for (const { first, value, members, plan } of batches)
      this.exit.put(joined(first, value, members, { aggregate: this.#ordinal, plan }))
  }

  override taskFailed(item: Item, input: unknown, error: unknown, attempts: number): void {
    if (!this.#isTouched) {
      if (this.#first === item) this.#first = undefined
      this.#members?.remove(item)
    }
    super.taskFailed(item, input, error, attempts)
  }

  /**
   * If a hook fails before the aggregator is called, only the item fails. After the call, a failure
   * is fatal, because the lost items are unknown.
   */
  override countFailure(failure: ItemError, item: Item): void {
    if (this.#isTouched) this.fail(failure.error, failure.index)
    else super.countFailure(failure, item)
  }

  protected override output(item: Item, value: unknown): void {
    const isFlush = item.value === FLUSH
    const isLast = isFlush && !this.#hasRest
    // An aggregator may collect several batches at once. The rest at the end then has no first item
    // of its own.
    const first = this.#first ?? this.#latest ?? item
    if (isFlush) this.#first = undefined
    const isBatch = value !== undefined && !(isFlush && this.#dropLast)
    if (isBatch) {
      this.#first = undefined
      const members = this.#members?.take(value, isLast, this.#guessed) ?? []
      // With a ledger, the first member names the batch, so that the same members get the same name
      // again.
      this.exit.put(joined(members[0] ?? first, value, members, { aggregate: this.#ordinal }))
    }
    if (isLast) this.#members?.retireAll()
    // The batch or the aggregator has the value now. A waiting stage keeps only the lineage of the
    // last item.
    if (!isFlush && this.#members === undefined) item.value = undefined
  }

  protected override flush(isEndOfStream: boolean): boolean {
    if (this.#regrouping !== undefined) {
      const epoch = isEndOfStream ? Number.POSITIVE_INFINITY : (this.boundary?.origin.epoch ?? 0)
      this.#putAgain(this.#regrouping.rest(epoch))
    }
    if (!this.#hasRest) return false
    if (isEndOfStream && this.#dropLast) {
      this.#members?.retireAll()
      return false
    }
    if (this.mustTurn()) {
      this.#isFlushWaiting = true
      return true
    }
    // The first batch of the rest has a place, like any other batch. Later ones wait for room.
    let mayGive = true
    while (this.#hasRest && mayGive && this.state === RUNNING) {
      this.#isFlushWaiting = false
      this.#hasRest = false
      const item = boundaryAfter(this.#origin)
      item.value = FLUSH
      this.call(item)
      // The flush is a task for hooks, but not an item.
      this.tasks--
      mayGive = this.running === 0 && this.exit.hasRoom() && !(this.#hasRest && this.mustTurn())
    }
    // A plain result is already in the exit queue. For a pending result, `proceed` comes back to
    // the boundary or the end.
    this.#isFlushWaiting = this.#hasRest && this.running === 0 && this.state === RUNNING
    return this.running > 0 || this.#isFlushWaiting
  }

  override resume(): void {
    super.resume()
    if (this.#isFlushWaiting) this.proceed()
  }

  override roomMade(): void {
    super.roomMade()
    if (this.#isFlushWaiting) this.proceed()
  }
}

/**
 * The answer of the aggregator's `hasRest()`. `undefined` if it has no such method, or it throws.
 */
function saysRest(aggregator: Aggregator<unknown, unknown>): boolean | undefined {
  try {
    return aggregator.hasRest?.()
  } catch {
    return undefined
  }
}

/** The built-in aggregator. Its batches are arrays of `size` items. */
export class Collate<T> implements Aggregator<T, T[]> {
  readonly #size: number
  #batch: T[] = []

  constructor(size: number) {
    this.#size = size
  }

  accumulate(item: T): T[] | undefined {
    this.#batch.push(item)
    if (this.#batch.length < this.#size) return undefined
    const batch = this.#batch
    this.#batch = []
    return batch
  }

  flush(): T[] | undefined {
    if (this.#batch.length === 0) return undefined
    const batch = this.#batch
    this.#batch = []
    return batch
  }
}

/** Checks that a value is an aggregator. */
export function checkedAggregator(
  aggregator: Aggregator<unknown, unknown>,
  where: string | undefined,
): Aggregator<unknown, unknown> {
  if (typeof aggregator?.accumulate !== 'function' || typeof aggregator.flush !== 'function') {
    badOption(
      'aggregator',
      'a function that makes an object with accumulate() and flush()',
      aggregator,
      where,
    )
  }
  return aggregator
}

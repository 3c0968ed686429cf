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
import type { TrackedItem } from '../progress/lot.ts'
import { type Regrouped, Regrouping } from '../progress/regrouping.ts'
import type { Aggregator, FailureBudget, StageInfo } from '../types.ts'
import type { GraphContext } from './graph-context.ts'
import type { MeasuredStage } from './measured-stage.ts'
import { PipeStage } from './pipe-stage.ts'
import { RUNNING } from './stage.ts'

/** Stands for the item when an aggregator is flushed rather than given one. */
const FLUSH = Symbol('flush')

/**
 * Collects items into batches: a stage of concurrency 1 whose op is the aggregator, and which has a
 * rest to give at the end.
 */
export class AggregateStage extends PipeStage {
  readonly #dropLast: boolean
  /** The first item given since the last batch, and the last one given at all. */
  #first: Item | undefined
  #latest: Item | undefined
  /** What the aggregator holds; kept only for a ledger. */
  #members: Members | undefined
  #origin: SourceEpoch = { source: 0, epoch: 0 }
  /** Which aggregate of the graph this is, counted from 0. */
  readonly #ordinal: number
  /** Called where a batch does not tell what was joined in it. */
  readonly #guessed: () => void
  /** What an earlier run has left to be made again. */
  readonly #regrouping: Regrouping | undefined
  /**
   * Whether the aggregator has been given something since it was last flushed, or has more to give.
   */
  #hasRest = false
  /** Whether the rest goes on when there is room for another batch. */
  #isFlushWaiting = false
  /** Whether the aggregator was called in the present task. */
  #isTouched = false

  constructor(
    info: StageInfo,
    host: GraphContext,
    input: Queue,
    make: () => Aggregator<unknown, unknown>,
    ordinal: number,
    dropLast: boolean,
    buffer: number,
    maxFailures: FailureBudget,
  ) {
    const aggregator = make()
    super(info, host, input, {
      op: (item) => {
        this.#isTouched = true
        if (item !== FLUSH) return aggregator.accumulate(item)
        const batch = aggregator.flush()
        // A batch that is none says that there is nothing more, whatever is said besides.
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
    // Whether all that was given is in the batch, only the aggregator knows.
    this.#guessed = () => {
      if (saysRest(aggregator) !== false)
        host.book?.refuse(
          `stage "${info.name}" gave a batch that is no array of the items it was given, and did not say by \`hasRest()\` that it holds no others: what would be left out by a crash is not known`,
        )
    }
    const plans = host.book?.plansOf(ordinal) ?? []
    if (host.book !== undefined && plans.length > 0)
      this.#regrouping = new Regrouping(host.book, plans, make)
  }

  /** What an aggregator keeps has not come to its end. */
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

  /** Keeps book of a member; whether it is to be taken at all. */
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
   * What a hook keeps from the aggregator is an item that failed. Once the aggregator was called a
   * failure is fatal, for nobody knows what is lost.
   */
  override countFailure(failure: ItemError, item: Item): void {
    if (this.#isTouched) this.fail(failure.error, failure.index)
    else super.countFailure(failure, item)
  }

  protected override output(item: Item, value: unknown): void {
    const isFlush = item.value === FLUSH
    const isLast = isFlush && !this.#hasRest
    // An aggregator may keep items for several batches at once: what is left at the end then has no
    // first one of its own.
    const first = this.#first ?? this.#latest ?? item
    if (isFlush) this.#first = undefined
    const isBatch = value !== undefined && !(isFlush && this.#dropLast)
    if (isBatch) {
      this.#first = undefined
      const members = this.#members?.take(value, isLast, this.#guessed) ?? []
      // Where it matters, the name is one that the same members give again.
      this.exit.put(joined(members[0] ?? first, value, members, { aggregate: this.#ordinal }))
    }
    if (isLast) this.#members?.retireAll()
    // The batch has the value, or the aggregator: a stage that waits keeps only the lineage of the
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
    // The first batch of the rest has a place, as any other has; those after it wait for one.
    let mayGive = true
    while (this.#hasRest && mayGive && this.state === RUNNING) {
      this.#isFlushWaiting = false
      this.#hasRest = false
      const item = boundaryAfter(this.#origin)
      item.value = FLUSH
      this.call(item)
      // It is a task for the hooks, but no item.
      this.tasks--
      mayGive = this.running === 0 && this.exit.hasRoom() && !(this.#hasRest && this.mustTurn())
    }
    // A plain result has been put out already; one that comes later ends in `proceed`, which comes
    // back to the boundary or the end.
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

/** What an aggregator says that it holds; `undefined` if it does not say. */
function saysRest(aggregator: Aggregator<unknown, unknown>): boolean | undefined {
  try {
    return aggregator.hasRest?.()
  } catch {
    return undefined
  }
}

/** The built-in aggregator: arrays of `size` items. */
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

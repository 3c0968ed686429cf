import { SpindleError } from '../../errors.ts'
import { queueMicrotask } from '../../timers.ts'
import { type BatchOrigin, type Item, type Path, pathText, type SourceEpoch } from '../flow/item.ts'
import {
  type EpochState,
  type PipelineState,
  type SourceState,
  versionOf,
} from '../resume-state.ts'
import { batchStates } from './batch-states.ts'
import { BatchGroup, end, GroupLedger, park, TrackedItem } from './pending-group.ts'
import { Progress } from './progress.ts'
import type { ResumableSource } from './resumable-source.ts'
import { type BatchPlan, readPlans } from './resume-plan.ts'

/** Maximum number of items kept for reuse. */
const MOST_POOLED = 256

interface TrackedSource {
  readonly source: ResumableSource
  /** Called when the source may continue. */
  readonly goOn: () => void
  readonly epochs: Map<number, Progress>
}

/**
 * Tracks a run that can be resumed: it is the ledger of the items, and makes the state.
 *
 * Pending groups count unfinished items, and an item that the consumer has committed
 * ends like an item that was filtered out. Items in queues, in aggregators or at the consumer are
 * unfinished. They need not be saved, because a resumed run makes them again.
 */
export class ResumeTracker extends GroupLedger {
  readonly span: number
  /** The epoch in which this run began. */
  readonly firstEpoch: number
  readonly #isForced: boolean
  readonly #seed: number
  readonly #graph: readonly string[]
  readonly #state: PipelineState | undefined
  readonly #sources: Map<number, TrackedSource> = new Map()
  readonly #batches: Set<BatchGroup> = new Set()
  readonly #plans: readonly BatchPlan[]
  readonly #failures: () => number
  readonly #refused: (error: SpindleError) => void
  #isWaking = false
  /** Failed items whose reports are on the way to `deadLetter`. */
  readonly #letters: Map<Item, Promise<boolean>> = new Map()
  /** Items that are done, for reuse; see `ItemPool`. */
  private readonly itemPool: TrackedItem[] = []
  /** Whether no stage keeps an item beyond its task. */
  reusesItems = false

  constructor(
    settings: {
      readonly seed: number
      readonly graph: readonly string[]
      readonly span: number
      readonly isForced: boolean
    },
    state: PipelineState | undefined,
    failures: () => number,
    refused: (error: SpindleError) => void,
  ) {
    super()
    this.#seed = settings.seed
    this.#graph = settings.graph
    this.span = settings.span
    this.#isForced = settings.isForced
    this.#state = state
    this.#failures = failures
    this.#refused = refused
    this.#plans = readPlans(state?.batches ?? [])
    this.firstEpoch = firstEpochOf(state?.sources ?? [])
  }

  // --- sources

  /** Adds a source of the graph, by its number. */
  add(ordinal: number, source: ResumableSource, goOn: () => void): void {
    const state = this.#state?.sources[this.#sources.size]
    const tracked: TrackedSource = { source, goOn, epochs: new Map() }
    this.#sources.set(ordinal, tracked)
    for (const epoch of state?.epochs ?? []) this.#begin(tracked, ordinal, epoch.epoch, epoch)
  }

  /** The progress of an epoch of a source. */
  progressOf(ordinal: number, epoch: number): Progress {
    const tracked = this.#sources.get(ordinal) as TrackedSource
    const known = tracked.epochs.get(epoch)
    if (known !== undefined) return known
    const progress = this.#begin(tracked, ordinal, epoch, undefined)
    // Of epochs that have ended, keep only what a state needs.
    if (tracked.epochs.size > 2) this.#firstUnfinished()
    return progress
  }

  #begin(
    tracked: TrackedSource,
    ordinal: number,
    epoch: number,
    state: EpochState | undefined,
  ): Progress {
    const { shard, size } = tracked.source
    const known = this.#isForced ? undefined : size
    const progress = new Progress(ordinal, epoch, shard, state, () => this.#stirred(), known)
    tracked.epochs.set(epoch, progress)
    return progress
  }

  /** Whether a source may give its next item. If not, its `goOn` is called later. */
  mayIssue(progress: Progress, position: number): boolean {
    if (progress.mayIssue(position, this.span)) return true
    // Any progress in any source may allow it to continue.
    this.#watch(true)
    return false
  }

  #watch(isWatched: boolean): void {
    for (const { epochs } of this.#sources.values())
      for (const progress of epochs.values()) progress.isWatched = isWatched
  }

  #stirred(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    queueMicrotask(() => {
      this.#isWaking = false
      this.#watch(false)
      for (const { goOn } of this.#sources.values()) goOn()
    })
  }

  /** Makes an item of the source, or reuses one. */
  makeItem(value: unknown, origin: SourceEpoch, index: number, progress: Progress): TrackedItem {
    const item = this.itemPool.pop()
    if (item === undefined)
      return new TrackedItem(value, origin, index, undefined, undefined, progress)
    item.value = value
    item.origin = origin
    item.index = index
    item.progress = progress
    item.isParked = false
    return item
  }

  /** Called when the consumer has committed an item. */
  committed(item: TrackedItem): void {
    end(item, true)
    if (!this.reusesItems || item.group !== undefined || this.itemPool.length === MOST_POOLED)
      return
    item.value = undefined
    this.itemPool.push(item)
  }

  // --- the ledger

  override forked(parent: Item, value: unknown, path: Path | undefined): Item {
    const { group } = parent as TrackedItem
    if (group instanceof BatchGroup && group.isForeign && path !== parent.path) {
      this.refuse(
        'a batch that was made inside a region was taken apart, which cannot be made again as it was: aggregate outside of the region',
      )
    }
    return super.forked(parent, value, path)
  }

  override joined(
    first: Item,
    value: unknown,
    members: readonly Item[],
    batchOrigin?: BatchOrigin,
  ): TrackedItem {
    const item = super.joined(first, value, members, batchOrigin)
    this.#batches.add(item.group as BatchGroup)
    return item
  }

  closed(batch: BatchGroup): void {
    this.#batches.delete(batch)
    for (const member of batch.members) end(member, true)
  }

  retired(item: Item): void {
    this.#end(item, true)
  }

  /** An item ends, and its outputs continue its path. */
  absorbed(item: Item): void {
    this.#end(item, false)
  }

  #end(item: Item, isDone: boolean): void {
    // Boundaries and flushes do not come of a source item.
    if (!(item instanceof TrackedItem)) return
    const letter = this.#letters.size === 0 ? undefined : this.#letters.get(item)
    if (letter === undefined) {
      end(item, isDone)
      return
    }
    this.#letters.delete(item)
    void letter.then((isDelivered) => {
      // An item that was refused is not done. No stage is working on it, so it does not hold back
      // the source.
      if (isDelivered) end(item, isDone)
      else park(item)
    })
  }

  /**
   * Delays the end of a failed item until its report is delivered. `delivered` resolves to whether
   * it was.
   */
  endsAfter(item: Item, delivered: Promise<boolean>): void {
    const earlier = this.#letters.get(item)
    const letter =
      earlier === undefined
        ? delivered
        : Promise.all([earlier, delivered]).then(([before, now]) => before && now)
    this.#letters.set(item, letter)
  }

  /** Ends the pipeline with `ERR_NOT_RESUMABLE`. */
  refuse(message: string): void {
    this.#refused(new SpindleError('ERR_NOT_RESUMABLE', `\`resumable\`: ${message}`))
  }

  lost(_item: Item): void {}

  held(item: Item): void {
    if (item instanceof TrackedItem) park(item)
  }

  unnamed(item: Item): void {
    ;(item as TrackedItem).isUnnamed = true
  }

  severalOf(region: string): void {
    this.refuse(
      `several items have come of one batch that was made inside region "${region}", which cannot be made again as it was: aggregate outside of the region`,
    )
  }

  coveredBelow(item: Item): Set<string> | undefined {
    const { group, path } = item as TrackedItem
    if (group?.covered === undefined) return undefined
    const prefix = path === undefined ? '' : `${pathText(path)}.`
    const below = [...group.covered]
      .filter((way) => way.startsWith(prefix))
      .map((way) => way.slice(prefix.length))
    return below.length === 0 ? undefined : new Set(below)
  }

  /** The batches that an aggregate must make again. */
  plansOf(aggregate: number): readonly BatchPlan[] {
    return this.#plans.filter((plan) => plan.aggregate === aggregate && !plan.isOver)
  }

  // --- the state

  toState(): PipelineState {
    const first = this.#firstUnfinished()
    const batches = batchStates(this.#batches, this.#plans)
    const sources = [...this.#sources.values()].map(({ source, epochs }) => ({
      dataset: source.dataset,
      ...(source.shard.worldSize === 1 ? {} : { shard: source.shard }),
      epochs: epochsFrom(epochs, first),
    }))
    return {
      version: versionOf(sources),
      seed: this.#seed,
      graph: this.#graph,
      sources,
      ...(batches.length === 0 ? {} : { batches }),
      failures: (this.#state?.failures ?? 0) + this.#failures(),
    }
  }

  /**
   * The first epoch that is not done in all sources. Earlier epochs are removed. `mergeStates`
   * treats an epoch that a rank's state no longer contains as done by that rank.
   */
  #firstUnfinished(): number {
    const all = [...this.#sources.values()].map(({ epochs }) => epochs)
    const numbers = all.flatMap((epochs) => [...epochs.keys()])
    let epoch = numbers.reduce((least, number) => Math.min(least, number))
    const last = numbers.reduce((most, number) => Math.max(most, number))
    while (epoch < last && all.every((epochs) => epochs.get(epoch)?.isFinished === true)) {
      for (const epochs of all) epochs.delete(epoch)
      epoch++
    }
    return epoch
  }
}

/** The first epoch of a state that is not done in all sources. If all are done, the last one. */
function firstEpochOf(sources: readonly SourceState[]): number {
  const epochs = new Map<number, boolean>()
  for (const source of sources)
    for (const { epoch, low, end } of source.epochs)
      epochs.set(epoch, (epochs.get(epoch) ?? true) && end !== undefined && low >= end)
  const known = [...epochs.keys()].sort((a, b) => a - b)
  return known.find((epoch) => epochs.get(epoch) === false) ?? known.at(-1) ?? 0
}

/** The epochs of a source that a state needs. */
function epochsFrom(
  epochs: ReadonlyMap<number, Progress>,
  first: number,
): ReturnType<Progress['toState']>[] {
  return [...epochs.values()]
    .filter(({ epoch }) => epoch >= first)
    .sort((a, b) => a.epoch - b.epoch)
    .map((progress) => progress.toState())
}

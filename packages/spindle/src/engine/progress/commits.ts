import { show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import type { Item } from '../flow/item.ts'
import { end, park, type TrackedItem } from './pending-group.ts'
import type { ResumeTracker } from './resume-tracker.ts'

/** A consumer that holds items which are not committed. */
export interface Holder {
  held: Item[] | undefined
}

/** The items that were given to the consumer and are not committed. */
export class Commits {
  private readonly resumeTracker: ResumeTracker
  private readonly isExplicit: boolean
  /** Items of consumers that have left. They are committed when any consumer requests more. */
  private readonly left: Item[] = []
  private readonly holders: Set<Holder> = new Set()
  /** The items by value, oldest first. Used only with explicit commits. */
  readonly #byValue: Map<unknown, Item[]> = new Map()

  constructor(resumeTracker: ResumeTracker, isExplicit: boolean) {
    this.resumeTracker = resumeTracker
    this.isExplicit = isExplicit
  }

  /**
   * Called when an item leaves the pipeline. Returns whether to give it to the consumer. Without a
   * holder, the item is committed when any consumer requests more.
   */
  gives(item: Item, holder: Holder | undefined): boolean {
    const tracked = item as TrackedItem
    if (tracked.group?.isCovered(item.path) === true) {
      end(tracked, true)
      return false
    }
    park(tracked)
    if (this.isExplicit) {
      const same = this.#byValue.get(item.value)
      if (same === undefined) this.#byValue.set(item.value, [item])
      else same.push(item)
    } else if (holder === undefined) this.left.push(item)
    else {
      if (holder.held === undefined) {
        holder.held = []
        this.holders.add(holder)
      }
      holder.held.push(item)
    }
    return true
  }

  /** A consumer requests more, so the items that it holds are committed. */
  asked(holder: Holder | undefined): void {
    if (this.left.length > 0) this.end(this.left)
    if (holder?.held !== undefined && holder.held.length > 0) this.end(holder.held)
  }

  /**
   * A consumer has ended. If it failed on an item, it keeps that item, which may still be
   * committed.
   */
  forget(holder: Holder): void {
    if (holder.held === undefined || holder.held.length === 0) this.holders.delete(holder)
  }

  /**
   * A consumer leaves, possibly while it works on an item. The item is committed when any consumer
   * requests more.
   */
  leaves(holder: Holder): void {
    if (holder.held !== undefined) this.left.push(...holder.held)
    this.holders.delete(holder)
    holder.held = undefined
  }

  private end(items: Item[]): void {
    for (let item = items.pop(); item !== undefined; item = items.pop())
      this.resumeTracker.committed(item as TrackedItem)
  }

  /**
   * Commits an item.
   *
   * @throws `ERR_BAD_COMMIT` if the item was not given or is committed already.
   */
  commit(value: unknown): void {
    const item = this.isExplicit ? this.#takeByValue(value) : this.#takeHeld(value)
    if (item === undefined)
      throw new SpindleError(
        'ERR_BAD_COMMIT',
        `commit() takes the same object that the pipeline has delivered, and only once, got ${show(value)}`,
      )
    this.resumeTracker.committed(item as TrackedItem)
  }

  #takeByValue(value: unknown): Item | undefined {
    const same = this.#byValue.get(value)
    const item = same?.shift()
    if (same?.length === 0) this.#byValue.delete(value)
    return item
  }

  #takeHeld(value: unknown): Item | undefined {
    for (const items of [this.left, ...[...this.holders].map(({ held }) => held ?? [])]) {
      const at = items.findIndex((item) => item.value === value)
      if (at >= 0) return items.splice(at, 1)[0]
    }
    return undefined
  }
}

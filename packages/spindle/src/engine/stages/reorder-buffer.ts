import type { ItemError } from '../../errors.ts'
import { EXPANDING, FAILED, type Item, PENDING, READY } from '../flow/item.ts'
import type { GeneratorRun } from './generator-run.ts'

/** The stage whose results are kept in order. */
interface ReorderBufferOwner {
  /** Puts a result out. */
  give(item: Item): void
  countCall(index: number): void
  countFailure(failure: ItemError, item: Item): void
  /** A result that waited for earlier ones waits no more. */
  unhold(): void
  /** The buffer is empty. */
  released(): void
}

/**
 * Keeps the outputs of concurrent tasks in the order of their inputs: a ring of the items that have
 * begun and are not yet put out. An item gets its place when its task begins. Finished items at the
 * front are released. The stage limits the length (`concurrency + buffer`).
 */
export class ReorderBuffer {
  length = 0
  private readonly stage: ReorderBufferOwner
  private ring: (Item | undefined)[] = new Array(8).fill(undefined)
  private mask = 7
  private head = 0
  private isReleasing = false

  constructor(stage: ReorderBufferOwner) {
    this.stage = stage
  }

  /** Gives a place to an item whose task begins. */
  open(item: Item): void {
    if (this.length > this.mask) this.grow()
    item.state = PENDING
    this.ring[(this.head + this.length) & this.mask] = item
    this.length++
  }

  /** Whether `item` is at the front. */
  isFirst(item: Item): boolean {
    return this.length > 0 && this.ring[this.head] === item
  }

  /** Sets the state of an item whose task has ended, or begins to give outputs. */
  settle(item: Item, state: number): void {
    item.state = state
    if (this.ring[this.head] === item) this.release()
    else if (state === EXPANDING) (item.value as GeneratorRun).advance()
  }

  /**
   * The short way for a result at the front: puts it out at once, without setting its state.
   * Returns false if it is not at the front.
   */
  giveFirst(item: Item): boolean {
    if (this.isReleasing || this.ring[this.head] !== item) return false
    this.ring[this.head] = undefined
    this.head = (this.head + 1) & this.mask
    this.length--
    this.isReleasing = true
    this.stage.give(item)
    this.isReleasing = false
    if (this.length > 0 && (this.ring[this.head] as Item).state !== PENDING) this.release()
    return true
  }

  /** Puts out the finished items at the front. */
  release(): void {
    // Putting an item out may make the consumer request more, which calls this method again. The
    // outer loop then continues.
    if (this.isReleasing) return
    this.isReleasing = true
    while (this.length > 0) {
      const item = this.ring[this.head] as Item
      if (item.state === PENDING) break
      if (item.state === EXPANDING && !this.give(item.value as GeneratorRun)) break
      if (this.length === 0) break
      this.ring[this.head] = undefined
      this.head = (this.head + 1) & this.mask
      this.length--
      this.finish(item)
    }
    this.isReleasing = false
    if (this.length === 0) this.stage.released()
  }

  private finish(item: Item): void {
    if (item.state === FAILED) {
      this.stage.countFailure(item.value as ItemError, item)
      return
    }
    if (item.state === EXPANDING) {
      const { failure } = item.value as GeneratorRun
      if (failure === undefined) this.stage.countCall(item.index)
      else this.stage.countFailure(failure, item)
      return
    }
    const { index } = item
    if (item.state === READY) {
      this.stage.unhold()
      item.state = PENDING
      this.stage.give(item)
    }
    this.stage.countCall(index)
  }

  /**
   * Lets the generator at the front give its outputs. Returns whether it has given the last one.
   */
  private give(generatorRun: GeneratorRun): boolean {
    generatorRun.giveHeld()
    if (!generatorRun.isDone) generatorRun.advance()
    return generatorRun.isDone
  }

  /** Removes all items. */
  clear(): void {
    this.ring = new Array(8).fill(undefined)
    this.mask = 7
    this.head = 0
    this.length = 0
  }

  private grow(): void {
    const size = this.ring.length
    const grown: (Item | undefined)[] = new Array(size * 2).fill(undefined)
    for (let i = 0; i < this.length; i++) grown[i] = this.ring[(this.head + i) & this.mask]
    this.ring = grown
    this.head = 0
    this.mask = size * 2 - 1
  }
}

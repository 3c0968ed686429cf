import type { Item } from '../flow/item.ts'
import type { Queue } from '../flow/queue.ts'
import {
  type Resumable,
  resumeNextTurn,
  shouldYield,
  shouldYieldMidway,
} from '../flow/time-slice.ts'
import type { StageInfo } from '../types.ts'
import type { GraphContext } from './graph-context.ts'
import { RUNNING, Stage } from './stage.ts'

/**
 * A stage with one input queue. It takes items that are handed over, or pulls them when it can
 * continue.
 */
export abstract class PulledStage extends Stage implements Resumable {
  readonly input: Queue
  /** Whether taking an item may block the event loop for long. If not, the stage need not yield. */
  protected readonly holdsLoop: boolean = true
  private isResuming = false

  constructor(info: StageInfo, graph: GraphContext, input: Queue) {
    super(info, graph)
    this.input = input
    input.consumer = this
  }

  get inputs(): readonly Queue[] {
    return [this.input]
  }

  /** Takes one item, or a boundary between epochs. */
  protected abstract start(item: Item): void

  /** Whether nothing is in progress between the input and the exits. */
  protected abstract isIdle(): boolean

  offer(item: Item): boolean {
    if (!this.canStart()) return false
    if (this.holdsLoop && shouldYieldMidway()) {
      this.resumeLater()
      return false
    }
    this.start(item)
    return true
  }

  pump(): void {
    let taken = 0
    while (this.input.length > 0 && this.canStart() && !this.mustTurn()) {
      taken++
      this.start(this.input.shift() as Item)
    }
    if (this.input.isDrained) this.inputEnded()
    else if (taken > 0) this.input.wake()
  }

  /** Whether the event loop must turn before the next call. If so, the stage resumes after that. */
  protected mustTurn(): boolean {
    if (!shouldYield()) return false
    this.resumeLater()
    return true
  }

  /**
   * Queues an item that was handed over, because the event loop must turn before the stage takes
   * it.
   */
  takeLater(item: Item): void {
    this.input.enqueue(item)
    this.resumeLater()
  }

  protected resumeLater(): void {
    if (this.isResuming) return
    this.isResuming = true
    resumeNextTurn(this)
  }

  resume(): void {
    this.isResuming = false
    this.pump()
    if (this.graph.isDraining) this.graph.rested()
  }

  override get isResting(): boolean {
    return !this.isResuming && super.isResting
  }

  roomMade(): void {
    if (this.input.length > 0) this.pump()
  }

  inputEnded(): void {
    if (this.state === RUNNING && this.input.isDrained && this.isIdle()) this.drained()
  }

  /** Called when all input is processed. */
  protected drained(): void {
    this.finish()
  }
}

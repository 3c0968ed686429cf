import type { Host } from './host.ts'
import type { Item } from './item.ts'
import type { Queue } from './queue.ts'
import { RUNNING, Stage } from './stage.ts'
import { isSliceOver, type Resumable, resumeNextTurn } from './turn.ts'
import type { StageInfo } from './types.ts'

/** A stage with one input queue: takes items as they are handed over, or pulls them when it can go on. */
export abstract class PulledStage extends Stage implements Resumable {
  readonly input: Queue
  /** Whether calls are known to be so quick that the time need not be looked at for each. */
  protected isQuick = false
  private isResuming = false

  constructor(info: StageInfo, host: Host, input: Queue) {
    super(info, host)
    this.input = input
    input.consumer = this
  }

  get inputs(): readonly Queue[] {
    return [this.input]
  }

  /** Takes one item, or a boundary between epochs. */
  protected abstract start(item: Item): void

  /** Whether nothing is between the input and the exits. */
  protected abstract isIdle(): boolean

  offer(item: Item): boolean {
    if (!this.canStart()) return false
    this.start(item)
    return true
  }

  pump(): void {
    let taken = 0
    while (this.input.length > 0 && this.canStart()) {
      taken++
      // Most pumps take an item or two.
      if ((!this.isQuick || (taken & 15) === 0) && isSliceOver()) {
        this.resumeLater()
        break
      }
      this.start(this.input.shift() as Item)
    }
    if (this.input.isDrained) this.inputEnded()
    else if (taken > 0) this.input.wake()
  }

  protected resumeLater(): void {
    if (this.isResuming) return
    this.isResuming = true
    resumeNextTurn(this)
  }

  resume(): void {
    this.isResuming = false
    this.pump()
    if (this.host.isDraining) this.host.rested()
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

  /** All input is dealt with. */
  protected drained(): void {
    this.finish()
  }
}

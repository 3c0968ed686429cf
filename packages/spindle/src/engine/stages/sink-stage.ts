import type { Item } from '../flow/item.ts'
import { Queue } from '../flow/queue.ts'
import type { StageInfo } from '../types.ts'
import type { GraphContext } from './graph-context.ts'
import { PulledStage } from './pulled-stage.ts'
import { RUNNING } from './stage.ts'

/** Moves what the last stage gives into the queue the consumer takes from. */
export class SinkStage extends PulledStage {
  readonly exit: Queue

  constructor(info: StageInfo, host: GraphContext, input: Queue, bufferSize: number) {
    super(info, host, input)
    this.exit = new Queue(bufferSize, undefined)
    this.exit.producer = this
  }

  protected override readonly holdsLoop: boolean = false

  override get blockedMs(): number {
    return this.exit.times().fullMs
  }

  override get keepsItems(): boolean {
    return false
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  canStart(): boolean {
    return this.exit.length < this.exit.capacity && this.state === RUNNING
  }

  override offer(item: Item): boolean {
    const { exit } = this
    // To a consumer that waits, past the queue: this is every item's way when the consumer is
    // quick.
    if (exit.length === 0 && this.state === RUNNING && exit.consumer.offer(item)) {
      if (item.index >= 0) exit.passed++
      return true
    }
    if (!this.canStart()) return false
    exit.put(item)
    return true
  }

  protected start(item: Item): void {
    this.exit.put(item)
  }

  // As in the class above, for a consumer that is slower than the pipeline: nothing here takes
  // time, so nothing looks at it.
  override pump(): void {
    const { exit, input } = this
    let hasTaken = false
    while (input.length > 0 && this.canStart()) {
      hasTaken = true
      const item = input.shift() as Item
      if (exit.length === 0) exit.put(item)
      else {
        if (item.index >= 0) exit.passed++
        exit.enqueue(item)
      }
    }
    if (input.isDrained) this.inputEnded()
    else if (hasTaken) input.producer.roomMade()
  }

  protected isIdle(): boolean {
    return true
  }

  override roomMade(): void {
    if (this.exit.capacity - this.exit.length >= this.exit.refillAt) super.roomMade()
  }
}

import type { Item } from '../flow/item.ts'
import { Queue } from '../flow/queue.ts'
import type { StageInfo } from '../types.ts'
import type { GraphContext } from './graph-context.ts'
import { PulledStage } from './pulled-stage.ts'
import { RUNNING } from './stage.ts'

/** Moves the results of the last stage into the queue of the consumer. */
export class SinkStage extends PulledStage {
  readonly exit: Queue

  constructor(info: StageInfo, graph: GraphContext, input: Queue, bufferSize: number) {
    super(info, graph, input)
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
    // Hand the item directly to a waiting consumer. With a quick consumer, all items go this way.
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

  // Like `PulledStage.pump`, for a consumer that is slower than the pipeline. It takes no time, so
  // it does not check the time slice.
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

import type { Host } from './host.ts'
import type { Item } from './item.ts'
import { Queue } from './queue.ts'
import { RUNNING, Stage } from './stage.ts'
import type { StageInfo } from './types.ts'

/** Moves what the last stage gives into the queue the consumer takes from. */
export class SinkStage extends Stage {
  readonly input: Queue
  readonly exit: Queue

  constructor(info: StageInfo, host: Host, input: Queue, bufferSize: number) {
    super(info, host)
    this.input = input
    this.exit = new Queue(bufferSize, undefined)
    input.consumer = this
    this.exit.producer = this
  }

  get inputs(): readonly Queue[] {
    return [this.input]
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  canStart(): boolean {
    return this.exit.length < this.exit.capacity && this.state === RUNNING
  }

  offer(item: Item): boolean {
    if (!this.canStart()) return false
    this.start(item)
    return true
  }

  private start(item: Item): void {
    this.exit.put(item)
  }

  roomMade(): void {
    if (this.exit.capacity - this.exit.length >= this.exit.refillAt && this.input.length > 0) this.pump()
  }

  pump(): void {
    let hasTaken = false
    while (this.input.length > 0 && this.canStart()) {
      hasTaken = true
      this.start(this.input.shift() as Item)
    }
    if (this.input.isDrained) this.inputEnded()
    else if (hasTaken) this.input.wake()
  }

  inputEnded(): void {
    if (this.state === RUNNING && this.input.isDrained) this.finish()
  }
}

import { discard, type Item } from '../flow/item.ts'
import { Queue } from '../flow/queue.ts'
import { lastCallsOf } from '../stages/finished-items.ts'
import type { GraphContext } from '../stages/graph-context.ts'
import type { MeasuredStage } from '../stages/measured-stage.ts'
import type { SourceStage } from '../stages/source-stage.ts'
import { RUNNING, Stage } from '../stages/stage.ts'
import type { StageInfo } from '../types.ts'
import { MergeInput } from './merge-input.ts'

/**
 * Joins several chains: passes items on as they arrive, taking turns. A boundary between epochs is
 * held until all inputs have come to theirs. When an input of a continuous merge has ended (it
 * failed), the others end at their next boundary.
 */
export class MergeStage extends Stage {
  readonly exit: Queue
  protected readonly ports: readonly MergeInput[]
  #next = 0
  /** Where it ends, or its epochs do, with the first input: what each input takes from. */
  readonly #sources: readonly (readonly SourceStage[])[] | undefined

  /** `sources`: those of each input, if the first one that has ended ends it all. */
  constructor(
    info: StageInfo,
    host: GraphContext,
    inputs: readonly Queue[],
    buffer: number,
    sources?: readonly (readonly SourceStage[])[],
  ) {
    super(info, host)
    this.#sources = sources
    this.exit = new Queue(buffer, undefined)
    this.exit.producer = this
    this.ports = inputs.map((input, i) => new MergeInput(input, i, this))
  }

  get inputs(): readonly Queue[] {
    return this.ports.map((port) => port.input)
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  /** It takes nothing while its exit is full. */
  override get blockedMs(): number {
    return this.exit.times().fullMs
  }

  override get lastCalls(): readonly MeasuredStage[] {
    return this.inputs.flatMap((queue) => lastCallsOf(queue))
  }

  canStart(): boolean {
    return this.exit.length < this.exit.capacity && this.state === RUNNING
  }

  offer(item: Item): boolean {
    if (!this.canStart()) return false
    this.start(item)
    return true
  }

  protected start(item: Item): void {
    this.tasks++
    this.exit.put(item)
  }

  /** Takes an item from one of the inputs. */
  accept(_port: MergeInput, item: Item): void {
    this.start(item)
  }

  roomMade(): void {
    this.pump()
  }

  pump(): void {
    // One from each input in turn, so that a busy one does not starve the others.
    let idle = 0
    while (idle < this.ports.length && this.canStart()) {
      const port = this.ports[this.#next] as MergeInput
      this.#next = (this.#next + 1) % this.ports.length
      idle = port.takeOne() ? 0 : idle + 1
    }
    for (const port of this.ports) port.settle()
    // An input may have ended before this stage ran.
    this.portChanged()
  }

  inputEnded(): void {
    this.portChanged()
  }

  /** An input has ended or come to a boundary. */
  portChanged(): void {
    if (this.state !== RUNNING) return
    if (this.#sources !== undefined) this.#endWithFirst(this.#sources)
    if (
      this.state === RUNNING &&
      this.ports.every((port) => port.isEnded || port.boundary !== undefined)
    )
      this.#join()
  }

  /**
   * An input has ended: so does this. One has come to its boundary: the others are to come to
   * theirs at once.
   */
  #endWithFirst(sources: readonly (readonly SourceStage[])[]): void {
    if (this.ports.some((port) => port.isEnded)) {
      this.#endAll()
      return
    }
    const boundary = this.ports.find((port) => port.boundary !== undefined)?.boundary
    if (boundary === undefined) return
    const others = this.ports.filter((port) => port.boundary === undefined && !port.isSkipping)
    for (const port of others) {
      port.isSkipping = true
      for (const source of sources[port.position] ?? []) source.skipEpoch(boundary.origin.epoch)
    }
    for (const port of others) port.skip()
  }

  #endAll(): void {
    for (const { isEnded, input } of this.ports) {
      if (isEnded) continue
      input.producer.cancel(true)
      input.discard(discard)
    }
    this.finish()
  }

  #join(): void {
    const boundary = this.ports.find((port) => port.boundary !== undefined)?.boundary
    if (boundary === undefined || this.ports.some((port) => port.isEnded)) {
      this.#endAll()
      return
    }
    for (const port of this.ports) port.boundary = undefined
    this.boundaryJoined()
    this.exit.put(boundary)
    this.pump()
  }

  /** What a kind of merge has to do, besides, between two epochs. */
  protected boundaryJoined(): void {}
}

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
 * Joins several chains. It passes on items as they arrive, taking turns. It holds a boundary
 * between epochs until all inputs have reached theirs. If an input of a continuous merge has ended
 * (because it failed), the others end at their next boundary.
 */
export class MergeStage extends Stage {
  readonly exit: Queue
  protected readonly ports: readonly MergeInput[]
  #next = 0
  /** With `stop: 'first'`: the sources of each input. */
  readonly #sources: readonly (readonly SourceStage[])[] | undefined

  /** `sources`: the sources of each input, if the merge ends with the first input that ends. */
  constructor(
    info: StageInfo,
    graph: GraphContext,
    inputs: readonly Queue[],
    buffer: number,
    sources?: readonly (readonly SourceStage[])[],
  ) {
    super(info, graph)
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

  /** The stage takes nothing while its exit is full. */
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
    // Take one item from each input in turn, so that a busy input does not starve the others.
    let idle = 0
    while (idle < this.ports.length && this.canStart()) {
      const port = this.ports[this.#next] as MergeInput
      this.#next = (this.#next + 1) % this.ports.length
      idle = port.takeOne() ? 0 : idle + 1
    }
    for (const port of this.ports) port.settle()
    // An input may have ended before this stage began to run.
    this.portChanged()
  }

  inputEnded(): void {
    this.portChanged()
  }

  /** An input has ended or reached a boundary. */
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
   * If an input has ended, the merge ends. If an input has reached its boundary, the others skip to
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

  /** Additional work of a kind of merge between two epochs. */
  protected boundaryJoined(): void {}
}

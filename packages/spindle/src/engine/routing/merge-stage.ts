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
  protected readonly mergeInputs: readonly MergeInput[]
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
    this.mergeInputs = inputs.map((input, i) => new MergeInput(input, i, this))
  }

  get inputs(): readonly Queue[] {
    return this.mergeInputs.map((mergeInput) => mergeInput.input)
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
    while (idle < this.mergeInputs.length && this.canStart()) {
      const mergeInput = this.mergeInputs[this.#next] as MergeInput
      this.#next = (this.#next + 1) % this.mergeInputs.length
      idle = mergeInput.takeOne() ? 0 : idle + 1
    }
    for (const mergeInput of this.mergeInputs) mergeInput.settle()
    // An input may have ended before this stage began to run.
    this.inputChanged()
  }

  inputEnded(): void {
    this.inputChanged()
  }

  /** An input has ended or reached a boundary. */
  inputChanged(): void {
    if (this.state !== RUNNING) return
    if (this.#sources !== undefined) this.#endWithFirst(this.#sources)
    if (
      this.state === RUNNING &&
      this.mergeInputs.every(
        (mergeInput) => mergeInput.isEnded || mergeInput.boundary !== undefined,
      )
    )
      this.#join()
  }

  /**
   * If an input has ended, the merge ends. If an input has reached its boundary, the others skip to
   * theirs at once.
   */
  #endWithFirst(sources: readonly (readonly SourceStage[])[]): void {
    if (this.mergeInputs.some((mergeInput) => mergeInput.isEnded)) {
      this.#endAll()
      return
    }
    const boundary = this.mergeInputs.find(
      (mergeInput) => mergeInput.boundary !== undefined,
    )?.boundary
    if (boundary === undefined) return
    const others = this.mergeInputs.filter(
      (mergeInput) => mergeInput.boundary === undefined && !mergeInput.isSkipping,
    )
    for (const mergeInput of others) {
      mergeInput.isSkipping = true
      for (const source of sources[mergeInput.position] ?? [])
        source.skipEpoch(boundary.origin.epoch)
    }
    for (const mergeInput of others) mergeInput.skip()
  }

  #endAll(): void {
    for (const { isEnded, input } of this.mergeInputs) {
      if (isEnded) continue
      input.producer.cancel(true)
      input.discard(discard)
    }
    this.finish()
  }

  #join(): void {
    const boundary = this.mergeInputs.find(
      (mergeInput) => mergeInput.boundary !== undefined,
    )?.boundary
    if (boundary === undefined || this.mergeInputs.some((mergeInput) => mergeInput.isEnded)) {
      this.#endAll()
      return
    }
    for (const mergeInput of this.mergeInputs) mergeInput.boundary = undefined
    this.boundaryJoined()
    this.exit.put(boundary)
    this.pump()
  }

  /** Additional work of a kind of merge between two epochs. */
  protected boundaryJoined(): void {}
}

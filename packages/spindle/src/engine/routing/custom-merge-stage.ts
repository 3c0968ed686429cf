import { SpindleError } from '../../errors.ts'
import { callListener, type GeneratorLike, isThenable } from '../../user-code.ts'
import type { MergeOp } from '../config.ts'
import { currentScope } from '../flow/async-scope.ts'
import { exactNow } from '../flow/clock.ts'
import { Integral } from '../flow/integral.ts'
import { Item, type SourceEpoch } from '../flow/item.ts'
import { Queue } from '../flow/queue.ts'
import { resumeNextTurn, shouldYield } from '../flow/time-slice.ts'
import { checkStep } from '../stages/generator-run.ts'
import type { GraphContext } from '../stages/graph-context.ts'
import type { PendingWork } from '../stages/pending-work.ts'
import { RUNNING, Stage } from '../stages/stage.ts'
import { nothingPending, type PendingTimes } from '../stats/task-timer.ts'
import type { StageInfo } from '../types.ts'

/**
 * Joins several chains by the user's op, which receives one async iterable for each input and
 * returns the outputs. The op is called once for each epoch. The origin of its outputs is unknown,
 * so they get new numbers.
 */
export class CustomMergeStage extends Stage {
  readonly exit: Queue
  readonly #op: MergeOp
  readonly #mergeInputs: readonly PulledMergeInput[]
  #outputs: GeneratorLike | undefined
  #origin: SourceEpoch
  #index = 0
  #isAsking = false
  /** Integral over time of whether the op works. */
  readonly #working: Integral = new Integral()

  constructor(
    info: StageInfo,
    graph: GraphContext,
    inputs: readonly Queue[],
    buffer: number,
    op: MergeOp,
    ordinal: number,
  ) {
    super(info, graph)
    this.#op = op
    this.#origin = { source: ordinal, epoch: 0 }
    this.exit = new Queue(buffer, undefined)
    this.exit.producer = this
    this.#mergeInputs = inputs.map((input) => new PulledMergeInput(input, () => this.#noteWork()))
  }

  /** Updates whether the op works: an output was requested, and the op waits for no input. */
  #noteWork(): void {
    const isWorking =
      this.#isAsking && !this.#mergeInputs.some((mergeInput) => mergeInput.isAwaited)
    this.#working.change(isWorking ? 1 : 0)
  }

  override get pendingTimes(): PendingTimes {
    return { ...nothingPending, busyMs: this.#working.read() }
  }

  override get code(): unknown {
    return this.#op
  }

  /** The op gets no requests while the exit is full. */
  override get blockedMs(): number {
    return this.exit.times().fullMs
  }

  /** An op that waits for an input is not itself the cause of a delay. */
  protected override get pendingCalls(): PendingWork | undefined {
    if (!this.#isAsking || this.#mergeInputs.some((mergeInput) => mergeInput.isAwaited))
      return undefined
    const { name: stage, where } = this.info
    return { stage, where, items: [], what: `has not given output ${this.#index}` }
  }

  get inputs(): readonly Queue[] {
    return this.#mergeInputs.map((mergeInput) => mergeInput.input)
  }

  get exits(): readonly Queue[] {
    return [this.exit]
  }

  canStart(): boolean {
    return false
  }

  offer(): boolean {
    return false
  }

  inputEnded(): void {}

  roomMade(): void {
    this.pump()
  }

  pump(): void {
    if (!this.#isAsking && this.state === RUNNING && this.exit.hasRoom()) void this.#give()
  }

  async #give(): Promise<void> {
    this.#isAsking = true
    this.#noteWork()
    try {
      while (this.state === RUNNING && this.exit.hasRoom()) {
        if (shouldYield()) {
          await new Promise<void>((resume) => resumeNextTurn({ resume }))
          if (this.state !== RUNNING) return
        }
        const step = checkStep(await this.#next())
        const isLast = step.done === true
        let value: unknown = isLast ? undefined : step.value
        if (isThenable(value)) value = await value
        if (this.state !== RUNNING) return
        if (!isLast) this.#emit(value)
        else if (!this.#endEpoch()) return
      }
    } catch (error) {
      this.fail(error, -1)
    } finally {
      this.#isAsking = false
      this.#noteWork()
    }
  }

  #next(): ReturnType<GeneratorLike['next']> {
    const startedAt = exactNow()
    try {
      return this.marked(() => {
        this.#outputs ??= this.#begin()
        return this.#outputs.next()
      })
    } finally {
      this.counters.held(exactNow() - startedAt)
    }
  }

  #begin(): GeneratorLike {
    const inputs = this.#mergeInputs.map((mergeInput) => mergeInput.iterate())
    // Call it as a function and not as a method of the stage.
    const op = this.#op
    const made: unknown = op(inputs, { signal: this.signal })
    const iterable = made as
      | { [Symbol.asyncIterator]?(): GeneratorLike; [Symbol.iterator]?(): GeneratorLike }
      | null
      | undefined
    const outputs = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.()
    if (outputs === undefined) {
      throw new SpindleError(
        'ERR_NOT_ITERABLE',
        `the merge op must return an iterable or async iterable, got ${typeof made}`,
      )
    }
    return outputs
  }

  #emit(value: unknown): void {
    if (value === undefined) return
    this.exit.put(new Item(value, this.#origin, this.#index++, undefined))
  }

  /**
   * Called when the op has ended. If every input is at a boundary, another epoch follows. Otherwise
   * the stage ends.
   */
  #endEpoch(): boolean {
    this.#outputs = undefined
    const boundary = this.#mergeInputs[0]?.boundary
    if (
      boundary === undefined ||
      !this.#mergeInputs.every((mergeInput) => mergeInput.boundary !== undefined)
    ) {
      for (const mergeInput of this.#mergeInputs) mergeInput.input.producer.cancel(true)
      this.finish()
      return false
    }
    for (const mergeInput of this.#mergeInputs) mergeInput.boundary = undefined
    this.#origin = { source: this.#origin.source, epoch: this.#origin.epoch + 1 }
    this.#index = 0
    this.exit.put(boundary)
    return true
  }

  protected override cancelled(): void {
    this.#closeGeneratorLike()
    for (const mergeInput of this.#mergeInputs) mergeInput.end()
  }

  #closeGeneratorLike(): void {
    const outputs = this.#outputs
    this.#outputs = undefined
    // The iterator may be running (its own code caused this), or its clean-up may throw. No caller
    // could handle the error.
    callListener(() => this.closing(outputs?.return?.()))
  }

  protected override failed(): void {
    // The iterator may not have ended: it may have given an invalid result, or a promise that
    // rejected.
    this.#closeGeneratorLike()
    for (const mergeInput of this.#mergeInputs) mergeInput.end()
  }
}

/** One input of a {@link CustomMergeStage}, pulled by the user's op. */
class PulledMergeInput {
  readonly input: Queue
  boundary: Item | undefined
  #isOver = false
  #waiting: ((result: IteratorResult<unknown>) => void)[] = []

  readonly #onChange: () => void

  /** `onChange` is called when {@link isAwaited} may have changed. */
  constructor(input: Queue, onChange: () => void) {
    this.input = input
    this.#onChange = onChange
    input.consumer = this
  }

  /** Whether the op waits for an item. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0
  }

  canStart(): boolean {
    return this.#waiting.length > 0 && this.boundary === undefined
  }

  offer(item: Item): boolean {
    if (!this.canStart()) return false
    this.start(item)
    return true
  }

  private start(item: Item): void {
    if (item.index < 0) {
      this.boundary = item
      this.#release()
    } else {
      this.#waiting.shift()?.({ done: false, value: item.value })
      this.#onChange()
    }
  }

  inputEnded(): void {
    this.end()
  }

  end(): void {
    this.#isOver = true
    this.#release()
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve({ done: true, value: undefined })
    this.#onChange()
  }

  /** The input's items up to the end or the next boundary. */
  iterate(): AsyncIterableIterator<unknown> {
    let isLeft = false
    // A request of the op runs code of earlier stages. It must run in the pipeline's async context,
    // whatever context the op has.
    const scope = currentScope()
    // Pending requests, which are settled if the op leaves.
    const asked: Set<(result: IteratorResult<unknown>) => void> = new Set()
    const pull = (): Promise<IteratorResult<unknown>> => {
      if (isLeft || this.boundary !== undefined)
        return Promise.resolve({ done: true, value: undefined })
      const item = this.input.shift()
      if (item === undefined && this.#isOver)
        return Promise.resolve({ done: true, value: undefined })
      const result = new Promise<IteratorResult<unknown>>((resolve) => {
        const settle = (step: IteratorResult<unknown>): void => {
          asked.delete(settle)
          resolve(step)
        }
        asked.add(settle)
        this.#waiting.push(settle)
      })
      this.#onChange()
      if (item !== undefined) this.start(item)
      this.input.wake()
      if (this.input.isDrained) this.inputEnded()
      return result
    }
    return {
      next: () => scope.runInAsyncScope(pull),
      return: async () => {
        isLeft = true
        this.#waiting = this.#waiting.filter((settle) => !asked.has(settle))
        this.#onChange()
        for (const settle of [...asked]) settle({ done: true, value: undefined })
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }
}

import { show } from '../../check.ts'
import { type ItemError, SpindleError } from '../../errors.ts'
import { adopt, closeQuietly, type GeneratorLike, isThenable } from '../../user-code.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { coarseNow } from '../flow/clock.ts'
import { enter, leave } from '../flow/current-call.ts'
import { child, type Item } from '../flow/item.ts'
import { type Resumable, resumeNextTurn, shouldYield } from '../flow/time-slice.ts'
import type { Timing } from '../stats/task-timer.ts'

/** The stage whose op gave the generator. */
interface GeneratorRunOwner {
  readonly mark: number
  readonly callScope: AsyncScope | undefined
  /** In input order: tells which item is first. */
  readonly reorderBuffer: { isFirst(item: Item): boolean } | undefined
  readonly exit: { put(item: Item): void }
  /** Whether the stage needs no more outputs of the generator. */
  isOver(generatorRun: GeneratorRun): boolean
  /** Whether there is a place for one more output. */
  hasPlaceForOutput(generatorRun: GeneratorRun): boolean
  /** The generator waits for a place. */
  park(generatorRun: GeneratorRun): void
  /** The generator begins to wait for room (1) or stops waiting (-1). */
  rests(change: 1 | -1): void
  rested(): void
  /** An output was made ahead; it was put out. */
  hold(): void
  unhold(): void
  /** An output is requested, requested under a timer, and delivered. */
  timeOutput(): Timing | undefined
  callTimed<R>(timing: Timing, next: () => R): R
  outputReturned(timing: Timing): void
  outputTimed(timing: Timing, isOk: boolean): void
  outputCame(askedAt: number, isOutput: boolean): void
  /** The generator's clean-up has begun. */
  closing(ended: unknown): void
  expanded(generatorRun: GeneratorRun): void
  expansionFailed(generatorRun: GeneratorRun, error: unknown, attempts: number): void
}

/**
 * The outputs of one generator. Each output is requested only when there is a place for it. The run
 * holds its task's slot to the end. In input order, a generator that is not at the front makes one
 * output ahead and keeps it.
 */
export class GeneratorRun implements Resumable {
  readonly item: Item
  /** The op's input, for reports of failures. */
  readonly input: unknown
  /** Whether no more outputs follow. */
  isDone = false
  /** The error of the generator (in input order only). */
  failure: ItemError | undefined
  private readonly stage: GeneratorRunOwner
  private readonly outputs: GeneratorLike
  private readonly attempts: number
  /** Notifies the hooks of the end. The run waits for its promise. */
  private readonly onEnd: ((failure?: { readonly error: unknown }) => PromiseLike<void>) | undefined
  private held: Item | undefined
  private position = 0
  /** Number of outputs that were `undefined`. */
  private skipped = 0
  private timing: Timing | undefined = undefined
  private isWaiting = false
  /** Whether it waits for room for its next output, or for the outputs of earlier generators. */
  private isBlocked = false
  /** When the pending output was requested, by the coarse clock. */
  private askedAt = 0
  /**
   * The callbacks for `then`. They are made at the first wait, so plain generators never need them.
   */
  private ok: ((step: IteratorResult<unknown>) => void) | undefined = undefined
  private fail: ((error: unknown) => void) | undefined = undefined

  constructor(
    stage: GeneratorRunOwner,
    item: Item,
    outputs: GeneratorLike,
    attempts = 1,
    onEnd?: (failure?: { readonly error: unknown }) => PromiseLike<void>,
  ) {
    this.item = item
    this.input = item.value
    this.stage = stage
    this.outputs = outputs
    this.attempts = attempts
    this.onEnd = onEnd
  }

  /** Whether it waits only for a place or its turn. */
  get isResting(): boolean {
    return !this.isWaiting
  }

  /** Whether it has given no output. */
  get isSilent(): boolean {
    return this.position === this.skipped
  }

  /** Requests outputs until there is no place, no further output, or a promise to wait for. */
  advance(): void {
    if (this.isWaiting) return
    while (!this.isDone && !this.stage.isOver(this)) {
      if (!this.mayAsk()) {
        if (!this.isBlocked) this.setBlocked(true)
        this.stage.rested()
        return
      }
      if (this.isBlocked) this.setBlocked(false)
      if (shouldYield()) {
        this.isWaiting = true
        resumeNextTurn(this)
        return
      }
      let step: IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>
      let isPending: boolean
      this.isWaiting = true
      this.timing = this.stage.timeOutput()
      const word = enter(this.stage.mark, this.position)
      try {
        if (this.timing === undefined && this.stage.callScope === undefined)
          step = this.outputs.next()
        else step = this.observedNext(this.timing)
        isPending =
          typeof step === 'object' &&
          step !== null &&
          typeof (step as { readonly then?: unknown }).then === 'function'
      } catch (error) {
        this.threw(error)
        return
      } finally {
        leave(word)
        if (this.timing !== undefined) this.stage.outputReturned(this.timing)
      }
      if (isPending) {
        this.wait(adopt(step as PromiseLike<IteratorResult<unknown>>))
        return
      }
      this.isWaiting = false
      if (!this.take(step as IteratorResult<unknown>)) return
    }
  }

  /**
   * Requests an output that is timed or has its own scope. It is a separate method because it makes
   * functions.
   */
  private observedNext(timing: Timing | undefined): ReturnType<GeneratorLike['next']> {
    const { callScope } = this.stage
    const next = (): ReturnType<GeneratorLike['next']> => this.outputs.next()
    if (timing !== undefined) return this.stage.callTimed(timing, next)
    return callScope === undefined ? next() : callScope.runInAsyncScope(next)
  }

  private wait(step: Promise<IteratorResult<unknown>>): void {
    this.ok ??= (result) => this.resolved(result)
    this.fail ??= (error) => this.threw(error)
    this.askedAt = coarseNow()
    step.then(this.ok, this.fail)
  }

  resume(): void {
    this.isWaiting = false
    this.advance()
  }

  /** Puts out the output that was made ahead. */
  giveHeld(): void {
    const held = this.held
    if (held === undefined) return
    this.held = undefined
    this.stage.unhold()
    this.stage.exit.put(held)
  }

  private setBlocked(isBlocked: boolean): void {
    this.isBlocked = isBlocked
    this.stage.rests(isBlocked ? 1 : -1)
  }

  /** Requests no more outputs. */
  close(): void {
    if (this.isBlocked) this.setBlocked(false)
    this.isDone = true
    try {
      this.stage.closing(this.outputs.return?.())
    } catch {
      // The generator is running (its own code caused this), or its clean-up threw. No caller could
      // handle the error.
    }
  }

  private mayAsk(): boolean {
    const reorderBuffer = this.stage.reorderBuffer
    // Not at the front: make one output ahead. The reorder buffer calls when this run is first.
    if (reorderBuffer !== undefined && !reorderBuffer.isFirst(this.item)) {
      return this.held === undefined && this.stage.hasPlaceForOutput(this)
    }
    if (this.stage.hasPlaceForOutput(this)) return true
    this.stage.park(this)
    return false
  }

  /**
   * Takes the result of one step, awaited or not. Returns whether to request the next one at once.
   */
  private take(step: IteratorResult<unknown>, wasAwaited = false): boolean {
    let isLast: boolean
    let value: unknown
    try {
      isLast = checkStep(step).done === true
      value = isLast ? undefined : step.value
    } catch (error) {
      this.threw(error)
      return false
    }
    if ((typeof value === 'object' || typeof value === 'function') && isThenable(value)) {
      this.waitForValue(adopt(value))
      return false
    }
    if (this.timing !== undefined) this.endTiming(!isLast)
    else if (wasAwaited) this.stage.outputCame(this.askedAt, !isLast)
    if (isLast) {
      this.finish()
      return false
    }
    if (value === undefined) {
      this.position++
      this.skipped++
      return true
    }
    const output = child(this.item, value, this.position++)
    const reorderBuffer = this.stage.reorderBuffer
    if (reorderBuffer === undefined || reorderBuffer.isFirst(this.item)) this.stage.exit.put(output)
    else {
      this.held = output
      this.stage.hold()
    }
    return true
  }

  /**
   * Waits for an output that is a promise. If it rejects, the generator is closed, because the
   * generator itself has not failed.
   */
  private waitForValue(value: Promise<unknown>): void {
    this.isWaiting = true
    this.askedAt = coarseNow()
    value.then(
      (settled) => this.resolved({ done: false, value: settled }),
      (error) => {
        closeQuietly(this.outputs)
        this.threw(error)
      },
    )
  }

  private endTiming(isOk: boolean): void {
    if (this.timing !== undefined) this.stage.outputTimed(this.timing, isOk)
    this.timing = undefined
  }

  private resolved(step: IteratorResult<unknown>): void {
    this.isWaiting = false
    if (this.isDone || this.stage.isOver(this)) return
    if (this.take(step, true)) this.advance()
  }

  private finish(): void {
    if (this.onEnd === undefined) {
      this.isDone = true
      this.stage.expanded(this)
      return
    }
    this.isWaiting = true
    this.onEnd().then(
      () => {
        if (this.stage.isOver(this)) return
        this.isDone = true
        this.stage.expanded(this)
      },
      (error) => this.end(error),
    )
  }

  private threw(error: unknown): void {
    if (this.isDone || this.stage.isOver(this)) return
    this.endTiming(false)
    this.isWaiting = true
    if (this.onEnd === undefined) this.end(error)
    else {
      this.onEnd({ error }).then(
        () => this.end(error),
        () => this.end(error),
      )
    }
  }

  private end(error: unknown): void {
    if (this.isDone || this.stage.isOver(this)) return
    this.isDone = true
    this.stage.expansionFailed(this, error, this.attempts)
  }
}

/** Checks the result of a `next` call. @throws `ERR_NOT_ITERABLE` if it is not an object. */
export function checkStep(step: IteratorResult<unknown>): IteratorResult<unknown> {
  if (typeof step === 'object' && step !== null) return step
  throw new SpindleError(
    'ERR_NOT_ITERABLE',
    `a generator gave something that is not an iterator result: ${show(step)}`,
  )
}

import { SpindleError } from '../../errors.ts'
import { clockMs } from '../../timers.ts'
import { type GeneratorLike, promiseOf } from '../../user-code.ts'
import { DONE, DROPPED, OUTPUT } from './call-protocol.ts'
import type { WorkerControl } from './pool-channel.ts'
import type { ResultBatcher } from './result-batcher.ts'

/** The runner of the worker's calls, as its generators see it. */
interface GeneratorRunner {
  readonly control: WorkerControl
  readonly batcher: ResultBatcher
  /** Number of promises of ops and generators that are pending. */
  pending: number
  /** A call has blocked the event loop since then. */
  held(op: number, startedAt: number): void
  flush(): void
  flushSoon(): void
  failed(slot: number, error: unknown): void
  /** The call has ended, and its slot is free. */
  ended(slot: number): void
}

/**
 * How far a generator may be ahead of its reader: in outputs, and in the milliseconds that they
 * took.
 */
const MOST_AHEAD = 64
const LEAST_AHEAD = 2
const AHEAD_MS = 4

/**
 * A generator that runs in a worker. It is advanced as long as it is not too far ahead of its
 * reader.
 */
export class Generating {
  readonly #runner: GeneratorRunner
  readonly #op: number
  readonly #slot: number
  readonly #outputs: GeneratorLike
  /** Number of outputs that the reader already has from an earlier worker. */
  readonly #skip: number
  /**
   * Whether the call has a time limit. Each output is then sent at once, because the next one may
   * never come.
   */
  readonly #isTimed: boolean
  #made = 0
  #taken: number
  /** Moving average of the time per output, in milliseconds. */
  #meanMs = 0
  #isWaiting = false
  /** Whether it is advanced no more. Its clean-up may still run. */
  isClosed = false

  constructor(
    runner: GeneratorRunner,
    op: number,
    slot: number,
    outputs: GeneratorLike,
    skip: number,
    isTimed: boolean,
  ) {
    this.#runner = runner
    this.#op = op
    this.#slot = slot
    this.#outputs = outputs
    this.#skip = skip
    this.#isTimed = isTimed
    this.#taken = skip
  }

  /** The reader has taken `count` outputs. */
  taken(count: number): void {
    this.#taken = Math.max(this.#taken, count)
    this.advance()
  }

  /** Advances the generator until it is far enough ahead or at its end. */
  advance(): void {
    const { control } = this.#runner
    while (!this.#isWaiting && !this.isClosed && this.#mayAsk()) {
      if (control.isAborted(this.#slot)) {
        this.close()
        return
      }
      const startedAt = clockMs()
      control.enter()
      let step: ReturnType<GeneratorLike['next']>
      try {
        step = this.#outputs.next()
      } catch (error) {
        control.leave()
        this.#runner.held(this.#op, startedAt)
        this.#fail(error)
        return
      }
      control.leave()
      this.#runner.held(this.#op, startedAt)
      this.#onStep(step, startedAt)
    }
  }

  #mayAsk(): boolean {
    const ahead = this.#made - this.#taken
    if (ahead < LEAST_AHEAD) return true
    return ahead < MOST_AHEAD && ahead * this.#meanMs < AHEAD_MS
  }

  /** Handles the result of `next()`. Inspecting it may run the user's code, which may throw. */
  #onStep(step: unknown, startedAt: number): void {
    try {
      const promise = promiseOf(step)
      if (promise !== undefined) this.#wait(promise, startedAt)
      else this.#take(step as IteratorResult<unknown>, startedAt)
    } catch (error) {
      this.#fail(error)
    }
  }

  #wait(step: Promise<unknown>, startedAt: number): void {
    step.then(
      (settled) => {
        this.#goesOn()
        if (this.isClosed) return
        this.#onStep(settled, startedAt)
        this.advance()
      },
      (error) => {
        this.#goesOn()
        this.#fail(error)
      },
    )
    this.#isWaiting = true
    this.#runner.pending++
  }

  #goesOn(): void {
    this.#isWaiting = false
    this.#runner.pending--
  }

  #take(step: IteratorResult<unknown>, startedAt: number): void {
    if (typeof step !== 'object' || step === null) {
      this.#fail(
        new SpindleError(
          'ERR_NOT_ITERABLE',
          'a generator gave something that is not an iterator result',
        ),
      )
      return
    }
    if (step.done === true) {
      this.#end()
      return
    }
    const { value } = step
    const promise = promiseOf(value)
    if (promise === undefined) this.#give(value, startedAt)
    else
      this.#wait(
        promise.then((settled) => ({ done: false, value: settled })),
        startedAt,
      )
  }

  #give(value: unknown, startedAt: number): void {
    const ms = clockMs() - startedAt
    this.#meanMs = this.#made === 0 ? ms : this.#meanMs + (ms - this.#meanMs) / 4
    this.#made++
    if (this.#made <= this.#skip) return
    this.#runner.batcher.value(this.#slot, OUTPUT, value, this.#op, this.#made)
    if (this.#isTimed) this.#runner.flush()
    else this.#runner.flushSoon()
  }

  #end(): void {
    this.isClosed = true
    if (this.#made < this.#skip) {
      this.#runner.failed(this.#slot, notRepeatable(this.#skip, this.#made))
      return
    }
    this.#runner.batcher.mark(this.#slot, DONE)
    this.#runner.ended(this.#slot)
  }

  #fail(error: unknown): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#runner.failed(this.#slot, error)
  }

  /** The reader wants no more outputs. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    void this.#close()
  }

  /**
   * One of its outputs cannot be sent. The task has failed, and its slot is free for another task.
   */
  giveUp(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#runner.ended(this.#slot)
    void this.#return()
  }

  async #close(): Promise<void> {
    await this.#return()
    this.#runner.batcher.mark(this.#slot, DROPPED)
    this.#runner.ended(this.#slot)
  }

  async #return(): Promise<void> {
    this.#runner.pending++
    try {
      await this.#outputs.return?.()
    } catch {
      // No caller is left to receive the error.
    }
    this.#runner.pending--
  }
}

function notRepeatable(had: number, made: number): SpindleError {
  return new SpindleError(
    'ERR_NOT_REPEATABLE',
    `the worker of a generator died after ${had} outputs, and the rerun in another worker gave only ${made}: if an op does not give the same outputs again, use a pool with \`maxDeaths: 1\``,
  )
}

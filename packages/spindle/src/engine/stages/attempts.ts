import { makeController } from '../../abort-signals.ts'
import { show } from '../../check.ts'
import { isInfrastructureError, SpindleError, TimeoutError } from '../../errors.ts'
import { Rng } from '../../random.ts'
import { clearTimeout, setTimeout, type Timer } from '../../timers.ts'
import { adopt, type GeneratorLike, isGenerator, isThenable } from '../../user-code.ts'
import type { AsyncScope } from '../flow/async-scope.ts'
import { exactNow } from '../flow/clock.ts'
import { enter, leave } from '../flow/current-call.ts'
import { describeItem, type Item } from '../flow/item.ts'
import { type PendingTimes, pendingTimes, TaskTimer, type Timing } from '../stats/task-timer.ts'
import type { RetrySettings, StageContext, TaskInfo, TaskOutcome } from '../types.ts'
import { AttemptContext } from './context.ts'
import type { FlatMapStage } from './flat-map-stage.ts'
import { checkStep, GeneratorRun } from './generator-run.ts'
import { RateLimiter } from './rate-limiter.ts'

type Op = (item: unknown, context: StageContext) => unknown

/** The stage whose tasks are attempted. */
type Owner = FlatMapStage & {
  /** A task has ended with a result. */
  taskDone(item: Item, value: unknown): void
}

/**
 * The slow path of stages with retries, time limits, a rate limit or task hooks: one async function
 * for each task. Here correctness comes before speed. The result of a call that returns after its
 * time limit is ignored.
 */
export class Attempts {
  readonly #stage: Owner
  readonly #retry: RetrySettings | undefined
  readonly #timeoutMs: number | undefined
  readonly #limiter: RateLimiter | undefined
  /** The times of the tasks in flight. */
  readonly #pending: Map<Item, Timing> = new Map()
  readonly #timer: TaskTimer = new TaskTimer()
  #begun = 0

  constructor(stage: Owner) {
    this.#stage = stage
    this.#retry = stage.settings.retry
    this.#timeoutMs = stage.settings.timeoutMs
    const { rateLimit } = stage.settings
    this.#limiter = rateLimit === undefined ? undefined : new RateLimiter(rateLimit)
  }

  /** Begins the task of an item. It ends in the stage's `taskDone`, `taskFailed` or `expand`. */
  begin(item: Item, op: Op): void {
    void this.#run(item, op, item.value)
  }

  async #run(item: Item, op: Op, input: unknown): Promise<void> {
    const stage = this.#stage
    const task: TaskInfo = { stage: stage.info, index: item.index, item: input }
    const timing = this.#timer.begin(this.#begun++)
    timing.calls = stage.running
    this.#pending.set(item, timing)
    let attempts = 0
    let result: Result | Started
    // Whether the hooks have seen the task's start but not its end.
    let isUnreported = false
    try {
      for (const hook of stage.hooks) await stage.hooked(() => hook.onTaskStart?.(task))
      isUnreported = true
      for (;;) {
        if (this.#limiter?.tryBegin() === false) await this.#waitForTurn(item, this.#limiter)
        attempts++
        try {
          result = await this.#attempt(item, op, input, attempts)
          break
        } catch (error) {
          if (!(await this.#waitForRetry(item, error, attempts))) throw error
        }
      }
      if (result instanceof Result) {
        isUnreported = false
        await this.#ended(task, { ok: true, attempts })
      }
    } catch (error) {
      await this.#failed(task, item, input, error, attempts, isUnreported)
      return
    }
    if (result instanceof Started) this.#expand(item, task, result.outputs, attempts)
    else {
      this.#tookTime(item, true)
      stage.taskDone(item, result.value)
    }
  }

  async #failed(
    task: TaskInfo,
    item: Item,
    input: unknown,
    error: unknown,
    attempts: number,
    callHooks: boolean,
  ): Promise<void> {
    try {
      if (callHooks) await this.#ended(task, { ok: false, error, attempts })
    } catch {
      // Ignore a hook's error about a failed task: the task's own error is reported.
    }
    this.#tookTime(item, false)
    this.#stage.taskFailed(item, input, error, attempts)
    this.#stage.proceed()
  }

  /** How the tasks in flight have spent their time. */
  get pendingTimes(): PendingTimes {
    return pendingTimes(this.#pending.values())
  }

  /** The items of the tasks in flight. */
  get pendingItems(): readonly Item[] {
    return [...this.#pending.keys()]
  }

  #tookTime(item: Item, isOk: boolean): void {
    const timing = this.#pending.get(item)
    if (timing === undefined) return
    this.#pending.delete(item)
    this.#timer.end(timing, this.#stage.counters, isOk)
  }

  #expand(item: Item, task: TaskInfo, outputs: GeneratorLike, attempts: number): void {
    // From here on, each output of the generator is timed. The time before belongs to the task and
    // not to an output.
    this.#tookTime(item, false)
    const hasHook = this.#stage.hooks.some((hook) => hook.onTaskEnd !== undefined)
    const onEnd = (failure?: { readonly error: unknown }): Promise<void> =>
      this.#ended(
        task,
        failure === undefined
          ? { ok: true, attempts }
          : { ok: false, error: failure.error, attempts },
      )
    this.#stage.expand(
      new GeneratorRun(this.#stage, item, outputs, attempts, hasHook ? onEnd : undefined),
    )
  }

  async #ended(task: TaskInfo, outcome: TaskOutcome): Promise<void> {
    const stage = this.#stage
    for (const hook of stage.hooks) await stage.hooked(() => hook.onTaskEnd?.(task, outcome))
  }

  /**
   * Makes one attempt. Returns the op's value, or a generator whose first output is already made.
   */
  async #attempt(item: Item, op: Op, input: unknown, attempt: number): Promise<Result | Started> {
    const limit = this.#timeoutMs
    const timing = this.#pending.get(item)
    const { reportsStart } = this.#stage.settings
    if (limit === undefined) {
      const onStart = timing?.onStart(reportsStart)
      const context = new AttemptContext(this.#stage, item, attempt, undefined, onStart)
      const result = await this.#call(op, input, context, timing)
      return isGenerator(result.value)
        ? startGenerator(result.value, (step) => this.#step(step, timing))
        : result
    }
    const controller = makeController()
    const stopWith = (reason: unknown): void => controller.abort(reason)
    this.#stage.onAbort.add(stopWith)
    const limited = <R>(step: () => R): Promise<Awaited<R>> =>
      this.#limited(step, limit, item, attempt, controller, false)
    const forget = (): boolean => this.#stage.onAbort.delete(stopWith)
    try {
      const result = await this.#limited(
        (arm) => {
          const begins = timing?.onStart(reportsStart)
          const onStart = joinListeners(arm, begins)
          const context = new AttemptContext(this.#stage, item, attempt, controller.signal, onStart)
          return this.#call(op, input, context, timing)
        },
        limit,
        item,
        attempt,
        controller,
        reportsStart,
      )
      if (!isGenerator(result.value)) {
        forget()
        return result
      }
      return await startGenerator(
        result.value,
        (step) => limited(() => this.#step(step, timing)),
        forget,
      )
    } catch (error) {
      forget()
      throw error
    }
  }

  #call(
    op: Op,
    input: unknown,
    context: StageContext,
    timing: Timing | undefined,
  ): Result | Promise<Result> {
    const startedAt = exactNow()
    const word = enter(this.#stage.mark, this.#stage.tasks)
    try {
      const result = this.#timed(timing, () => op(input, context), this.#stage.callScope)
      return isThenable(result)
        ? adopt(result).then((value) => new Result(value))
        : new Result(result)
    } finally {
      leave(word)
      this.#stage.counters.held(exactNow() - startedAt)
    }
  }

  /** Makes a step of a generator. */
  #step<R>(step: () => R, timing: Timing | undefined): R {
    return this.#stage.marked(() => this.#timed(timing, step))
  }

  #timed<R>(timing: Timing | undefined, call: () => R, scope?: AsyncScope): R {
    if (timing !== undefined) return this.#timer.call(timing, call, scope)
    return scope === undefined ? call() : scope.runInAsyncScope(call)
  }

  /**
   * Runs a step with a time limit. `reportsStart`: the step reports its own begin, and the time
   * counts from there.
   */
  #limited<R>(
    step: (onStart?: () => void) => R,
    limitMs: number,
    item: Item,
    attempt: number,
    controller: AbortController,
    reportsStart: boolean,
  ): Promise<Awaited<R>> {
    const { onAbort } = this.#stage
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      let isOver = false
      const tooLate = (): void => {
        const { name } = this.#stage.info
        const error = new TimeoutError(
          `stage "${name}": attempt ${attempt} of item ${describeItem(item)} took longer than \`timeoutMs\` ${limitMs}`,
        )
        this.#stage.counters.timeouts++
        onAbort.delete(letGo)
        controller.abort(error)
        reject(error)
      }
      const arm = (): void => {
        clearTimeout(timer)
        if (!isOver) timer = setTimeout(tooLate, limitMs)
      }
      // A call that ignores the end of the pipeline must not keep the process alive through its
      // timer.
      const letGo = (): void => {
        timer?.unref()
      }
      onAbort.add(letGo)
      const settle = (go: () => void): void => {
        isOver = true
        clearTimeout(timer)
        onAbort.delete(letGo)
        go()
      }
      if (!reportsStart) arm()
      try {
        Promise.resolve(step(reportsStart ? arm : undefined)).then(
          (value) => settle(() => resolve(value)),
          (error) => settle(() => reject(error)),
        )
      } catch (error) {
        settle(() => reject(error))
      }
    })
  }

  /** Waits for the back-off delay. Returns whether to make another attempt. */
  async #waitForRetry(item: Item, error: unknown, attempt: number): Promise<boolean> {
    const retry = this.#retry
    const stage = this.#stage
    if (retry === undefined || attempt > retry.retries || stage.isStopped) return false
    if (isInfrastructureError(error)) return false
    const { shouldRetry } = retry
    if (!stage.marked(() => shouldRetry(error, attempt))) return false
    stage.counters.retries++
    const delayMs = this.#askedDelay(retry, error, attempt) ?? this.#backOff(retry, item, attempt)
    const timing = this.#pending.get(item)
    timing?.backsOff()
    const goesOn = await this.#delay(delayMs)
    timing?.triesAgain()
    return goesOn
  }

  /** The delay that the user's function gives. */
  #askedDelay(retry: RetrySettings, error: unknown, attempt: number): number | undefined {
    const { delayMs } = retry
    if (delayMs === undefined) return undefined
    const asked = this.#stage.marked(() => delayMs(error, attempt))
    if (asked !== undefined && !(typeof asked === 'number' && asked >= 0)) {
      const rule = '`retry.delayMs` must return a number >= 0 or undefined'
      throw new SpindleError('ERR_BAD_OPTION', `${rule}, got ${show(asked)}`, { cause: error })
    }
    return asked
  }

  #backOff(retry: RetrySettings, item: Item, attempt: number): number {
    const delayMs = Math.min(retry.maxDelayMs, retry.minDelayMs * retry.factor ** (attempt - 1))
    // Unlike `Math.random`, this gives the same delays in runs with the same seed.
    return retry.jitter
      ? delayMs * (0.5 + Rng.from(this.#stage.graph.seed, item.index, attempt).next() / 2)
      : delayMs
  }

  /** Waits until the rate limit allows a call. @throws if the stage is stopped before. */
  async #waitForTurn(item: Item, limiter: RateLimiter): Promise<void> {
    const timing = this.#pending.get(item)
    timing?.isThrottled()
    const mayBegin = await limiter.wait(this.#stage.onAbort)
    timing?.hasTurn()
    if (!mayBegin) throw new DOMException('The stage was stopped', 'AbortError')
  }

  /** Resolves to true after the delay, or to false as soon as the stage is stopped. */
  #delay(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const onAbort = this.#stage.onAbort
      const end = (goesOn: boolean): void => {
        clearTimeout(timer)
        onAbort.delete(stop)
        resolve(goesOn)
      }
      const stop = (): void => end(false)
      const timer = setTimeout(() => end(true), ms)
      onAbort.add(stop)
    })
  }
}

/** Combines two optional functions. */
function joinListeners(
  one: (() => void) | undefined,
  other: (() => void) | undefined,
): (() => void) | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return () => {
    one()
    other()
  }
}

/**
 * Wraps the result of an op. Without the wrapper, resolving a promise with the value would read its
 * `then`, which may throw.
 */
class Result {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}

/** A generator whose first output is already requested. */
class Started {
  readonly outputs: GeneratorLike
  constructor(outputs: GeneratorLike) {
    this.outputs = outputs
  }
}

/**
 * Makes the first output within the attempt, so that a generator that fails before its first output
 * can be retried.
 */
async function startGenerator(
  outputs: GeneratorLike,
  limited: <R>(step: () => R) => Promise<Awaited<R>> | R,
  onEnd?: () => void,
): Promise<Started> {
  let first: IteratorResult<unknown> | undefined = checkStep(await limited(() => outputs.next()))
  if (first.done === true) onEnd?.()
  return new Started({
    async next() {
      if (first !== undefined) {
        const step = first
        first = undefined
        return step
      }
      const step = checkStep(await limited(() => outputs.next()))
      if (step.done === true) onEnd?.()
      return step
    },
    return: () => {
      onEnd?.()
      return outputs.return?.()
    },
  })
}

import { type Executor, type ExecutorCall, executorOp, type WorkerOp } from 'spindle'
import { arraysOf, isArray, isEmptied, shapeKey } from '../base/arrays.ts'
import { itemError } from '../base/errors.ts'
import type { ModelSpec, SessionSetup } from '../session/batch-protocol.ts'
import { AbortGroups } from './abort-groups.ts'
import type { CheckedModel } from './checked-options.ts'
import { type DirectCall, ModelCall } from './model-call.ts'
import { type ModelStats, SessionCounters } from './session-stats.ts'
import { Sessions } from './sessions.ts'
import { planThreads, type ThreadPlan } from './thread-plan.ts'

/**
 * Runs the items of stages in the sessions of a model.
 *
 * CLOSED --acquire(), run()--> OPEN --the last user releases it, close()--> CLOSED
 */
export class ModelRunner {
  readonly op: WorkerOp<never, unknown>
  readonly #setup: SessionSetup
  readonly #options: CheckedModel
  readonly #plan: ThreadPlan
  readonly #counters: SessionCounters
  readonly #aborts: AbortGroups<ModelCall> = new AbortGroups((call, reason) =>
    this.#aborted(call, reason),
  )
  /** Inputs of failed items that came back, for another attempt. */
  readonly #kept: WeakMap<object, unknown> = new WeakMap()
  #sessions: Sessions | undefined
  /** Number of pipelines that use it, and whether calls without one do. */
  #users = 0
  #isHeld = false

  constructor(
    spec: ModelSpec,
    options: CheckedModel & { readonly name: string },
    outputs: readonly string[] | undefined,
  ) {
    const { sessions, providers, warmup, inputs, batch, name } = options
    this.#options = options
    this.#plan = planThreads(sessions.count, sessions.threads)
    this.#counters = new SessionCounters(batch?.max ?? 1)
    const take = inputs as ((item: unknown) => unknown) | undefined
    const warm = take === undefined ? warmup : warmup?.map((item) => take(item))
    const { threads } = this.#plan
    this.#setup = { spec, threads, providers, outputs, warmup: structuredClone(warm) }
    this.op = executorOp(name, this.#executor(), 2 * this.#plan.count * (batch?.max ?? 1))
  }

  stats(): ModelStats {
    const { waiting, running } = this.#sessions?.batcher.load ?? { waiting: 0, running: 0 }
    const { failures, notes } = this.#counters
    return { sessions: this.#counters.read(), waiting, running, failures, notes }
  }

  runDirectly(item: unknown, call: DirectCall): Promise<unknown> {
    this.#isHeld = true
    return this.#run(item, call)
  }

  async close(): Promise<void> {
    this.#isHeld = false
    if (this.#users === 0) await this.#end()
  }

  #executor(): Executor {
    const counters = this.#counters
    const { kind } = this.#options.sessions
    const { count } = this.#plan
    return {
      reportsStart: true,
      bindsValues: true,
      workers: {
        kind,
        count,
        get busyMs() {
          return counters.busyMs
        },
        get table() {
          return counters.table()
        },
      },
      acquire: () => this.#acquire(),
      warmUp: (calls) => this.#open().batcher.expect(calls),
      run: (item, call: ExecutorCall) => this.#run(item, call),
    }
  }

  #acquire(): () => Promise<void> {
    this.#users++
    this.#open().warmUp()
    return async () => {
      this.#users--
      if (this.#users === 0 && !this.#isHeld) await this.#end()
    }
  }

  #open(): Sessions {
    const { batch, sessions } = this.#options
    const rule = { max: batch?.max ?? 1, waitMs: batch?.waitMs ?? 0 }
    this.#sessions ??= new Sessions(
      this.#setup,
      this.#plan,
      sessions,
      rule,
      this.#counters,
      (call, input) => this.#keep(call, input),
    )
    return this.#sessions
  }

  async #end(): Promise<void> {
    const sessions = this.#sessions
    this.#sessions = undefined
    await sessions?.close()
  }

  #run(item: unknown, call: DirectCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal } = call
      if (signal?.aborted) return reject(signal.reason)
      const { batcher } = this.#open()
      if (call.timeoutMs !== undefined) batcher.runsAhead = false
      const entry = this.#callOf(item, call, resolve, reject)
      if (signal !== undefined) this.#aborts.add(signal, entry)
      batcher.add(entry)
    }).then((output) => this.#resultOf(output, item))
  }

  #callOf(
    item: unknown,
    call: DirectCall,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): ModelCall {
    const input = this.#inputOf(item)
    const { transfer = call.timeoutMs === undefined, sessions } = this.#options
    const mayMove = transfer && sessions.kind === 'thread'
    const onSettled = (entry: ModelCall): void => {
      if (call.signal !== undefined) this.#aborts.delete(call.signal, entry)
    }
    const bucket = this.#bucketOf(item, input)
    return new ModelCall(item, input, bucket, call, mayMove, resolve, reject, onSettled)
  }

  #inputOf(item: unknown): unknown {
    const { inputs } = this.#options
    if (typeof item === 'object' && item !== null && this.#kept.has(item)) {
      const kept = this.#kept.get(item)
      this.#kept.delete(item)
      return kept
    }
    const input = inputs === undefined ? item : (inputs as (item: unknown) => unknown)(item)
    if (input === undefined)
      throw itemError('ERR_MODEL_INPUT', '`inputs` gave undefined for the item')
    if (arraysOf(input).some(isEmptied))
      throw itemError(
        'ERR_MODEL_INPUT',
        'the memory of an array of the item was moved away before: copy the array first, or set `transfer: false` where it was given to a model',
      )
    return input
  }

  #bucketOf(item: unknown, input: unknown): string {
    const { batch } = this.#options
    if (batch?.bucketBy !== undefined)
      return String((batch.bucketBy as (item: unknown) => string | number)(item))
    return batch?.pad === undefined ? shapeKey(input) : paddedKey(input)
  }

  #resultOf(output: unknown, item: unknown): unknown {
    const result = this.#options.result as ((output: unknown, item: unknown) => unknown) | undefined
    return result === undefined ? output : result(output, item)
  }

  /** Arrays that moved into a session are empty here, so another attempt takes those from there. */
  #keep(call: ModelCall, input: unknown): void {
    const { item } = call
    if (call.isGone && typeof item === 'object' && item !== null) this.#kept.set(item, input)
  }

  #aborted(call: ModelCall, reason: unknown): void {
    call.reject(reason)
    if (call.batch === undefined) this.#sessions?.batcher.remove(call)
    else call.batch.leave()
  }
}

/**
 * A text that is the same for items whose arrays differ by less than a factor of two in size, so
 * that at most half of a batch is padding.
 */
function paddedKey(input: unknown): string {
  return arraysOf(input)
    .map(({ dtype, shape, data }) => {
      const magnitude = Math.ceil(Math.log2(Math.max(1, data.length)))
      return `${dtype} ${shape.length} ${magnitude}`
    })
    .concat(isArray(input) ? [] : Object.keys(input as object))
    .join(' ')
}

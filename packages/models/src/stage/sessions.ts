import { move, ProcessPool, reserveCores, SpindleError, ThreadPool, workerModule } from 'spindle'
import { arraysOf } from '../base/arrays.ts'
import { errorOf } from '../base/errors.ts'
import { SESSION_WORKER } from '../entries.ts'
import type { BatchReply, SessionSetup } from '../session/batch-protocol.ts'
import { unpackResults } from '../session/pack-results.ts'
import type * as SessionMain from '../session/session-main.ts'
import { Batcher, type BatchingRule } from './batcher.ts'
import type { CheckedSessions } from './checked-options.ts'
import type { ModelCall } from './model-call.ts'
import type { SessionCounters } from './session-stats.ts'
import type { ThreadPlan } from './thread-plan.ts'

/** From this size on, in bytes, moving is cheaper than copying. */
const LEAST_MOVED = 1 << 14
/** Number of sessions that an item may kill before it fails. */
const MOST_DEATHS = 2

/** The open sessions of a model, and the items that wait for them. */
export class Sessions {
  readonly batcher: Batcher<ModelCall>
  readonly #pool: ThreadPool | ProcessPool
  readonly #plan: ThreadPlan
  readonly #counters: SessionCounters
  readonly #returned: (call: ModelCall, input: unknown) => void
  readonly #giveCoresBack: () => void
  readonly #main = workerModule<typeof SessionMain>(SESSION_WORKER)
  #isClosed = false

  /** `returned`: called with the input of a failed item, which has come back from the session. */
  constructor(
    setup: SessionSetup,
    plan: ThreadPlan,
    { kind, graceMs }: CheckedSessions,
    rule: BatchingRule,
    counters: SessionCounters,
    returned: (call: ModelCall, input: unknown) => void,
  ) {
    const Pool = kind === 'process' ? ProcessPool : ThreadPool
    this.#plan = plan
    this.#counters = counters
    this.#returned = returned
    // A batch that killed its session is not run again as it is: see `#died`.
    const { count } = plan
    const options = { size: count, maxDeaths: 1, graceMs, initConcurrency: count }
    this.#pool = new Pool({ ...options, init: this.#main.openSession, initArgs: setup })
    this.#giveCoresBack = reserveCores(plan.count * plan.threads)
    this.batcher = new Batcher(rule, plan.count, (batch) => this.#run(batch))
  }

  warmUp(): void {
    this.#pool.warmUp(this.#plan.count)
  }

  /** Ends the sessions. A run in progress gets the grace time, then its session is terminated. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#giveCoresBack()
    const closed = new SpindleError('ERR_POOL_CLOSED', 'the sessions of the model were closed')
    for (const call of this.batcher.clear()) call.reject(closed)
    await this.#pool.close()
  }

  async #run(batch: readonly ModelCall[]): Promise<void> {
    const calls = batch.filter((call) => !call.isSettled)
    if (calls.length === 0) return
    const controller = new AbortController()
    let wanted = calls.length
    const leave = (): void => {
      // The session works for nobody any more.
      if (--wanted === 0) controller.abort(new DOMException('aborted', 'AbortError'))
    }
    for (const call of calls) {
      call.batch = { leave }
      if (call.mayMove) moveLarge(call.input)
    }
    const { href: filename, exportName: name } = this.#main.runInSession
    try {
      const reply = (await this.#pool.run(
        { inputs: calls.map(({ input }) => input) },
        { filename, name, signal: controller.signal, ...startOf(calls) },
      )) as BatchReply
      for (const call of calls) call.batch = undefined
      this.#replied(calls, reply)
    } catch (error) {
      for (const call of calls) call.batch = undefined
      this.#failed(
        calls.filter((call) => !call.isSettled),
        error,
      )
    }
  }

  #replied(calls: readonly ModelCall[], reply: BatchReply): void {
    const { fault, packed, beganAt } = reply
    const outcomes = packed === undefined ? reply.outcomes : unpackResults(packed)
    if (fault !== undefined) {
      for (const call of calls) call.reject(errorOf(fault))
      return
    }
    const began = beganAt - performance.timeOrigin
    const waitMs = calls.reduce((sum, { since }) => sum + Math.max(0, began - since), 0)
    this.#counters.add(reply, calls.length, waitMs)
    calls.forEach((call, i) => {
      const outcome = outcomes[i]
      if (outcome === undefined) return
      if ('result' in outcome) call.resolve(outcome.result)
      else {
        this.#returned(call, outcome.input)
        this.#reject(call, errorOf(outcome.fault))
      }
    })
  }

  /** The batch has no results: its session died, or an item cannot be sent. */
  #failed(calls: readonly ModelCall[], error: unknown): void {
    const code = (error as { readonly code?: unknown } | null)?.code
    const isDeath = code === 'ERR_WORKER_DIED'
    if (this.#isClosed || !(isDeath || code === 'ERR_NOT_TRANSFERABLE')) {
      for (const call of calls) call.reject(error)
      return
    }
    const left = calls.filter((call) => !call.isGone)
    for (const call of calls) if (call.isGone) this.#reject(call, lost(calls.length, error))
    const [only] = left
    if (only === undefined) return
    if (calls.length > 1) {
      // Halves are run apart, until the item is alone that does it. Items without fault succeed.
      const half = left.length >> 1
      for (const part of [left.slice(0, half), left.slice(half)])
        if (part.length > 0) this.batcher.addFixed(part)
    } else if (isDeath && ++only.deaths < MOST_DEATHS) this.batcher.addFixed([only])
    else this.#reject(only, error)
  }

  #reject(call: ModelCall, error: unknown): void {
    this.#counters.failures++
    call.reject(error)
  }
}

/** Reports the begin of a batch to the callers that ask for it. */
function startOf(calls: readonly ModelCall[]): {
  readonly onStart?: () => void
  readonly timeoutMs?: number
} {
  const asking = calls.filter(({ call }) => call.onStart !== undefined)
  if (asking.length === 0) return {}
  const limits = calls.flatMap(({ call }) => call.timeoutMs ?? [])
  const onStart = (): void => {
    for (const each of asking) if (!each.isSettled) each.call.onStart?.()
  }
  return limits.length === 0 ? { onStart } : { onStart, timeoutMs: Math.max(...limits) }
}

function moveLarge(input: unknown): void {
  for (const { data } of arraysOf(input)) if (data.byteLength >= LEAST_MOVED) move(data)
}

function lost(count: number, cause: unknown): SpindleError {
  return new SpindleError(
    'ERR_WORKER_DIED',
    `the session ended while it had a batch of ${count}, and the arrays of this item had moved into it, so it cannot be run again: set \`transfer: false\`, or use \`sessions: { kind: 'process' }\` for code that may crash`,
    { cause },
  )
}

import type { CallContext, Executor, ExecutorCall } from '../../engine/executor.ts'
import { stageOf } from '../../engine/stages/context.ts'
import type { Stage } from '../../engine/stages/stage.ts'
import type { OpReference } from '../../engine/worker-op.ts'
import { BATCH_JOB } from '../../entries.ts'
import { setImmediate } from '../../timers.ts'
import type { ThreadPool } from '../../workers/calls/thread-pool.ts'
import { fromWire } from '../../workers/transport/wire-error.ts'
import type { BatchJob, BatchResult, SampleOutcome } from './batch-job.ts'
import { BatchMember, batchOf, type MadeBatch } from './whole-batches.ts'

/**
 * Longest time that a batch may keep a thread, in milliseconds. Longer batches are shared by the
 * threads, item by item.
 */
const LONGEST_MS = 250
/** Maximum size of the items of the batches in flight, in bytes. */
const MOST_BYTES = 2 ** 26

/** A call of `preprocess` that waits for a thread. */
interface WaitingCall {
  readonly item: unknown
  readonly call: ExecutorCall
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What a loader fuses. */
export interface FusedSettings {
  /** Identifies the two ops in the threads of the pool. */
  readonly ops: number
  readonly collate: OpReference
  readonly batchSize: number
  /** Maximum number of concurrent calls of `preprocess`. */
  readonly concurrency: number
  /** Whether a batch that lacks a sample shifts the ones after it. */
  readonly isShifting: boolean
}

/**
 * Runs `preprocess` and `collate` of a loader in threads, and if possible both in one call: a
 * thread gets the items of a whole batch. Stages, failures and lineage are those of single items.
 *
 *   APART --the op's time is known--> FUSED --a promise, a generator, an error of a worker--> APART
 *   for good
 *
 * In FUSED, items go one by one until the number of their samples is a multiple of the batch size,
 * at the end of the source, and while a thread has nothing else to do.
 */
export class FusedCalls {
  /** The executors of the two stages. */
  readonly samples: Executor
  readonly batches: Executor
  readonly #pool: ThreadPool
  readonly #settings: FusedSettings
  readonly #batchSize: number
  readonly #concurrency: number
  #waiting: WaitingCall[] = []
  #inFlight = 0
  /** Number of samples that were or are being made one by one. */
  #loose = 0
  /** Number of waiting items that need not wait for a whole batch. */
  #hurried = 0
  #isLooking = false
  #isApart = false
  /** The stage of `preprocess`, while it has whole batches in flight. */
  #stage: Stage | undefined
  /** The first call of `collate`, which has the data of its stage. */
  #collate: ExecutorCall | undefined

  constructor(pool: ThreadPool, settings: FusedSettings) {
    this.#pool = pool
    this.#settings = settings
    this.#batchSize = settings.batchSize
    this.#concurrency = settings.concurrency
    const common = {
      reportsStart: true,
      bindsValues: true,
      workers: { kind: 'thread', count: pool.sizing.size, of: pool },
      sizing: pool.sizing,
      warmUp: (calls: number) => pool.warmUp(calls),
    } as const
    this.samples = { ...common, run: (item, call) => this.#sample(item, call) }
    this.batches = { ...common, run: (batch, call) => this.#batch(batch as unknown[], call) }
  }

  #sample(item: unknown, call: ExecutorCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, call, resolve, reject })
      // A traced call tells when and where it ran.
      if (call.onSpan !== undefined) this.#isApart = true
      this.#dispatch()
    })
  }

  #batch(samples: unknown[], call: ExecutorCall): Promise<unknown> {
    this.#collate ??= call
    const made = batchOf(samples)
    if (made === undefined) return this.#collateApart(samples, call)
    call.onStart?.()
    return Promise.resolve(made.value)
  }

  /** Members of several batches are in one: their samples are made again. */
  async #collateApart(samples: unknown[], call: ExecutorCall): Promise<unknown> {
    if (samples.some((sample) => sample instanceof BatchMember))
      await Promise.all(
        samples.map(async (sample, i) => {
          if (sample instanceof BatchMember)
            samples[i] = await this.#pool.run(sample.item, { ...sample.call, onStart: undefined })
        }),
      )
    return this.#pool.run(samples, call)
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const isSingle = !this.#isFusing() || this.#hurried > 0
      if (this.#inFlight >= (isSingle ? this.#concurrency : this.#batchesAtOnce)) return
      if (isSingle) this.#runOne(this.#waiting.shift() as WaitingCall)
      else if (this.#waiting.length >= this.#batchSize)
        void this.#runBatch(this.#waiting.splice(0, this.#batchSize))
      else {
        this.#lookSoon()
        return
      }
    }
  }

  /** Number of batches in flight: one in each thread, and one that waits there. */
  get #batchesAtOnce(): number {
    return Math.min(2 * this.#pool.sizing.size, this.#concurrency)
  }

  /** Whether the next items may go as a whole batch. */
  #isFusing(): boolean {
    return this.#stage !== undefined && this.#loose % this.#batchSize === 0
  }

  /** Asks the stage for whole batches, if the op is known to be fast enough. */
  #fuse(call: ExecutorCall): void {
    if (this.#isApart || this.#stage !== undefined) return
    const { ms, itemBytes } = this.#pool.profileOf(call)
    if (ms === undefined || ms * this.#batchSize > LONGEST_MS) return
    const items = this.#batchesAtOnce * this.#batchSize
    if (items * itemBytes > MOST_BYTES) return
    this.#stage = stageOf(call.context)
    this.#stage?.bridge(items)
  }

  #partForGood(): void {
    this.#isApart = true
    const stage = this.#stage
    this.#stage = undefined
    stage?.bridge(0)
  }

  /** After this turn of the loop, which may bring more items, no thread waits for a whole batch. */
  #lookSoon(): void {
    if (this.#isLooking || this.#inFlight >= this.#pool.sizing.size) return
    this.#isLooking = true
    setImmediate(() => {
      this.#isLooking = false
      const isIdle = this.#inFlight < this.#pool.sizing.size
      if (isIdle && this.#waiting.length < this.#batchSize) this.#hurried = this.#waiting.length
      this.#dispatch()
    })
  }

  #runOne({ item, call, resolve, reject }: WaitingCall): void {
    if (this.#hurried > 0) this.#hurried--
    this.#inFlight++
    this.#loose++
    const ended = (hasSample: boolean): void => {
      this.#inFlight--
      if (!hasSample) this.#loose--
      this.#fuse(call)
      this.#dispatch()
    }
    this.#pool.run(item, call).then(
      (value) => {
        resolve(value)
        ended(value !== undefined)
      },
      (error) => {
        reject(error)
        ended(false)
      },
    )
  }

  async #runBatch(calls: readonly WaitingCall[]): Promise<void> {
    this.#inFlight++
    try {
      this.#settle(calls, (await this.#send(calls)) as BatchResult)
    } catch {
      // The calls themselves tell what is wrong: a worker died, an item cannot be sent, the
      // pipeline was stopped.
      this.#waiting.unshift(...calls)
      this.#partForGood()
    }
    this.#inFlight--
    this.#dispatch()
  }

  #send(calls: readonly WaitingCall[]): Promise<unknown> {
    const { call } = calls[0] as WaitingCall
    const contexts = calls.map(({ call: own }) => dataOf(own.context as CallContext))
    const first = contexts[0] as CallContext
    const collate = this.#collate?.context
    const job: BatchJob = {
      ops: this.#settings.ops,
      preprocess: referenceOf(call),
      collate: this.#settings.collate,
      items: calls.map(({ item }) => item),
      contexts,
      // A batch has the lineage of its first member.
      batchContext: collate && { ...first, stage: collate.stage, rngKey: keyOf(first, collate) },
    }
    return this.#pool.run(job, {
      filename: BATCH_JOB,
      name: 'runBatch',
      signal: call.signal,
      priority: call.priority,
    })
  }

  #settle(calls: readonly WaitingCall[], result: BatchResult): void {
    for (const { call } of calls) call.onStart?.(result.eachMs)
    if ('batch' in result) {
      const made: MadeBatch = { value: result.batch, size: calls.length }
      for (const [i, { item, call, resolve }] of calls.entries())
        resolve(new BatchMember(made, i, item, call))
      return
    }
    const again: WaitingCall[] = []
    for (const [i, waiting] of calls.entries()) {
      const outcome = result.outcomes[i] as SampleOutcome
      if (outcome === 'again') again.push(waiting)
      else if ('error' in outcome)
        waiting.reject(fromWire(outcome.error, stackOf(waiting.call.context)))
      else {
        if (outcome.value !== undefined) this.#loose++
        waiting.resolve(outcome.value)
      }
    }
    this.#waiting.unshift(...again)
    if (again.length > 0 || this.#settings.isShifting) this.#partForGood()
  }
}

function referenceOf({ filename, name, init, initArgs, bound }: ExecutorCall): OpReference {
  return { href: filename, exportName: name, init, initArgs, bound }
}

function dataOf({ index, attempt, stage, rngKey }: CallContext): CallContext {
  return { index, attempt, stage, rngKey }
}

/** The key of a batch's random numbers: that of its first member, in the stage of `collate`. */
function keyOf({ rngKey }: CallContext, collate: CallContext): readonly number[] {
  const [seed, , ...rest] = rngKey as [number, number, ...number[]]
  const [, stage] = collate.rngKey as [number, number]
  return [seed, stage, ...rest]
}

function stackOf(context: CallContext | undefined): string {
  if (context === undefined) return ''
  const { name, where } = context.stage
  return `    at stage "${name}"${where === undefined ? '' : ` (${where})`}`
}

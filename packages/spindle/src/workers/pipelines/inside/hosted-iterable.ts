import { makeController } from '../../../abort-signals.ts'
import { openSource, type Steps } from '../../../engine/flow/open-source.ts'
import { resumeNextTurn, shouldYield } from '../../../engine/flow/time-slice.ts'
import { type StopMode, settledWithin } from '../../../engine/run/stop.ts'
import type { PipelineStats } from '../../../engine/stats/pipeline-stats.ts'
import { noTuning, type Tuning } from '../../../engine/tuned.ts'
import { TimeoutError } from '../../../errors.ts'
import { clockMs } from '../../../timers.ts'
import { isThenable } from '../../../user-code.ts'
import { type HostedPipeline, noStats, notResumable } from '../hosted-pipeline.ts'
import type { ItemBatcher } from './item-batcher.ts'
import type { AnyIterable, Export } from './load-export.ts'

/**
 * How long to wait for a step in progress by default, in milliseconds; the same as for pipelines.
 */
const LIMIT_MS: { readonly [mode in StopMode]: number } = {
  drain: Number.POSITIVE_INFINITY,
  discard: 10_000,
  abort: 1000,
}

/**
 * The items of an iterable, which is iterated anew for each epoch. Items are requested only when
 * the consumer has room.
 */
export class HostedIterable implements HostedPipeline {
  readonly isContinuous = false
  readonly #export: Export<AnyIterable>
  readonly #batcher: ItemBatcher
  readonly #stopping: AbortController = makeController()
  #mode: StopMode | undefined
  #running: Promise<void> | undefined
  #startedAt = 0
  #endedAt = 0
  #items = 0

  constructor(exported: Export<AnyIterable>, batcher: ItemBatcher) {
    this.#export = exported
    this.#batcher = batcher
  }

  runEpoch(): Promise<void> {
    this.#running = this.#run()
    return this.#running
  }

  async #run(): Promise<void> {
    const made = await this.#export.forEpoch()
    this.#startedAt = clockMs()
    this.#endedAt = 0
    this.#items = 0
    const steps = openSource(made as Iterable<unknown>, {
      signal: this.#stopping.signal,
      epoch: 0,
      position: 0,
    })
    const isSync =
      typeof (made as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] !== 'function'
    try {
      await this.#give(steps, isSync)
    } finally {
      this.#endedAt = clockMs()
    }
  }

  async #give(steps: Steps, isSync: boolean): Promise<void> {
    const batcher = this.#batcher
    while (this.#mode === undefined) {
      if (!batcher.hasRoom) await batcher.room()
      if (shouldYield()) await new Promise<void>((resolve) => resumeNextTurn({ resume: resolve }))
      if (this.#mode !== undefined) break
      let step = steps.next()
      if (isThenable(step)) step = await step
      if (step.done === true) return
      let { value } = step
      if (isSync && isThenable(value)) value = await value
      if (this.#mode === 'discard' || this.#mode === 'abort') break
      try {
        batcher.push(value)
      } catch (error) {
        await close(steps)
        throw error
      }
      this.#items++
    }
    await close(steps)
  }

  async stop(mode: StopMode, timeoutMs: number | undefined): Promise<void> {
    this.#mode = mode
    this.#stopping.abort()
    if (this.#running === undefined) return
    const limitMs = timeoutMs ?? LIMIT_MS[mode]
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    await settledWithin([this.#running.then(over, over)], limitMs)
    if (!isOver && mode !== 'abort') {
      throw new TimeoutError(
        `stop({ mode: '${mode}' }) took longer than \`timeoutMs\` ${limitMs}; the iterable's next() is still pending`,
      )
    }
  }

  stats(): PipelineStats {
    if (this.#startedAt === 0) return noStats
    const isOver = this.#endedAt > 0
    const state = this.#mode !== undefined ? 'stopped' : isOver ? 'done' : 'running'
    const elapsedMs = (isOver ? this.#endedAt : clockMs()) - this.#startedAt
    return { ...noStats, elapsedMs, items: this.#items, state }
  }

  failures(): readonly never[] {
    return []
  }

  tuning(): Tuning {
    return noTuning
  }

  commit(): void {}

  state(): never {
    throw notResumable()
  }
}

async function close(steps: Steps): Promise<void> {
  await steps.return?.()
}

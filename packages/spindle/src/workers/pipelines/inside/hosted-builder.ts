import { sender } from '../../../engine/consume/consumer-code.ts'
import { consumerStats } from '../../../engine/report/read-stats.ts'
import type { PipelineState } from '../../../engine/resume-state.ts'
import type { Pipeline } from '../../../engine/run/pipeline.ts'
import type { StopMode } from '../../../engine/run/stop.ts'
import type { PipelineStats } from '../../../engine/stats/pipeline-stats.ts'
import { noTuning, type Tuning } from '../../../engine/tuned.ts'
import { type ItemError, SpindleError } from '../../../errors.ts'
import { type HostedPipeline, noStats, notResumable } from '../hosted-pipeline.ts'
import type { Committed } from '../remote-commits.ts'
import type { RemoteBuildOptions } from '../remote-options.ts'
import type { ItemBatcher } from './item-batcher.ts'
import { type Buildable, type Export, isContinuous } from './load-export.ts'

/**
 * The pipelines of a builder: a single one if its source is continuous, else a new one for each
 * epoch.
 */
export class HostedBuilder implements HostedPipeline {
  readonly isContinuous: boolean
  readonly #export: Export<Buildable>
  readonly #options: RemoteBuildOptions
  readonly #batcher: ItemBatcher
  #pipeline: Pipeline<unknown> | undefined
  /** Time spent on packing items of earlier epochs' pipelines, in milliseconds. */
  #packedBefore = 0
  /** Set if the pipeline can be resumed. */
  readonly #given: UnackedItems | undefined

  constructor(exported: Export<Buildable>, options: RemoteBuildOptions, batcher: ItemBatcher) {
    this.#export = exported
    const { resumable } = options
    this.#options =
      resumable === undefined || resumable === false
        ? options
        : {
            ...options,
            resumable: { ...(resumable === true ? {} : resumable), commit: 'explicit' },
          }
    this.#given = this.#options === options ? undefined : new UnackedItems()
    this.#batcher = batcher
    this.isContinuous = isContinuous(exported.made.getConfig().source)
  }

  async runEpoch(): Promise<void> {
    if (this.#pipeline === undefined || !this.isContinuous) {
      // A resume state belongs to its own epoch; later epochs start at their beginning.
      const { state, ...others } = this.#options
      const isFirst = this.#pipeline === undefined
      const options = isFirst && state !== undefined ? this.#options : others
      this.#pipeline = (await this.#export.forEpoch()).build(options)
      this.#packedBefore = this.#batcher.packMs
    }
    const batcher = this.#batcher
    const pipeline = this.#pipeline
    const send = sender((item) => {
      this.#given?.give(pipeline, item)
      batcher.push(item)
      return batcher.hasRoom ? undefined : batcher.room()
    })
    await pipeline.forEach(send)
  }

  async stop(mode: StopMode, timeoutMs: number | undefined): Promise<void> {
    await this.#pipeline?.stop({ mode, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  }

  stats(): PipelineStats {
    if (this.#pipeline === undefined) return noStats
    const stats = this.#pipeline.stats()
    const { waitMs, heldUpMs } = stats.consumer
    // The time that this side spends on sending items is not the consumer's.
    const times = { waitMs, heldUpMs, packMs: this.#batcher.packMs - this.#packedBefore, loopMs: 0 }
    return { ...stats, consumer: consumerStats(times, stats.elapsedMs) }
  }

  failures(): readonly ItemError[] {
    return this.#pipeline?.report().failures ?? []
  }

  tuning(): Tuning {
    return this.#pipeline?.tuning() ?? noTuning
  }

  commit(committed: Committed): void {
    this.#given?.commit(committed)
  }

  state(): PipelineState {
    if (this.#given === undefined) throw notResumable()
    if (this.#pipeline === undefined)
      throw new SpindleError(
        'ERR_BAD_STATE',
        'the pipeline has not started, so it has no state yet',
      )
    return this.#pipeline.state()
  }
}

/** Items that the worker side has given and the consumer has not committed. */
class UnackedItems {
  readonly #items: Map<number, { readonly pipeline: Pipeline<unknown>; readonly item: unknown }> =
    new Map()
  #given = 0
  /** All items before this number are committed. */
  #low = 0

  give(pipeline: Pipeline<unknown>, item: unknown): void {
    this.#items.set(this.#given++, { pipeline, item })
  }

  commit({ until, also }: Committed): void {
    for (; this.#low < until; this.#low++) this.#commit(this.#low)
    for (const number of also) this.#commit(number)
  }

  #commit(number: number): void {
    const given = this.#items.get(number)
    if (given === undefined) return
    this.#items.delete(number)
    given.pipeline.commit(given.item)
  }
}

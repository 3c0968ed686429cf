import type { StopMode } from '../engine/graph.ts'
import type { Pipeline } from '../engine/pipeline.ts'
import type { PipelineStats } from '../engine/stats.ts'
import type { ItemError } from '../errors.ts'
import { type Buildable, type Export, isContinuous } from './load-export.ts'
import type { RemoteBuildOptions } from './options.ts'
import type { Outbox } from './outbox.ts'
import { noStats, type Supply } from './supply.ts'

/** The pipelines of a builder: one that goes on, if its source is continuous, else a new one for each epoch. */
export class PipelineSupply implements Supply {
  readonly isContinuous: boolean
  readonly #export: Export<Buildable>
  readonly #options: RemoteBuildOptions
  readonly #outbox: Outbox
  #pipeline: Pipeline<unknown> | undefined

  constructor(exported: Export<Buildable>, options: RemoteBuildOptions, outbox: Outbox) {
    this.#export = exported
    this.#options = options
    this.#outbox = outbox
    this.isContinuous = isContinuous(exported.made.getConfig().source)
  }

  async runEpoch(): Promise<void> {
    if (this.#pipeline === undefined || !this.isContinuous)
      this.#pipeline = (await this.#export.forEpoch()).build(this.#options)
    const outbox = this.#outbox
    await this.#pipeline.forEach((item) => {
      outbox.push(item)
      return outbox.hasRoom ? undefined : outbox.room()
    })
  }

  async stop(mode: StopMode, timeoutMs: number | undefined): Promise<void> {
    await this.#pipeline?.stop({ mode, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  }

  stats(): PipelineStats {
    return this.#pipeline?.stats() ?? noStats
  }

  failures(): readonly ItemError[] {
    return this.#pipeline?.report().failures ?? []
  }
}

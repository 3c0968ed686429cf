import type { PipelineStats } from '../../engine/stats/pipeline-stats.ts'
import { noTuning, type Tuning } from '../../engine/tuned.ts'
import type { ItemError } from '../../errors.ts'
import { noStats } from './hosted-pipeline.ts'
import type { PipelineChannel } from './pipeline-channel.ts'
import type { RemoteMessage } from './pipeline-protocol.ts'
import { fromWireItemError } from './wire-failure.ts'
import { fromWireStats } from './wire-stats.ts'

/** The statistics of a remote pipeline. */
export interface RemoteFigures {
  readonly stats: PipelineStats
  /** The last failed items of each stage. */
  readonly failures: readonly ItemError[]
  readonly tuning: Tuning
}

/** Requests statistics. The last ones are kept for when the remote side cannot answer any more. */
export class StatsRequests {
  readonly #channel: PipelineChannel
  readonly #onAwaited: () => void
  #last: RemoteFigures = { stats: noStats, failures: [], tuning: noTuning }
  #count = 0
  #isClosed = false
  readonly #pending: Map<number, (figures: RemoteFigures) => void> = new Map()

  /** `onAwaited`: called when {@link isAwaited} has changed. */
  constructor(channel: PipelineChannel, onAwaited: () => void) {
    this.#channel = channel
    this.#onAwaited = onAwaited
  }

  get isAwaited(): boolean {
    return this.#pending.size > 0
  }

  ask(): Promise<RemoteFigures> {
    if (this.#isClosed) return Promise.resolve(this.#last)
    return new Promise((resolve) => {
      const request = this.#count++
      this.#pending.set(request, resolve)
      this.#channel.post({ kind: 'stats', request })
      this.#onAwaited()
    })
  }

  onMessage({
    request,
    stats,
    failures,
    tuning,
  }: RemoteMessage & { readonly kind: 'stats' }): void {
    this.#last = { stats: fromWireStats(stats), failures: failures.map(fromWireItemError), tuning }
    if (request === undefined) return
    this.#pending.get(request)?.(this.#last)
    this.#pending.delete(request)
    this.#onAwaited()
  }

  /** Called when no further answer will come. */
  close(): void {
    this.#isClosed = true
    for (const resolve of this.#pending.values()) resolve(this.#last)
    this.#pending.clear()
  }
}

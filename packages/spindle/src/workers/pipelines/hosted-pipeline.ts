import { consumerStats, noLetters } from '../../engine/report/read-stats.ts'
import type { PipelineState } from '../../engine/resume-state.ts'
import type { StopMode } from '../../engine/run/stop.ts'
import { noCpu } from '../../engine/stats/cpu-use.ts'
import type { PipelineStats } from '../../engine/stats/pipeline-stats.ts'
import type { Tuning } from '../../engine/tuned.ts'
import { type ItemError, SpindleError } from '../../errors.ts'
import type { Committed } from './remote-commits.ts'

/** The source of the worker side's items: a pipeline or an iterable. */
export interface HostedPipeline {
  /** Whether the next epoch is prepared while the consumer is in the last one. */
  readonly isContinuous: boolean
  /** Gives the items of one epoch, or after a stop the rest of it. */
  runEpoch(): Promise<void>
  /** @throws `TimeoutError` if `'drain'` or `'discard'` takes too long. */
  stop(mode: StopMode, timeoutMs: number | undefined): Promise<void>
  stats(): PipelineStats
  failures(): readonly ItemError[]
  /** What the tuner has set. */
  tuning(): Tuning
  /** Notes items that the consumer has committed. */
  commit(committed: Committed): void
  /** @throws `ERR_BAD_STATE` if it cannot be resumed. */
  state(): PipelineState
}

/** The statistics of a pipeline that has not begun. */
export const noStats: PipelineStats = {
  pipeline: 0,
  elapsedMs: 0,
  items: 0,
  state: 'idle',
  loopUtilization: 0,
  cpu: noCpu,
  memoryWaitMs: 0,
  blocks: [],
  consumer: consumerStats({ waitMs: 0, heldUpMs: 0, packMs: 0, loopMs: 0 }, 0),
  deadLetters: noLetters,
  stages: [],
}

export function notResumable(): SpindleError {
  return new SpindleError(
    'ERR_BAD_STATE',
    'it cannot be resumed: give `build: { resumable: true }`',
  )
}

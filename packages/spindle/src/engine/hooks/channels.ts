import { type Channel, channel } from 'node:diagnostics_channel'

/**
 * The channels on which the engine publishes (`node:diagnostics_channel`):
 *
 * - `spindle:pipeline:start` `{ pipeline, config }`
 * - `spindle:pipeline:end` `{ pipeline, error, stopped }`; `error` is `undefined` after a success
 * - `spindle:stage:start` `{ stage }`
 * - `spindle:stage:end` `{ stage, error }`; published when a stage has ended, and once before that
 *   when it fails
 * - `spindle:item:error` `{ stage, failure }`
 * - `spindle:stats`, a `StatsEvent`: at intervals, if `build()` has `reportIntervalMs`, and at the
 *   end
 * - `spindle:loop:block` `{ pipeline, at, beganAt, ms }`: code blocked the event loop; `at` is a
 *   `LoopPlace`, `beganAt` is in milliseconds since 1970
 */
export const channels: {
  readonly pipelineStart: Channel
  readonly pipelineEnd: Channel
  readonly stageStart: Channel
  readonly stageEnd: Channel
  readonly itemError: Channel
  readonly stats: Channel
  readonly loopBlock: Channel
} = {
  pipelineStart: channel('spindle:pipeline:start'),
  pipelineEnd: channel('spindle:pipeline:end'),
  stageStart: channel('spindle:stage:start'),
  stageEnd: channel('spindle:stage:end'),
  itemError: channel('spindle:item:error'),
  stats: channel('spindle:stats'),
  loopBlock: channel('spindle:loop:block'),
}

/** Listens to the life of a pipeline. The calls are synchronous and must not throw. */
export interface GraphListener {
  /** The stages are about to open. */
  started(): void
  /** The pipeline has ended, was stopped or failed. `done` is about to settle. */
  ended(): void
}

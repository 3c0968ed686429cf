import { type Channel, channel } from 'node:diagnostics_channel'

/**
 * What the engine publishes on `node:diagnostics_channel`, for whoever listens:
 *
 * - `spindle:pipeline:start` `{ pipeline, config }`
 * - `spindle:pipeline:end` `{ pipeline, error, stopped }`; `error` is `undefined` when all went
 *   well
 * - `spindle:stage:start` `{ stage }`
 * - `spindle:stage:end` `{ stage, error }`; published a first time when a stage fails, and when it
 *   has ended
 * - `spindle:item:error` `{ stage, failure }`
 * - `spindle:stats`, a `StatsEvent`: at intervals, if `build()` was given `reportIntervalMs`, and
 *   at the end
 * - `spindle:loop:block` `{ pipeline, at, beganAt, ms }`: something held the loop; `at` is a
 *   `LoopPlace`, `beganAt` in milliseconds since 1970
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

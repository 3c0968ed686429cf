import type { WriteProgress } from '../engine/sink.ts'
import type { PipelineStats } from '../engine/stats/pipeline-stats.ts'
import { bytes } from './number-text.ts'

/** Number of items that have left the sources. */
export function itemsIn(stats: PipelineStats): number {
  return stats.stages.reduce(
    (sum, stage) => sum + (stage.upstream.length === 0 ? stage.emitted : 0),
    0,
  )
}

/** Number of failed items in all stages. */
export function failuresOf(stats: PipelineStats): number {
  return stats.stages.reduce((sum, stage) => sum + stage.failures, 0)
}

/** `1234 records, 3 shards, 5.60 MB`. */
export function writtenText({ records, shards, bytes: size }: WriteProgress): string {
  return `${records} records, ${shards} shards, ${bytes(size)}`
}

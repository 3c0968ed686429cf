import { Histogram } from '../../engine/stats/histogram.ts'
import type { PipelineStats, StageStats, StageSums } from '../../engine/stats/pipeline-stats.ts'

type WireSums = Omit<StageSums, 'histogram'> & { readonly histogram: readonly number[] }
type WireStage = Omit<StageStats, 'sums'> & { readonly sums: WireSums }

/** A pipeline's statistics as plain data. */
export type WireStats = Omit<PipelineStats, 'stages'> & { readonly stages: readonly WireStage[] }

export function toWireStats(stats: PipelineStats): WireStats {
  const stages = stats.stages.map((stage) => ({
    ...stage,
    sums: { ...stage.sums, histogram: stage.sums.histogram.toJSON() },
  }))
  return { ...stats, stages }
}

export function fromWireStats(wire: WireStats): PipelineStats {
  const stages = wire.stages.map((stage) => ({
    ...stage,
    sums: { ...stage.sums, histogram: Histogram.from(stage.sums.histogram) },
  }))
  return { ...wire, stages }
}

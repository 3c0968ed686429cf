import { plain } from '../plain-text.ts'
import type { ProfileResult, StageProfile } from './profile.ts'

/** A profile for people: each stage with its levels, what to take, and what limits the pipeline then. */
export function printProfile(stages: readonly StageProfile[], limit: ProfileResult['limit']): string {
  const lines = stages.flatMap((stage) => [
    `${plain(stage.name)}: ${stage.shape}, ${advice(stage)}`,
    ...stage.levels.map((level) => {
      const bound = `+-${Math.round(level.spread * 100)} %`.padEnd(8)
      const failed = level.failures > 0 ? `  ${level.failures} failed` : ''
      return `  concurrency ${String(level.concurrency).padStart(3)}  ${level.perSecond.toFixed(1).padStart(10)}/s ${bound} p50 ${level.p50Ms.toFixed(3)} ms, p99 ${level.p99Ms.toFixed(3)} ms, loop ${Math.round(level.loopShare * 100)} %${failed}`
    }),
  ])
  const verdict =
    limit === undefined
      ? 'Nothing was measured.'
      : `With these, ${plain(limit.stage)} limits the pipeline: ${limit.perSecond.toFixed(1)} items of the source a second.`
  return [...lines, verdict].join('\n')
}

function advice({ concurrency, knee, levels, shape }: StageProfile): string {
  if (levels.length === 1) return 'runs as it is'
  const level = levels.find((each) => each.concurrency === knee)
  if (shape === 'flat' && (level?.loopShare ?? 0) > 0.5)
    return 'it holds the loop: only worker threads make it faster'
  if (knee === concurrency) return `its concurrency of ${concurrency} is right`
  return `take ${knee} instead of ${concurrency}${shape === 'scales' ? ', and try more' : ''}`
}

import type { Pipeline } from '../engine/pipeline.ts'
import type { PipelineStats } from '../engine/stats.ts'

const TERMINAL_MS = 200
const LINES_MS = 2000

/** Shows a pipeline at work on standard error: one line that renews itself on a terminal, a line now and then elsewhere. Returns the function that ends it. */
export function showProgress(
  pipeline: Pipeline<unknown>,
  unit: string,
  isAsked: boolean | undefined,
): () => void {
  const { stderr } = process
  if (!(isAsked ?? stderr.isTTY)) return () => {}
  const write = (): void => {
    const line = progressLine(pipeline.stats(), unit, pipeline.report().bottleneck?.stage)
    if (stderr.isTTY) stderr.write(`\r\x1b[K${line.slice(0, (stderr.columns ?? 80) - 1)}`)
    else stderr.write(`${line}\n`)
  }
  const timer = setInterval(write, stderr.isTTY ? TERMINAL_MS : LINES_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    if (stderr.isTTY) stderr.write('\r\x1b[K')
  }
}

/** `12.3 s  640 images in, 20 out, 52.1 images/s, 4 failed  slowest: decode`. */
export function progressLine(stats: PipelineStats, unit: string, slowest: string | undefined): string {
  const seconds = stats.elapsedMs / 1000
  const taken = itemsIn(stats)
  const failed = failuresOf(stats)
  const rate = seconds > 0 ? (taken / seconds).toFixed(1) : '-'
  const parts = [
    `${taken} ${unit} in`,
    `${stats.items} out`,
    `${rate} ${unit}/s`,
    ...(failed > 0 ? [`${failed} failed`] : []),
  ]
  return `${seconds.toFixed(1)} s  ${parts.join(', ')}${slowest === undefined ? '' : `  slowest: ${slowest}`}`
}

/** Items that have left the sources. */
export function itemsIn(stats: PipelineStats): number {
  return stats.stages[0]?.emitted ?? 0
}

/** Items that failed, in all stages. */
export function failuresOf(stats: PipelineStats): number {
  return stats.stages.reduce((sum, stage) => sum + stage.failures, 0)
}

import { graphOf, type Pipeline } from '../engine/run/pipeline.ts'
import type { Sink } from '../engine/sink.ts'
import { finishedItems, silentStages } from '../engine/stages/finished-items.ts'
import { clearInterval, queueMicrotask, setInterval } from '../timers.ts'

/**
 * How often the progress of a pipeline of another copy of the package is checked, in milliseconds.
 */
const LOOK_MS = 20

/**
 * Consumes the items of a pipeline, to its end or up to a number of items. Without a limit they are
 * written to the sink, if there is one, and an earlier run is continued. Else they are discarded.
 */
export async function consume(
  pipeline: Pipeline<unknown>,
  limit: number | undefined,
  sink: Sink<unknown, unknown> | undefined,
): Promise<void> {
  if (limit === undefined && sink !== undefined) {
    await pipeline.writeTo(sink, { resume: true })
    return
  }
  if (limit === undefined) {
    await pipeline.forEach(() => {})
    return
  }
  const forget = countCalls(pipeline, limit)
  let taken = 0
  try {
    for await (const _ of pipeline) {
      taken++
      if (taken >= limit) return
    }
  } finally {
    forget()
  }
}

/**
 * Counts the finished calls of a last stage that gives no output because it saves or sends its
 * input. `stats().items` counts them too. Returns a function that ends the counting.
 */
function countCalls(pipeline: Pipeline<unknown>, limit: number): () => void {
  const end = endOf(pipeline)
  if (end === undefined) return lookAtTimes(pipeline, limit)
  const stages = silentStages(end)
  const forget = (): void => {
    for (const { counters } of stages) counters.onSilent = undefined
  }
  const look = (): void => {
    if (end.exit.passed > 0) forget()
    else if (finishedItems(end) >= limit) {
      forget()
      // Not from within the stage.
      queueMicrotask(() => void pipeline.stop().catch(() => {}))
    }
  }
  for (const { counters } of stages) counters.onSilent = look
  return forget
}

function lookAtTimes(pipeline: Pipeline<unknown>, limit: number): () => void {
  const timer = setInterval(() => {
    const { items, stages } = pipeline.stats()
    if (stages.at(-1)?.emitted === 0 && items >= limit) void pipeline.stop().catch(() => {})
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function endOf(pipeline: Pipeline<unknown>): Parameters<typeof finishedItems>[0] | undefined {
  try {
    return graphOf(pipeline as Pipeline<never>).sink
  } catch {
    // The pipeline is of another copy of the package.
    return undefined
  }
}

import { PipeStage } from '../engine/pipe-stage.ts'
import { graphOf, type Pipeline } from '../engine/pipeline.ts'
import type { StageTracer } from '../engine/tracer.ts'
import { queueMicrotask } from '../timers.ts'

/** Takes what comes out of a pipeline and throws it away, to its end or up to a number of items. */
export async function consume(pipeline: Pipeline<unknown>, limit: number | undefined): Promise<void> {
  if (limit === undefined) {
    await pipeline.forEach(() => {})
    return
  }
  countCalls(pipeline, limit)
  let taken = 0
  for await (const _ of pipeline) {
    taken++
    if (taken >= limit) return
  }
}

/**
 * A last stage that gives nothing, for it saves or sends what it gets, is as far as a pipeline goes: its finished calls count. They do until it
 * gives something.
 */
function countCalls(pipeline: Pipeline<unknown>, limit: number): void {
  const last = lastStage(pipeline)
  if (last === undefined) return
  const look = (): void => {
    const isSink = last.exit.passed === 0
    if (isSink && last.counters.skipped < limit) return
    last.trace(inner)
    if (isSink) pipeline.stop().catch(() => {})
  }
  const inner = last.tracer
  last.trace(new EndTracer(inner, look))
}

function lastStage(pipeline: Pipeline<unknown>): PipeStage | undefined {
  try {
    const { producer } = graphOf(pipeline as Pipeline<never>).sink.input
    return producer instanceof PipeStage ? producer : undefined
  } catch {
    // Of another copy of the package.
    return undefined
  }
}

/** Hears of the end of a stage's tasks, and passes on all it hears. */
class EndTracer implements StageTracer {
  readonly #inner: StageTracer | undefined
  readonly #onEnd: () => void

  constructor(inner: StageTracer | undefined, onEnd: () => void) {
    this.#inner = inner
    this.#onEnd = onEnd
  }

  begin(key: object, index: number): void {
    this.#inner?.begin(key, index)
  }

  called(): void {
    this.#inner?.called()
  }

  returned(key: object): void {
    this.#inner?.returned(key)
  }

  end(key: object, isOk: boolean): void {
    this.#inner?.end(key, isOk)
    // What came of the task is counted right after this.
    queueMicrotask(this.#onEnd)
  }

  ran(...span: Parameters<StageTracer['ran']>): void {
    this.#inner?.ran(...span)
  }
}

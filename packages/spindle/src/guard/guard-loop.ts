import type { Graph } from '../engine/run/graph.ts'
import type { LoopGuardOptions } from '../engine/types.ts'
import { durationMs, either, is, options, type Rule, type Rules } from '../options/index.ts'
import { clearTimeout, clockMs, setTimeout, type Timer } from '../timers.ts'
import type { LoopGuard } from './loop-guard.ts'

/**
 * How long pipelines run before the loop guard starts, in milliseconds, all pipelines of the
 * process one after the other. Loading it and starting its thread takes as much CPU time as some
 * ten thousand items, which a program that ends sooner does without.
 */
const START_AFTER_MS = 100

const loopGuardOptions = options('LoopGuardOptions', {
  thresholdMs: durationMs({ min: 2, orInfinity: true, default: 10 }),
} satisfies Rules<LoopGuardOptions>)

/** The rule of `loopGuard`. */
export const loopGuardRule: Rule<false | LoopGuardOptions, 'maybe'> = either(
  is('false or an object of options', (value) => value === false),
  loopGuardOptions,
)

/** Watches a pipeline's event loop while the pipeline runs. */
export function guardLoop(graph: Graph, options: LoopGuardOptions = {}): void {
  graph.listeners.add(new LateGuard(graph, loopGuardOptions.check(options).thresholdMs))
}

/** How long pipelines that have ended did run. */
let ranMs = 0
let loaded: typeof import('./loop-guard.ts') | undefined

/** Starts a pipeline's loop guard when pipelines have run long enough. */
class LateGuard {
  readonly #graph: Graph
  readonly #thresholdMs: number
  #startedAt = 0
  #timer: Timer | undefined
  #guard: LoopGuard | undefined
  #hasEnded = false

  constructor(graph: Graph, thresholdMs: number) {
    this.#graph = graph
    this.#thresholdMs = thresholdMs
  }

  started(): void {
    this.#startedAt = clockMs()
    const waitMs = START_AFTER_MS - ranMs
    if (loaded !== undefined && waitMs <= 0) this.#begin(loaded)
    else this.#timer = setTimeout(() => void this.#load(), Math.max(0, waitMs)).unref()
  }

  ended(): void {
    this.#hasEnded = true
    clearTimeout(this.#timer)
    this.#guard?.end()
    if (ranMs < START_AFTER_MS) ranMs += clockMs() - this.#startedAt
  }

  async #load(): Promise<void> {
    loaded = await import('./loop-guard.ts')
    if (!this.#hasEnded) this.#begin(loaded)
  }

  #begin({ LoopGuard }: typeof import('./loop-guard.ts')): void {
    this.#guard = new LoopGuard(this.#graph, this.#thresholdMs)
    this.#guard.begin()
  }
}

import { totalmem } from 'node:os'
import type { Graph } from '../engine/run/graph.ts'
import type { Stage } from '../engine/stages/stage.ts'
import { type TunedOptions, type Tuning, tuneMode } from '../engine/tuned.ts'
import { clearTimeout, clockMs, setTimeout, type Timer } from '../timers.ts'
import type { Tuner } from '../tune/tuner.ts'
import { RegionStage } from '../workers/regions/region-stage.ts'
import { confirmed } from './confirmed.ts'
import { GraphSampler } from './graph-sampler.ts'
import { SilenceBridge } from './silence-bridge.ts'
import { type TunedUnit, unitsOf } from './units.ts'

/**
 * Share of the machine's memory that the process may use by default, and what it may use beyond its
 * memory at the start.
 */
const MEMORY_SHARE = 0.5
const MEMORY_ABOVE_START = 0.25

/** Attaches a tuner to a pipeline, if any of its numbers may be tuned. */
export function tuneGraph(graph: Graph): void {
  const { tune } = graph.options
  const mode = tuneMode(tune) ?? 'continuous'
  if (mode === 'off') return
  const wantsAll = tune !== undefined
  if (!wantsAll && !graph.stages.some(hasRange)) return
  const tuner = new GraphTuner(graph, mode, wantsAll)
  graph.listeners.add(tuner)
  graph.listeners.add(new SilenceBridge(graph))
  graph.tuning = () => tuner.tuning
}

function hasRange(stage: Stage): boolean {
  return stage.range !== undefined || (stage instanceof RegionStage && stage.sizing.isRange)
}

/** Gives a tuner samples of a running pipeline, and applies its changes. */
class GraphTuner {
  readonly #graph: Graph
  readonly #mode: 'once' | 'continuous'
  readonly #wantsAll: boolean
  #units: readonly TunedUnit[] = []
  #tuner: Tuner | undefined
  #sampler: GraphSampler | undefined
  #timer: Timer | undefined
  #dueAt = 0

  constructor(graph: Graph, mode: 'once' | 'continuous', wantsAll: boolean) {
    this.#graph = graph
    this.#mode = mode
    this.#wantsAll = wantsAll
  }

  get tuning(): Tuning {
    const options: Record<string, TunedOptions> = {}
    for (const unit of this.#units)
      options[unit.name] = { ...options[unit.name], ...unit.options() }
    const moves = [...(this.#tuner?.moves ?? [])]
    return { moves, options: confirmed(options, moves) }
  }

  started(): void {
    this.#units = unitsOf(this.#graph, this.#wantsAll)
    if (this.#units.length === 0) return
    this.#sampler = new GraphSampler(this.#graph, this.#units)
    void this.#load(memoryOf(this.#graph))
  }

  /** Most programs let nothing be tuned, so the tuner is loaded only here. */
  async #load(memoryBytes: number): Promise<void> {
    const { Tuner } = await import('../tune/tuner.ts')
    const units = this.#units.map((unit) => unit.describe())
    this.#tuner = new Tuner({ mode: this.#mode, memoryBytes, units })
    if (this.#graph.endedAt === 0) this.#wait(FIRST_MS)
  }

  ended(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Whether workers of a region are starting, so that nothing can be measured. */
  get #isStarting(): boolean {
    return this.#units.some(({ pool }) => pool?.isStarting === true)
  }

  #wait(ms: number): void {
    this.#dueAt = clockMs() + ms
    this.#timer = setTimeout(() => this.#tick(), ms)
    // Unreferenced, so that it does not keep the process alive.
    this.#timer.unref()
  }

  #tick(): void {
    const [tuner, sampler] = [this.#tuner, this.#sampler]
    if (tuner === undefined || sampler === undefined || this.#graph.endedAt > 0) return
    const sample = sampler.read(Math.max(0, clockMs() - this.#dueAt))
    // No items are consumed, so nothing can be measured.
    if (this.#graph.isPaused) {
      tuner.interrupt(sample)
      this.#wait(PAUSED_MS)
      return
    }
    const isEarly = sampler.isVague || this.#isStarting
    const { changes, waitMs } = isEarly ? tuner.watch(sample) : tuner.next(sample)
    if (changes.length > 0)
      this.#graph.reader.inScope(() => {
        for (const { unit, option, value } of changes) this.#units[unit]?.set(option, value)
      })
    if (!tuner.isDone) this.#wait(waitMs)
  }
}

const FIRST_MS = 50
const PAUSED_MS = 250

/** Number of bytes that the process may use. */
function memoryOf(graph: Graph): number {
  const { tune } = graph.options
  const given = typeof tune === 'object' ? tune.maxMemoryBytes : undefined
  if (given !== undefined) return given
  // Not every runtime has it.
  const constrained = process.constrainedMemory?.() ?? 0
  const total = constrained > 0 && constrained < totalmem() ? constrained : totalmem()
  return Math.max(MEMORY_SHARE * total, process.memoryUsage.rss() + MEMORY_ABOVE_START * total)
}

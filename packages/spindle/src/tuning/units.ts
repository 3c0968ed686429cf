import type { WorkerNumber } from '../engine/executor.ts'
import type { Graph } from '../engine/run/graph.ts'
import type { Stage } from '../engine/stages/stage.ts'
import { TaskStage } from '../engine/stages/task-stage.ts'
import type { TunedOptions } from '../engine/tuned.ts'
import type { Unit } from '../tune/tune-types.ts'
import { RegionStage } from '../workers/regions/region-stage.ts'
import { StageProxy } from '../workers/regions/stage-proxy.ts'

/** Maximum capacity of an exit queue. */
const MOST_PLACES = 64

/** Something whose size is tuned: a stage, a pool, or the workers of a region. */
export interface TunedUnit {
  readonly name: string
  /** The stage by which it is measured; for a pool, the first stage that runs in it. */
  readonly stage: Stage
  readonly pool: WorkerNumber | undefined
  /** Number of copies of the stage, to each of which the bound applies. */
  readonly copies: number
  /** Whether results leave through the exit queues of the stage, so that these show who waits. */
  readonly hasExit: boolean
  describe(): Unit
  set(option: 'concurrency' | 'workers' | 'buffer', value: number): void
  /** The current numbers. */
  options(): TunedOptions
}

/**
 * The tunable units of a graph: stages with a range, and with `wantsAll` also the pools that they
 * run in. Pools that were made with a range are always included.
 */
export function unitsOf(graph: Graph, wantsAll: boolean): readonly TunedUnit[] {
  const names = new Set<string>()
  const pools = new Set<WorkerNumber>()
  const stages = graph.stages.flatMap((stage): readonly TunedUnit[] => {
    const { range } = stage
    const name = nameOf(stage, names)
    const unit = range === undefined ? [] : [new StageUnit(name, stage, range)]
    const executor = graph.remote.find(({ stage: id }) => id === stage.info.id)?.executor()
    const region = stage instanceof RegionStage ? stage : undefined
    const pool = region?.sizing ?? executor?.sizing
    if (
      pool === undefined ||
      pools.has(pool) ||
      pool.min >= pool.max ||
      !(wantsAll || pool.isRange)
    )
      return unit
    pools.add(pool)
    return [...unit, region ? new RegionUnit(name, region) : new PoolUnit(name, stage, pool)]
  })
  return stages
}

function nameOf({ info: { name, id } }: Stage, names: Set<string>): string {
  const own = names.has(name) ? `${name} (${id})` : name
  names.add(own)
  return own
}

class StageUnit implements TunedUnit {
  readonly name: string
  readonly stage: Stage
  readonly pool = undefined
  readonly hasExit = true
  readonly #range: { readonly min: number; readonly max: number }
  readonly #hasBuffer: boolean
  readonly #places: number

  constructor(name: string, stage: Stage, range: { readonly min: number; readonly max: number }) {
    this.name = name
    this.stage = stage
    this.#range = range
    this.#hasBuffer = stage instanceof TaskStage
    this.#places = stage.exits[0]?.capacity ?? 1
  }

  get copies(): number {
    return this.stage instanceof StageProxy ? this.stage.copies : 1
  }

  describe(): Unit {
    const { stage, copies, name } = this
    const places = this.#places
    const buffer = { min: places, max: Math.max(MOST_PLACES, places), value: places }
    const isOrdered = stage instanceof TaskStage && stage.reorderBuffer !== undefined
    return {
      name,
      option: 'concurrency',
      ...this.#range,
      value: Math.max(1, Math.round(callsOf(stage) / copies)),
      isOrdered,
      ...(this.#hasBuffer ? { buffer } : {}),
    }
  }

  set(option: string, value: number): void {
    if (option === 'buffer') this.stage.resizeBuffer(value)
    else this.stage.resize(value * this.copies)
  }

  options(): TunedOptions {
    const concurrency = Math.max(1, Math.round(callsOf(this.stage) / this.copies))
    const places = this.stage.exits[0]?.capacity ?? this.#places
    return places === this.#places ? { concurrency } : { concurrency, buffer: places }
  }
}

/** The calls that the tuner has set. */
function callsOf({ concurrency, bridging }: Stage): number {
  return concurrency - bridging
}

class PoolUnit implements TunedUnit {
  readonly name: string
  readonly stage: Stage
  readonly pool: WorkerNumber
  readonly copies = 1
  readonly hasExit: boolean = false

  constructor(name: string, stage: Stage, pool: WorkerNumber) {
    this.name = name
    this.stage = stage
    this.pool = pool
  }

  describe(): Unit {
    const { size: value, min, max } = this.pool
    return { name: this.name, option: 'workers', min, max, value }
  }

  set(_option: string, value: number): void {
    this.pool.resize(value)
  }

  options(): TunedOptions {
    return { executor: { size: this.pool.size } }
  }
}

class RegionUnit implements TunedUnit {
  readonly name: string
  readonly stage: RegionStage
  readonly copies = 1
  readonly hasExit = true

  constructor(name: string, stage: RegionStage) {
    this.name = name
    this.stage = stage
  }

  get pool(): WorkerNumber {
    return this.stage.sizing
  }

  describe(): Unit {
    const { size: value, min, max } = this.pool
    return { name: this.name, option: 'workers', min, max, value }
  }

  set(_option: string, value: number): void {
    this.pool.resize(value)
  }

  options(): TunedOptions {
    return { workers: { count: this.pool.size } }
  }
}

import { freeCores } from '../core-budget.ts'
import type { RegionConfig, RegionWorkersConfig, StageConfig } from '../engine/config.ts'
import type { Queue } from '../engine/flow/queue.ts'
import type { GraphAssembler, WorkerServices } from '../engine/run/worker-services.ts'
import { rangeOf } from '../engine/tuned.ts'
import { ThreadPool } from './calls/thread-pool.ts'
import { RegionStage } from './regions/region-stage.ts'
import { StageProxy } from './regions/stage-proxy.ts'
import { checkNesting, isNested } from './supervise/nesting.ts'

/** The workers of this package, for a `Pipeline`. */
export const workerServices: WorkerServices = {
  makeThreads: (size = freeCores()) => new ThreadPool({ size }),
  checkNesting: (hrefs) => {
    if (isNested()) checkNesting(hrefs)
  },
  assembleRegion,
}

/**
 * Adds the stages of a region to a graph: the stage that communicates with the workers, and a proxy
 * for each stage that runs in them. Returns the exit queue.
 */
export function assembleRegion(
  assembler: GraphAssembler,
  input: Queue,
  config: RegionConfig,
): Queue {
  const { workers, stages } = config
  const info = assembler.info(config.name, workers.count, config.where)
  const inner: StageProxy[] = []
  addInner(assembler, stages, workers, [info.id], inner)
  const maxFailures = assembler.options.maxFailures ?? 0
  const region = new RegionStage(info, assembler.graph, input, config, inner, maxFailures)
  assembler.add(region)
  for (const stage of inner) assembler.add(stage)
  return region.exit
}

/**
 * Makes the proxies of a region's stages, in the order in which the workers make the stages.
 * Returns the id of the last one.
 */
function addInner(
  assembler: GraphAssembler,
  configs: readonly StageConfig[],
  of: RegionWorkersConfig,
  from: readonly number[],
  into: StageProxy[],
): readonly number[] {
  const { options, graph } = assembler
  const { count: workers, kind } = of
  let upstream = from
  for (const config of configs) {
    const { name, where } = config
    const isPipe = config.kind === 'pipe'
    const maxFailures = (isPipe ? config.maxFailures : undefined) ?? options.maxFailures ?? 0
    const timeoutMs = isPipe ? config.timeoutMs : undefined
    const range = isPipe ? rangeOf(config, options.tune) : undefined
    const add = (named: string, concurrency: number, role: 'op' | 'merge' | 'other'): void => {
      const info = assembler.info(named, concurrency * workers, where)
      const settings = { maxFailures, timeoutMs, workers, upstream, kind, role, range }
      into.push(new StageProxy(info, graph, settings))
      upstream = [info.id]
    }
    if (config.kind === 'aggregate') assembler.skipAggregate()
    add(name, isPipe ? config.concurrency : 1, isPipe ? 'op' : 'other')
    if (config.kind !== 'variants') continue
    const router = upstream
    upstream = config.paths.flatMap((path) => addInner(assembler, path, of, router, into))
    add(`${name}_merge`, 1, 'merge')
  }
  return upstream
}

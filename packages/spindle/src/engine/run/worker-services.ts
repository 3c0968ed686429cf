import type { RegionConfig } from '../config.ts'
import type { Executor } from '../executor.ts'
import type { Queue } from '../flow/queue.ts'
import type { GraphContext } from '../stages/graph-context.ts'
import type { Stage } from '../stages/stage.ts'
import type { BuildOptions, StageInfo } from '../types.ts'

/**
 * The services of `workers/` that the engine needs. The code that makes a `Pipeline` passes them
 * in, so that the engine does not import `workers/`.
 */
export interface WorkerServices {
  /**
   * Makes the pipeline's own threads, for ops by reference without an executor. `size` is their
   * number. Default: the number of cores.
   */
  makeThreads(size: number | undefined): OwnThreads
  /**
   * Called before a pipeline starts workers that load these modules. @throws `ERR_WORKER_MODULE` if
   * the workers would start further workers without end.
   */
  checkNesting(hrefs: readonly string[]): void
  /** Adds the stages of a region. Returns its exit queue. */
  assembleRegion(assembler: GraphAssembler, input: Queue, config: RegionConfig): Queue
}

/** Threads that belong to one pipeline. */
export interface OwnThreads extends Executor {
  close(): Promise<void>
}

/** Makes the stages of a graph. Stage kinds outside the engine use this interface. */
export interface GraphAssembler {
  readonly graph: GraphContext
  readonly options: BuildOptions
  /** Makes the description of the next stage. Stages are numbered in this order. */
  info(name: string, concurrency: number, where: string | undefined): StageInfo
  add<S extends Stage>(stage: S): S
  /** Takes a number for an aggregate that is made elsewhere. */
  skipAggregate(): void
}

import type { RegionConfig } from '../config.ts'
import type { Executor } from '../executor.ts'
import type { Queue } from '../flow/queue.ts'
import type { GraphContext } from '../stages/graph-context.ts'
import type { Stage } from '../stages/stage.ts'
import type { BuildOptions, StageInfo } from '../types.ts'

/**
 * What the engine asks of the package's workers. Whoever makes a `Pipeline` hands it in, so that
 * the engine knows no worker.
 */
export interface WorkerServices {
  /**
   * Makes the pipeline's own threads, for ops by reference that have no executor. `size`: how many;
   * by default as many as there are cores.
   */
  makeThreads(size: number | undefined): OwnThreads
  /**
   * A pipeline is about to start workers that load these modules. @throws `ERR_WORKER_MODULE` if
   * that would go on without end
   */
  checkNesting(hrefs: readonly string[]): void
  /** Adds the stages of a region; returns its exit queue. */
  assembleRegion(assembler: GraphAssembler, input: Queue, config: RegionConfig): Queue
}

/** Threads that belong to one pipeline. */
export interface OwnThreads extends Executor {
  close(): Promise<void>
}

/** What makes the stages of a graph, for a stage kind that is made elsewhere. */
export interface GraphAssembler {
  readonly host: GraphContext
  readonly options: BuildOptions
  /** What the next stage is known by; its number is one more than that of the one before. */
  info(name: string, concurrency: number, where: string | undefined): StageInfo
  add<S extends Stage>(stage: S): S
  /** Counts an aggregate that is made elsewhere. */
  skipAggregate(): void
}

import { SpindleError } from '../../errors.ts'
import type {
  MergeConfig,
  PipelineConfig,
  SourceConfig,
  StageConfig,
  VariantsConfig,
} from '../config.ts'
import type { Executor } from '../executor.ts'
import { Queue } from '../flow/queue.ts'
import { CustomMergeStage } from '../routing/custom-merge-stage.ts'
import { JoinStage } from '../routing/join-stage.ts'
import { MergeStage } from '../routing/merge-stage.ts'
import { RouterStage } from '../routing/router-stage.ts'
import { AggregateStage } from '../stages/aggregate-stage.ts'
import { remoteOp } from '../stages/context.ts'
import type { GraphContext } from '../stages/graph-context.ts'
import { PipeStage } from '../stages/pipe-stage.ts'
import { SinkStage } from '../stages/sink-stage.ts'
import { SourceStage } from '../stages/source-stage.ts'
import type { Stage } from '../stages/stage.ts'
import { rangeOf } from '../tuned.ts'
import type { BuildOptions, StageInfo } from '../types.ts'
import { isWorkerOp, type WorkerOp } from '../worker-op.ts'
import type { GraphAssembler, WorkerServices } from './worker-services.ts'

/** The stages of a graph in the order of building: depth first, a merge before its inputs. */
export interface AssembledStages {
  readonly stages: readonly Stage[]
  readonly sources: readonly SourceStage[]
  readonly sink: SinkStage
  /** The stages whose ops run in an executor, with the executor and the number of calls. */
  readonly remote: readonly RemoteStage[]
}

export interface RemoteStage {
  readonly executor: () => Executor
  readonly calls: number
  /** The op's module. */
  readonly href: string
  /** Number of the stage. */
  readonly stage: number
}

/** Capacity of the queues between a router and its paths. */
const PATH_BUFFER = 2

/** Makes the stages of a configuration and connects them by their queues. */
export function assemble(
  config: PipelineConfig,
  options: BuildOptions,
  graph: GraphContext,
  workers: WorkerServices,
): AssembledStages {
  checkContinuous(config.source)
  const assembler = new Assembler(options, graph, workers)
  const last = assembler.chain(config.source, config.stages)
  const sink = assembler.add(
    new SinkStage(assembler.info('sink', 1, undefined), graph, last, config.sink.bufferSize),
  )
  return { stages: assembler.stages, sources: assembler.sources, sink, remote: assembler.remote }
}

/**
 * Makes stages that take from an existing queue: the stages of a region. Their numbers begin with
 * `firstId`.
 */
export function assembleStages(
  input: Queue,
  configs: readonly StageConfig[],
  options: BuildOptions,
  graph: GraphContext,
  firstId: number,
): { readonly stages: readonly Stage[]; readonly exit: Queue } {
  const assembler = new Assembler(options, graph, undefined, firstId)
  const exit = assembler.follow(input, configs)
  return { stages: assembler.stages, exit }
}

class Assembler implements GraphAssembler {
  readonly stages: Stage[] = []
  readonly sources: SourceStage[] = []
  readonly remote: RemoteStage[] = []
  readonly options: BuildOptions
  readonly graph: GraphContext
  readonly #workers: WorkerServices | undefined
  #nextId: number
  #nextOrdinal = 0
  #nextAggregate = 0

  constructor(
    options: BuildOptions,
    graph: GraphContext,
    workers: WorkerServices | undefined,
    firstId = 0,
  ) {
    this.options = options
    this.graph = graph
    this.#workers = workers
    this.#nextId = firstId
  }

  /** An aggregate in a region also takes a number. */
  skipAggregate(): void {
    this.#nextAggregate++
  }

  info(name: string, concurrency: number, where: string | undefined): StageInfo {
    return Object.freeze({
      pipeline: this.graph.pipelineId,
      id: this.#nextId++,
      name,
      concurrency,
      where,
    })
  }

  add<S extends Stage>(stage: S): S {
    this.stages.push(stage)
    return stage
  }

  /** Makes a source (or merge) and the stages after it. Returns the last exit queue. */
  chain(start: SourceConfig | MergeConfig, stages: readonly StageConfig[]): Queue {
    return this.follow(start.kind === 'source' ? this.#source(start) : this.#merge(start), stages)
  }

  /** Makes stages one after another. Returns the last exit queue. */
  follow(input: Queue, stages: readonly StageConfig[]): Queue {
    return stages.reduce((queue, stage) => this.#stage(queue, stage), input)
  }

  #source(config: SourceConfig): Queue {
    const info = this.info(config.name, 1, config.where)
    const source = this.add(new SourceStage(info, this.graph, config, this.#nextOrdinal++))
    this.sources.push(source)
    return source.exit
  }

  #merge(config: MergeConfig): Queue {
    const info = this.info(config.name, 1, config.where)
    const ordinal = this.#nextOrdinal++
    const at = this.stages.length
    const sources: SourceStage[][] = []
    const inputs = config.inputs.map((input) => {
      const first = this.sources.length
      const queue = this.chain(input.source, input.stages)
      sources.push(this.sources.slice(first))
      return queue
    })
    const stage =
      config.op === undefined
        ? new MergeStage(
            info,
            this.graph,
            inputs,
            config.buffer,
            config.stopsFirst ? sources : undefined,
          )
        : new CustomMergeStage(info, this.graph, inputs, config.buffer, config.op, ordinal)
    this.stages.splice(at, 0, stage)
    return stage.exit
  }

  #stage(input: Queue, config: StageConfig): Queue {
    if (config.kind === 'variants') return this.#variants(input, config)
    if (config.kind === 'region') {
      if (this.#workers === undefined)
        throw new SpindleError('ERR_BAD_STATE', 'a region cannot be inside another region')
      return this.#workers.assembleRegion(this, input, config)
    }
    if (config.kind === 'aggregate') {
      const info = this.info(config.name, 1, config.where)
      return this.add(
        new AggregateStage(
          info,
          this.graph,
          input,
          functionOf(config.make),
          this.#nextAggregate++,
          config.dropLast,
          config.buffer,
          this.options.maxFailures ?? 0,
        ),
      ).exit
    }
    const info = this.info(config.name, config.concurrency, config.where)
    const { run, executor } = config
    const where = (): Executor => executor ?? this.graph.threads
    if (isWorkerOp(run))
      this.remote.push({
        executor: where,
        calls: config.concurrency,
        href: run.href,
        stage: info.id,
      })
    const settings = {
      ...config,
      op: isWorkerOp(run) ? remoteOp(run, where, info.id, config.timeoutMs) : run,
      code: run === config.op && !config.isElements ? run : undefined,
      runsElsewhere: isWorkerOp(run),
      executorOf: isWorkerOp(run) ? where : undefined,
      range: rangeOf(config, this.options.tune),
      reportsStart: isWorkerOp(run) && (executor === undefined || executor.reportsStart === true),
      maxFailures: config.maxFailures ?? this.options.maxFailures ?? 0,
    }
    return this.add(new PipeStage(info, this.graph, input, settings)).exit
  }

  #variants(input: Queue, config: VariantsConfig): Queue {
    const info = this.info(config.name, 1, config.where)
    const at = this.stages.length
    const entries = config.paths.map(() => new Queue(PATH_BUFFER, undefined))
    const ends = config.paths.map((path, i) => this.follow(entries[i] as Queue, path))
    const joinInfo = this.info(`${config.name}_merge`, 1, config.where)
    const join = config.batched
      ? new JoinStage(joinInfo, this.graph, ends, config.buffer)
      : new MergeStage(joinInfo, this.graph, ends, config.buffer)
    const parts = join instanceof JoinStage ? join : undefined
    const router = new RouterStage(
      info,
      this.graph,
      input,
      functionOf(config.router),
      entries,
      parts,
      config.lookAhead,
    )
    this.stages.splice(at, 0, router)
    return this.add(join).exit
  }
}

/**
 * Returns the function of a stage outside regions, where the builder accepts only functions.
 * @throws `ERR_BAD_STATE` for a configuration that the builder has not made.
 */
function functionOf<F extends (...args: never[]) => unknown>(
  given: F | WorkerOp<never, unknown>,
): F {
  if (typeof given === 'function') return given
  throw new SpindleError(
    'ERR_BAD_STATE',
    `${given.exportName} of ${given.href} is given by reference, which needs a region`,
  )
}

/**
 * Whether a chain begins with continuous sources. @throws `ERR_MIXED_CONTINUOUS` if only some of
 * its sources are continuous.
 */
function checkContinuous(start: SourceConfig | MergeConfig): boolean {
  if (start.kind === 'source') return start.continuous
  const kinds = start.inputs.map((input) => checkContinuous(input.source))
  if (kinds.some((isContinuous) => isContinuous !== kinds[0])) {
    throw new SpindleError(
      'ERR_MIXED_CONTINUOUS',
      'all sources of a merge must be continuous, or none of them',
    )
  }
  return kinds[0] ?? false
}

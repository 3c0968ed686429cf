import { SpindleError } from '../errors.ts'
import type { Executor } from '../placement/executor.ts'
import { isWorkerOp, type WorkerOp } from '../placement/worker-op.ts'
import { AggregateStage } from './aggregate-stage.ts'
import type {
  MergeConfig,
  PipelineConfig,
  RegionConfig,
  RegionWorkersConfig,
  SourceConfig,
  StageConfig,
  VariantsConfig,
} from './config.ts'
import { CustomMergeStage } from './custom-merge-stage.ts'
import type { Host } from './host.ts'
import { InnerStage } from './inner-stage.ts'
import { JoinStage } from './join-stage.ts'
import { MergeStage } from './merge-stage.ts'
import { PipeStage } from './pipe-stage.ts'
import { Queue } from './queue.ts'
import { RegionStage } from './region-stage.ts'
import { remoteOp } from './remote-op.ts'
import { RouterStage } from './router-stage.ts'
import { SinkStage } from './sink-stage.ts'
import { SourceStage } from './source-stage.ts'
import type { Stage } from './stage.ts'
import { rangeOf } from './tuned.ts'
import type { BuildOptions, StageInfo } from './types.ts'

/** The stages of a graph, in building order: depth first, a merge before its inputs. */
export interface Wired {
  readonly stages: readonly Stage[]
  readonly sources: readonly SourceStage[]
  readonly sink: SinkStage
  /** Stages whose ops run elsewhere: where, and how many calls at a time. */
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

/** Makes the stages of a configuration and joins them by their queues. */
export function wire(config: PipelineConfig, options: BuildOptions, host: Host): Wired {
  checkContinuous(config.source)
  const wiring = new Wiring(options, host)
  const last = wiring.chain(config.source, config.stages)
  const sink = wiring.add(
    new SinkStage(wiring.info('sink', 1, undefined), host, last, config.sink.bufferSize),
  )
  return { stages: wiring.stages, sources: wiring.sources, sink, remote: wiring.remote }
}

/** Makes stages that take from a queue that is there already: those of a region. Their numbers begin with `firstId`. */
export function wireStages(
  input: Queue,
  configs: readonly StageConfig[],
  options: BuildOptions,
  host: Host,
  firstId: number,
): { readonly stages: readonly Stage[]; readonly exit: Queue } {
  const wiring = new Wiring(options, host, firstId)
  const exit = wiring.follow(input, configs)
  return { stages: wiring.stages, exit }
}

class Wiring {
  readonly stages: Stage[] = []
  readonly sources: SourceStage[] = []
  readonly remote: RemoteStage[] = []
  readonly #options: BuildOptions
  readonly #host: Host
  #nextId: number
  #nextOrdinal = 0
  #nextAggregate = 0

  constructor(options: BuildOptions, host: Host, firstId = 0) {
    this.#options = options
    this.#host = host
    this.#nextId = firstId
  }

  info(name: string, concurrency: number, where: string | undefined): StageInfo {
    return Object.freeze({ pipeline: this.#host.pipelineId, id: this.#nextId++, name, concurrency, where })
  }

  add<S extends Stage>(stage: S): S {
    this.stages.push(stage)
    return stage
  }

  /** A source (or merge) and the stages after it; returns the last exit queue. */
  chain(start: SourceConfig | MergeConfig, stages: readonly StageConfig[]): Queue {
    return this.follow(start.kind === 'source' ? this.#source(start) : this.#merge(start), stages)
  }

  /** Stages one after the other; returns the last exit queue. */
  follow(input: Queue, stages: readonly StageConfig[]): Queue {
    return stages.reduce((queue, stage) => this.#stage(queue, stage), input)
  }

  #source(config: SourceConfig): Queue {
    const info = this.info(config.name, 1, config.where)
    const source = this.add(new SourceStage(info, this.#host, config, this.#nextOrdinal++))
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
        ? new MergeStage(info, this.#host, inputs, config.buffer, config.stopsFirst ? sources : undefined)
        : new CustomMergeStage(info, this.#host, inputs, config.buffer, config.op, ordinal)
    this.stages.splice(at, 0, stage)
    return stage.exit
  }

  #stage(input: Queue, config: StageConfig): Queue {
    if (config.kind === 'variants') return this.#variants(input, config)
    if (config.kind === 'region') return this.#region(input, config)
    if (config.kind === 'aggregate') {
      const info = this.info(config.name, 1, config.where)
      return this.add(
        new AggregateStage(
          info,
          this.#host,
          input,
          functionOf(config.make),
          this.#nextAggregate++,
          config.dropLast,
          config.buffer,
          this.#options.maxFailures ?? 0,
        ),
      ).exit
    }
    const info = this.info(config.name, config.concurrency, config.where)
    const { run, executor } = config
    const where = (): Executor => executor ?? this.#host.threads
    if (isWorkerOp(run))
      this.remote.push({ executor: where, calls: config.concurrency, href: run.href, stage: info.id })
    const settings = {
      ...config,
      op: isWorkerOp(run) ? remoteOp(run, where, info.id, config.timeoutMs) : run,
      code: run === config.op && !config.isElements ? run : undefined,
      runsElsewhere: isWorkerOp(run),
      executorOf: isWorkerOp(run) ? where : undefined,
      range: rangeOf(config, this.#options.tune),
      reportsStart: isWorkerOp(run) && (executor === undefined || executor.reportsStart === true),
      maxFailures: config.maxFailures ?? this.#options.maxFailures ?? 0,
    }
    return this.add(new PipeStage(info, this.#host, input, settings)).exit
  }

  #region(input: Queue, config: RegionConfig): Queue {
    const { workers, stages } = config
    const info = this.info(config.name, workers.count, config.where)
    const inner: InnerStage[] = []
    this.#inner(stages, workers, [info.id], inner)
    const region = new RegionStage(info, this.#host, input, config, inner, this.#options.maxFailures ?? 0)
    this.stages.push(region, ...inner)
    return region.exit
  }

  /** Makes what stands for a region's stages on this side, in the order in which the workers make them; returns the last one's id. */
  #inner(
    configs: readonly StageConfig[],
    of: RegionWorkersConfig,
    from: readonly number[],
    into: InnerStage[],
  ): readonly number[] {
    const { count: workers, kind } = of
    let upstream = from
    for (const config of configs) {
      const { name, where } = config
      const isPipe = config.kind === 'pipe'
      const maxFailures = (isPipe ? config.maxFailures : undefined) ?? this.#options.maxFailures ?? 0
      const timeoutMs = isPipe ? config.timeoutMs : undefined
      const range = isPipe ? rangeOf(config, this.#options.tune) : undefined
      const add = (named: string, concurrency: number, role: 'op' | 'merge' | 'other'): void => {
        const info = this.info(named, concurrency * workers, where)
        const settings = { maxFailures, timeoutMs, workers, upstream, kind, role, range }
        into.push(new InnerStage(info, this.#host, settings))
        upstream = [info.id]
      }
      if (config.kind === 'aggregate') this.#nextAggregate++
      add(name, isPipe ? config.concurrency : 1, isPipe ? 'op' : 'other')
      if (config.kind !== 'variants') continue
      const router = upstream
      upstream = config.paths.flatMap((path) => this.#inner(path, of, router, into))
      add(`${name}_merge`, 1, 'merge')
    }
    return upstream
  }

  #variants(input: Queue, config: VariantsConfig): Queue {
    const info = this.info(config.name, 1, config.where)
    const at = this.stages.length
    const entries = config.paths.map(() => new Queue(PATH_BUFFER, undefined))
    const ends = config.paths.map((path, i) => this.follow(entries[i] as Queue, path))
    const joinInfo = this.info(`${config.name}_merge`, 1, config.where)
    const join = config.batched
      ? new JoinStage(joinInfo, this.#host, ends, config.buffer)
      : new MergeStage(joinInfo, this.#host, ends, config.buffer)
    const parts = join instanceof JoinStage ? join : undefined
    const router = new RouterStage(
      info,
      this.#host,
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

/** What the builder lets through outside of regions. @throws `ERR_BAD_STATE` for a configuration that it has not made. */
function functionOf<F extends (...args: never[]) => unknown>(given: F | WorkerOp<never, unknown>): F {
  if (typeof given === 'function') return given
  throw new SpindleError(
    'ERR_BAD_STATE',
    `${given.exportName} of ${given.href} is given by reference, which needs a region`,
  )
}

/** Whether a chain begins with continuous sources. @throws `ERR_MIXED_CONTINUOUS` if some of them are and some are not. */
function checkContinuous(start: SourceConfig | MergeConfig): boolean {
  if (start.kind === 'source') return start.continuous
  const kinds = start.inputs.map((input) => checkContinuous(input.source))
  if (kinds.some((isContinuous) => isContinuous !== kinds[0])) {
    throw new SpindleError(
      'ERR_MIXED_CONTINUOUS',
      'Mixed continuous mode: either all sources of a merge are continuous or none is',
    )
  }
  return kinds[0] ?? false
}

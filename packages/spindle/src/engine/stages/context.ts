import { hashText, Rng } from '../../random.ts'
import type { CallContext, Executor, WorkerSpan } from '../executor.ts'
import type { Item, Path } from '../flow/item.ts'
import type { Timing } from '../stats/task-timer.ts'
import type { StageContext, StageInfo } from '../types.ts'
import type { WorkerOp } from '../worker-op.ts'
import type { Stage } from './stage.ts'

export { seesContext } from '../../sees-context.ts'

/**
 * The context of an op call. Each call makes one, so it holds only what it must. Random generator
 * and signal are made when first used.
 */
export class TaskContext implements StageContext {
  private readonly owner: Stage
  private readonly subject: Item
  private readonly timing: Timing | undefined
  private generator?: Rng

  constructor(stage: Stage, item: Item, timing?: Timing) {
    this.owner = stage
    this.subject = item
    this.timing = timing
  }

  get attempt(): number {
    return 1
  }

  get index(): number {
    return this.subject.index
  }

  get stage(): StageInfo {
    return this.owner.info
  }

  get signal(): AbortSignal {
    return this.owner.signalOf(this.subject)
  }

  get rng(): Rng {
    this.generator ??= Rng.from(...this.rngKey)
    return this.generator
  }

  alloc(byteLength: number): Uint8Array {
    return new Uint8Array(byteLength)
  }

  /** The key of {@link rng}. It is plain data, so that a worker can make the same generator. */
  get rngKey(): readonly number[] {
    return rngKeyOf(this.owner, this.subject)
  }

  /** The signal for an executor. All calls of the stage share it, unless the call has its own. */
  get sharedSignal(): AbortSignal {
    return this.owner.signal
  }

  /** If the stage is traced: called by an executor that reports where and when it ran the op. */
  get onSpan(): ((span: WorkerSpan) => void) | undefined {
    const { tracer } = this.owner
    return tracer === undefined ? undefined : (span) => tracer.ran(this.subject, span)
  }

  /** If anything needs it: called by an executor when the op begins. */
  get onStart(): ((agoMs?: number) => void) | undefined {
    return this.timing?.onStart(this.owner.reportsStart)
  }
}

/** The item of an op's call, for code that wraps ops. */
export function subjectOf(context: StageContext): Item {
  return (context as unknown as { readonly subject: Item }).subject
}

/** The stage of an executor's call; `undefined` if no stage of this loop made it. */
export function stageOf(context: CallContext | undefined): Stage | undefined {
  return context instanceof TaskContext
    ? (context as unknown as { readonly owner: Stage }).owner
    : undefined
}

/** The context of one attempt in a stage with retries, time limits or hooks. */
export class AttemptContext extends TaskContext {
  private readonly number: number
  private readonly ownSignal: AbortSignal | undefined
  private readonly startListener: (() => void) | undefined

  /** `signal`: the attempt's own signal, if it has one. */
  constructor(
    stage: Stage,
    item: Item,
    attempt: number,
    signal: AbortSignal | undefined,
    onStart?: () => void,
  ) {
    super(stage, item)
    this.number = attempt
    this.ownSignal = signal
    this.startListener = onStart
  }

  override get sharedSignal(): AbortSignal {
    return this.ownSignal ?? super.sharedSignal
  }

  override get onStart(): (() => void) | undefined {
    return this.startListener
  }

  override get attempt(): number {
    return this.number
  }

  override get signal(): AbortSignal {
    return this.ownSignal ?? super.signal
  }
}

/**
 * The key consists of seed, stage name, source, epoch, position in the source, and the positions
 * among the outputs of generators. With the stage name, two stages draw different numbers for an
 * item, and adding another stage changes nothing.
 */
function rngKeyOf(stage: Stage, item: Item): number[] {
  const key = [
    stage.graph.seed,
    hashText(stage.info.name),
    item.origin.source,
    item.origin.epoch,
    item.index,
  ]
  const positions: number[] = []
  for (let path: Path | undefined = item.path; path !== undefined; path = path.parent)
    positions.push(path.position)
  return [...key, ...positions.reverse()]
}

/**
 * Makes the function that a stage calls for an op that runs elsewhere. `executor` is called at the
 * first item, because it may create the executor. Calls with a higher `priority`, nearer to the
 * sink, go first.
 */
export function remoteOp(
  op: WorkerOp<never, unknown>,
  executor: () => Executor,
  priority: number,
  timeoutMs: number | undefined,
): (item: unknown, context: StageContext) => Promise<unknown> {
  const { href: filename, exportName: name, init, initArgs, bound } = op
  let chosen: Executor | undefined
  return (item, context) => {
    chosen ??= executor()
    const { sharedSignal: signal, onStart, onSpan } = context as TaskContext
    return chosen.run(item, {
      filename,
      name,
      init,
      initArgs,
      bound,
      signal,
      context: context as TaskContext,
      priority,
      timeoutMs,
      onStart,
      onSpan,
    })
  }
}

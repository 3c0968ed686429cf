import { hashText, Rng } from '../../random.ts'
import type { WorkerSpan } from '../executor.ts'
import type { Item, Path } from '../flow/item.ts'
import type { Timing } from '../stats/task-timer.ts'
import type { StageContext, StageInfo } from '../types.ts'
import type { Stage } from './stage.ts'

export { seesContext } from '../../sees-context.ts'

/**
 * The context of a call of an op. One is made for each call, so it holds only what it must;
 * generator and signal are made when first asked for.
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

  /** What {@link rng} is made from; plain data, so that a worker can make the same. */
  get rngKey(): readonly number[] {
    return rngKeyOf(this.owner, this.subject)
  }

  /**
   * The signal for an executor: one for all calls of the stage, where the call has none of its own.
   */
  get sharedSignal(): AbortSignal {
    return this.owner.signal
  }

  /** Called by an executor that can tell where and when it ran the op, if the stage is traced. */
  get onSpan(): ((span: WorkerSpan) => void) | undefined {
    const { tracer } = this.owner
    return tracer === undefined ? undefined : (span) => tracer.ran(this.subject, span)
  }

  /** Called by an executor that can tell when the op begins, if anybody wants to know. */
  get onStart(): (() => void) | undefined {
    return this.timing?.onStart(this.owner.reportsStart)
  }
}

/** The item that an op is called with, for who wraps ops. */
export function subjectOf(context: StageContext): Item {
  return (context as unknown as { readonly subject: Item }).subject
}

/** The context of one of several attempts, or of one that has a limit. */
export class AttemptContext extends TaskContext {
  private readonly number: number
  private readonly ownSignal: AbortSignal | undefined
  private readonly startListener: (() => void) | undefined

  /** `signal`: that of the attempt, where it has one of its own. */
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
 * Key: seed, name of the stage, source, epoch, position in the source, then the positions among the
 * outputs of generators. The name keeps two stages from drawing the same numbers for an item;
 * adding a stage elsewhere changes nothing.
 */
function rngKeyOf(stage: Stage, item: Item): number[] {
  const key = [
    stage.host.seed,
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

import { type InspectOptions, inspect } from 'node:util'
import { pipelineStack, printFailure, quoted, stageStack } from './failure-text.ts'
import { peek } from './user-code.ts'

/**
 * Stable codes of the errors that Spindle throws. They stay the same when an error crosses threads,
 * so match on codes instead of classes.
 */
export type ErrorCode =
  | 'ERR_BAD_OPTION'
  | 'ERR_BAD_SOURCE'
  | 'ERR_BAD_STATE'
  | 'ERR_NO_RANK'
  | 'ERR_BAD_RECORD'
  | 'ERR_HTTP'
  | 'ERR_NOT_FOUND'
  | 'ERR_EXISTS'
  | 'ERR_WRITE'
  | 'ERR_UNSUPPORTED'
  | 'ERR_READ'
  | 'ERR_NO_SOURCE'
  | 'ERR_ALREADY_STARTED'
  | 'ERR_MIXED_CONTINUOUS'
  | 'ERR_ROUTE'
  | 'ERR_LOOKUP'
  | 'ERR_NOT_ITERABLE'
  | 'ERR_TIMEOUT'
  | 'ERR_STAGE_FAILED'
  | 'ERR_UNFINISHED'
  | 'ERR_PIPELINE_FAILED'
  | 'ERR_MODULE'
  | 'ERR_NOT_TRANSFERABLE'
  | 'ERR_WORKER_DIED'
  | 'ERR_WORKER_MODULE'
  | 'ERR_WORKER_START'
  | 'ERR_POOL_CLOSED'
  | 'ERR_STALE_VIEW'
  | 'ERR_TOO_LARGE'
  | 'ERR_POOL_FULL'
  | 'ERR_RING_CLOSED'
  | 'ERR_RING_ABORTED'
  | 'ERR_BAD_CHECKPOINT'
  | 'ERR_CHECKPOINT_BROKEN'
  | 'ERR_CHECKPOINT_BUSY'
  | 'ERR_CHECKPOINT_CLOSED'
  | 'ERR_CHECKPOINT_TAKEN'
  | 'ERR_CHECKPOINT_WRITE'
  | 'ERR_NOT_REPEATABLE'
  | 'ERR_NOT_A_PIPELINE'
  | 'ERR_ITERATOR_REPLACED'
  | 'ERR_PROC_FORMAT'
  | 'ERR_NOT_RESUMABLE'
  | 'ERR_OTHER_STATE'
  | 'ERR_BAD_COMMIT'
  | 'ERR_OTHER_COPY'
  | 'ERR_PUSH_CLOSED'
  | 'ERR_PUSH_FULL'

/**
 * Defines the error's own `name`, so that subclasses can assign to it. If `Error.prototype` is
 * frozen, a first assignment is refused.
 */
function nameError(error: Error, name: string): void {
  Object.defineProperty(error, 'name', {
    value: name,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

/** Base class of the errors that Spindle throws. `code` is stable; `message` is for people. */
export class SpindleError extends Error {
  declare readonly name: string
  /**
   * The stable code of the error: `'ERR_BAD_OPTION'`, `'ERR_TIMEOUT'`, … It does not change between
   * versions.
   */
  readonly code: string

  constructor(code: ErrorCode | (string & {}), message: string, options?: ErrorOptions) {
    super(message, options)
    nameError(this, 'SpindleError')
    this.code = code
  }
}

/** A time limit was exceeded. `code` is `'ERR_TIMEOUT'`. */
export class TimeoutError extends SpindleError {
  override readonly name: string = 'TimeoutError'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_TIMEOUT', message, options)
  }
}

/**
 * The environment of the ops is broken, for example a pool. No item is to blame, so no failure
 * budget covers the error and no retry is made. Codes: `ERR_POOL_CLOSED`, `ERR_WORKER_START`,
 * `ERR_WORKER_MODULE`, `ERR_WORKER_DIED` of a remote pipeline, `ERR_CHECKPOINT_CLOSED`,
 * `ERR_CHECKPOINT_BROKEN`; from `@spindle/io`: `ERR_BACKEND_MISSING`. All other codes blame an
 * item, an argument, or a call at the wrong time.
 */
export class InfrastructureError extends SpindleError {
  override readonly name: string = 'InfrastructureError'
  /** Always true. Marks such an error even if its class comes from another copy of the package. */
  readonly isInfrastructure = true as const
}

/** Whether an error says that an executor is broken. */
export function isInfrastructureError(error: unknown): boolean {
  return typeof error === 'object' && peek(error, 'isInfrastructure') === true
}

/** An item that a stage dropped because its op failed. */
export interface ItemError {
  /** Name of the stage. */
  readonly stage: string
  /** Position of the item in its source, within the epoch, from 0. */
  readonly index: number
  /** Number of attempts, including the first. */
  readonly attempts: number
  /** The error that the op threw. */
  readonly error: unknown
  /** The input of the stage. */
  readonly item: unknown
}

/** The failure of one stage. `cause` is the error that made it fail. */
export class StageFailure extends SpindleError {
  override readonly name: string = 'StageFailure'
  /** Name of the stage; `'source'` for the source. */
  readonly stage: string
  /** Number of the stage in its pipeline, from 0, in the order of building. */
  readonly stageId: number
  /**
   * Position in its source of the item that made the stage fail, or `-1` if no item was involved.
   */
  readonly index: number
  /**
   * Number of items that failed in the stage. In input order, it counts those up to the fatal item.
   * In completion order, it counts all, including the calls in flight at that time.
   */
  readonly failures: number
  /**
   * The last failed items, at most 16. The property is not enumerable, because the contents of
   * items do not belong in logs.
   */
  declare readonly recent: readonly ItemError[]

  constructor(details: StageFailureDetails) {
    super('ERR_STAGE_FAILED', describeStageFailure(details))
    const { cause } = details
    hideBehind(this, 'cause', () => cause)
    const head = `StageFailure: ${this.message}`
    hide(this, 'stack', stageStack(head, details.stage, details.where, cause))
    this.stage = details.stage
    this.stageId = details.stageId
    this.index = details.index
    this.failures = details.failures
    hide(this, 'recent', details.recent)
  }

  /** Sets the final figures when the stage's calls in flight have ended. @internal */
  update(failures: number, recent: readonly ItemError[]): void {
    Object.assign(this, { failures, recent: [...recent] })
  }
}

/** The data of a {@link StageFailure}. */
export interface StageFailureDetails {
  readonly stage: string
  readonly stageId: number
  readonly index: number
  readonly failures: number
  readonly recent: readonly ItemError[]
  readonly cause: unknown
  /** Where the stage was added, for example `train.ts:41`. */
  readonly where: string | undefined
  /** The exceeded budget as text. */
  readonly budget?: string | undefined
}

/**
 * A pipeline ended because stages failed. Each consumer gets this error after the last good item,
 * and so do later consumers. `done` rejects with it too.
 */
export class PipelineFailure extends AggregateError {
  declare readonly name: string
  readonly code: string = 'ERR_PIPELINE_FAILED'
  declare readonly errors: StageFailure[]
  readonly #failures: StageFailure[]

  constructor(failures: readonly StageFailure[]) {
    super(failures, describePipelineFailure(failures))
    this.#failures = [...failures]
    nameError(this, 'PipelineFailure')
    hideBehind(this, 'errors', () => this.#failures)
    // Loggers print `cause`, and readers look for the error of the first stage.
    hideBehind(this, 'cause', () => this.#failures[0]?.cause)
    const head = `PipelineFailure: ${this.message}`
    const stacks = failures.map(({ stack }) => stack ?? '')
    hide(this, 'stack', pipelineStack(head, this, stacks))
  }

  /** A failure with only the stages that `predicate` accepts, or `undefined` if it accepts none. */
  filter(predicate: (failure: StageFailure) => boolean): PipelineFailure | undefined {
    const kept = this.errors.filter(predicate)
    return kept.length > 0 ? new PipelineFailure(kept) : undefined
  }
}

for (const { prototype } of [StageFailure, PipelineFailure])
  Object.defineProperty(prototype, inspect.custom, {
    value(this: StageFailure | PipelineFailure, _depth: number, options: InspectOptions): string {
      return printFailure(this, options)
    },
    enumerable: false,
    writable: true,
    configurable: true,
  })

function hide(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, {
    value,
    enumerable: false,
    writable: true,
    configurable: true,
  })
}

/**
 * Defines a property by a getter. Node prints `[Getter]` for it where it would print a value in
 * full, even one that is not enumerable.
 */
function hideBehind(error: Error, name: string, get: () => unknown): void {
  Object.defineProperty(error, name, { get, enumerable: false, configurable: true })
}

/** The `message` of any thrown value. Never throws. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    return `${typeof error === 'function' ? 'a function' : 'an object'} that cannot be shown as text`
  }
}

function describeStageFailure(details: StageFailureDetails): string {
  const where = details.where === undefined ? '' : ` (${details.where})`
  const item = details.index >= 0 ? ` on item ${details.index}` : ''
  const budget = details.budget === undefined ? '' : `, ${details.budget}`
  return `stage "${details.stage}"${where} failed${item}: ${quoted(messageOf(details.cause))}${budget}`
}

/** Number of failed stages that a pipeline's message quotes. */
const MOST_QUOTED = 3

function describePipelineFailure(failures: readonly StageFailure[]): string {
  if (failures.length === 1) return failures[0]!.message
  const quotes = failures.slice(0, MOST_QUOTED).map((failure) => failure.message)
  const more = failures.length - quotes.length
  const rest = more === 0 ? '' : `; and ${more} more`
  return `${failures.length} stages failed: ${quotes.join('; ')}${rest}`
}

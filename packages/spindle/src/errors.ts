import { type InspectOptions, inspect } from 'node:util'
import { printFailure } from './failure-text.ts'
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
    super('ERR_STAGE_FAILED', describeStageFailure(details), { cause: details.cause })
    hide(this, 'stack', `StageFailure: ${this.message}\n${placeOf(details)}`)
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

  constructor(failures: readonly StageFailure[]) {
    super(failures, describePipelineFailure(failures))
    nameError(this, 'PipelineFailure')
    // Loggers print `cause`, and readers look for the error of the first stage.
    Object.defineProperty(this, 'cause', {
      value: failures[0]?.cause,
      enumerable: false,
      configurable: true,
    })
    // The stack of this constructor shows only frames of the engine, so list the places of the
    // stages.
    const places = failures.map(({ stack }) => placesIn(stack))
    hide(this, 'stack', `PipelineFailure: ${this.message}\n${places.filter(Boolean).join('\n')}`)
  }

  /** A failure with only the stages that `predicate` accepts, or `undefined` if it accepts none. */
  filter(predicate: (failure: StageFailure) => boolean): PipelineFailure | undefined {
    const kept = this.errors.filter(predicate)
    return kept.length > 0 ? new PipelineFailure(kept) : undefined
  }
}

Object.defineProperty(PipelineFailure.prototype, inspect.custom, {
  value(this: PipelineFailure, _depth: number, options: InspectOptions): string {
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

/** The place of a stage in the form of a stack frame. */
function placeOf({ stage, where }: StageFailureDetails): string {
  return `    at stage "${stage}"${where === undefined ? '' : ` (${where})`}`
}

function placesIn(stack: string | undefined): string {
  return (stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at stage "'))
    .join('\n')
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
  return `stage "${details.stage}"${where} failed${item}: ${shortened(messageOf(details.cause))}${budget}`
}

/** Characters of a cause's message that a failure's message quotes. */
const MOST_OF_CAUSE = 1000

function shortened(text: string): string {
  return text.length <= MOST_OF_CAUSE ? text : `${text.slice(0, MOST_OF_CAUSE)}…`
}

function describePipelineFailure(failures: readonly StageFailure[]): string {
  if (failures.length === 1) return failures[0]!.message
  return `${failures.length} stages failed: ${failures.map((failure) => failure.message).join('; ')}`
}

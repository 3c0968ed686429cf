import { type InspectOptions, inspect } from 'node:util'
import { printFailure } from './failure-text.ts'
import { peek } from './user-code.ts'

/**
 * Stable codes of the errors that Spindle throws. They cross threads unchanged; match on them
 * rather than on classes.
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

/**
 * Gives an error a name of its own, which classes below may then assign to: where `Error.prototype`
 * is frozen, a first assignment is refused.
 */
function nameError(error: Error, name: string): void {
  Object.defineProperty(error, 'name', {
    value: name,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

/** Base of every error Spindle throws. `code` is stable, `message` is for people. */
export class SpindleError extends Error {
  declare readonly name: string
  /**
   * What went wrong, in a form that does not change between versions: `'ERR_BAD_OPTION'`,
   * `'ERR_TIMEOUT'`, …
   */
  readonly code: string

  constructor(code: ErrorCode | (string & {}), message: string, options?: ErrorOptions) {
    super(message, options)
    nameError(this, 'SpindleError')
    this.code = code
  }
}

/** Something took longer than it was allowed to. `code` is `'ERR_TIMEOUT'`. */
export class TimeoutError extends SpindleError {
  override readonly name: string = 'TimeoutError'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_TIMEOUT', message, options)
  }
}

/**
 * Something that ops run on is broken: no item is to blame, so no failure budget covers it and no
 * retry is made. Codes: `ERR_POOL_CLOSED`, `ERR_WORKER_START`, `ERR_WORKER_MODULE`,
 * `ERR_WORKER_DIED` of a whole pipeline elsewhere, `ERR_CHECKPOINT_CLOSED`,
 * `ERR_CHECKPOINT_BROKEN`; of `@spindle/io`: `ERR_BACKEND_MISSING`. All other codes blame an item,
 * an argument, or a call that came at the wrong time.
 */
export class InfrastructureError extends SpindleError {
  override readonly name: string = 'InfrastructureError'
  /** Always true; what tells such an error from others, also where classes differ. */
  readonly isInfrastructure = true as const
}

/** Whether an error says that an executor is broken. */
export function isInfrastructureError(error: unknown): boolean {
  return typeof error === 'object' && peek(error, 'isInfrastructure') === true
}

/** One item that a stage dropped because its op failed. */
export interface ItemError {
  /** Name of the stage. */
  readonly stage: string
  /** Position of the item in its source, within the epoch, from 0. */
  readonly index: number
  /** Attempts made, the first included. */
  readonly attempts: number
  /** What the op threw. */
  readonly error: unknown
  /** The stage's input. */
  readonly item: unknown
}

/** Why one stage failed. `cause` is the error that made it fail. */
export class StageFailure extends SpindleError {
  override readonly name: string = 'StageFailure'
  /** Name of the stage; `'source'` for the source. */
  readonly stage: string
  /** Number of the stage in its pipeline, in building order, from 0. */
  readonly stageId: number
  /** Position, in its source, of the item that was fatal; `-1` where no item was involved. */
  readonly index: number
  /**
   * Items that failed in the stage: in input order those up to the fatal one, in completion order
   * all, calls in flight at the time included.
   */
  readonly failures: number
  /** The last failed items, at most 16. Not enumerable: what items hold does not belong in logs. */
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

  /** The stage's last word, once its calls in flight have ended. @internal */
  update(failures: number, recent: readonly ItemError[]): void {
    Object.assign(this, { failures, recent: [...recent] })
  }
}

/** What a {@link StageFailure} is made from. */
export interface StageFailureDetails {
  readonly stage: string
  readonly stageId: number
  readonly index: number
  readonly failures: number
  readonly recent: readonly ItemError[]
  readonly cause: unknown
  /** Where the stage was added: `train.ts:41`. */
  readonly where: string | undefined
  /** The budget that was exceeded, in words. */
  readonly budget?: string | undefined
}

/**
 * A pipeline ended because stages failed. Thrown to each consumer after the last good item, and to
 * all later ones; `done` rejects with it too.
 */
export class PipelineFailure extends AggregateError {
  declare readonly name: string
  readonly code: string = 'ERR_PIPELINE_FAILED'
  declare readonly errors: StageFailure[]

  constructor(failures: readonly StageFailure[]) {
    super(failures, describePipelineFailure(failures))
    nameError(this, 'PipelineFailure')
    // An error's `cause` is what loggers print: the first stage's own error is what a reader looks
    // for.
    Object.defineProperty(this, 'cause', {
      value: failures[0]?.cause,
      enumerable: false,
      configurable: true,
    })
    // Where it was made is of no use to anybody: the frames are the engine's own.
    const places = failures.map(({ stack }) => placesIn(stack))
    hide(this, 'stack', `PipelineFailure: ${this.message}\n${places.filter(Boolean).join('\n')}`)
  }

  /**
   * The failure with only those stages that `predicate` accepts, or `undefined` if there are none.
   */
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

/** The place of a stage, as a stack has places. */
function placeOf({ stage, where }: StageFailureDetails): string {
  return `    at stage "${stage}"${where === undefined ? '' : ` (${where})`}`
}

function placesIn(stack: string | undefined): string {
  return (stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at stage "'))
    .join('\n')
}

/** `message` of anything that was thrown; never throws itself. */
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

/** Characters of a cause's message that stand in the message of a failure. */
const MOST_OF_CAUSE = 1000

function shortened(text: string): string {
  return text.length <= MOST_OF_CAUSE ? text : `${text.slice(0, MOST_OF_CAUSE)}…`
}

function describePipelineFailure(failures: readonly StageFailure[]): string {
  if (failures.length === 1) return failures[0]!.message
  return `${failures.length} stages failed: ${failures.map((failure) => failure.message).join('; ')}`
}

import { nodeV8 } from '../../builtins.ts'
import { show } from '../../check.ts'
import { type ItemError, PipelineFailure, StageFailure } from '../../errors.ts'
import { walk } from '../transport/walk-value.ts'
import { fromWire, toWire, type WireError } from '../transport/wire-error.ts'

// The failure of a pipeline as plain data: its stages, causes and failed items are restored on the
// other side.

/** A failed item, as plain data. */
export type WireItemError = Omit<ItemError, 'error'> & { readonly error: WireError }

interface WireStageFailure {
  readonly message: string
  readonly stack: string | undefined
  readonly stage: string
  readonly stageId: number
  readonly index: number
  readonly failures: number
  readonly recent: readonly WireItemError[]
  readonly cause: WireError
}

/** What ended a pipeline or an iteration: a `PipelineFailure`, or any other thrown value. */
export type WireFailure =
  | { readonly stages: readonly WireStageFailure[]; readonly stack: string | undefined }
  | { readonly stages: undefined; readonly error: WireError }

export function toWireFailure(thrown: unknown): WireFailure {
  if (!isPipelineFailure(thrown)) return { stages: undefined, error: toWire(thrown) }
  const stages = thrown.errors.map((failure) => ({
    message: failure.message,
    stack: failure.stack,
    stage: failure.stage,
    stageId: failure.stageId,
    index: failure.index,
    failures: failure.failures,
    recent: failure.recent.map(toWireItemError),
    cause: toWire(failure.cause),
  }))
  return { stages, stack: thrown.stack }
}

export function fromWireFailure(wire: WireFailure): unknown {
  if (wire.stages === undefined) return fromWire(wire.error)
  const failure = new PipelineFailure(wire.stages.map(stageFailure))
  setStack(failure, wire.stack)
  return failure
}

function stageFailure({ message, stack, recent, cause, ...rest }: WireStageFailure): StageFailure {
  const failure = new StageFailure({
    ...rest,
    recent: recent.map(fromWireItemError),
    cause: fromWire(cause),
    where: undefined,
  })
  // The original message, because the worker side knew the place of the stage and its budget.
  Object.defineProperty(failure, 'message', {
    value: message,
    enumerable: false,
    writable: true,
    configurable: true,
  })
  setStack(failure, stack)
  return failure
}

export function toWireItemError({ stage, index, attempts, error, item }: ItemError): WireItemError {
  return { stage, index, attempts, error: toWire(error), item: cloneable(item) }
}

export function fromWireItemError({
  stage,
  index,
  attempts,
  error,
  item,
}: WireItemError): ItemError {
  return { stage, index, attempts, error: fromWire(error), item }
}

/** Recognised by its code: a module that uses another copy of the package throws another class. */
function isPipelineFailure(thrown: unknown): thrown is PipelineFailure {
  return (
    thrown instanceof AggregateError &&
    (thrown as { code?: unknown }).code === 'ERR_PIPELINE_FAILED'
  )
}

function setStack(error: Error, stack: string | undefined): void {
  if (stack === undefined) return
  Object.defineProperty(error, 'stack', {
    value: stack,
    enumerable: false,
    writable: true,
    configurable: true,
  })
}

/**
 * A copy of the item, or a text about it. Serialised rather than cloned: what can be sent to a
 * process can be sent everywhere.
 */
function cloneable(item: unknown): unknown {
  try {
    if (typeof item === 'object' && item !== null) walk(item)
    const { deserialize, serialize } = nodeV8()
    return deserialize(serialize(item)) as unknown
  } catch {
    return show(item)
  }
}

import { InfrastructureError, SpindleError } from 'spindle/worker'

/**
 * Codes of this package's errors, besides those of Spindle:
 * - `ERR_MODEL_INPUT`: an item does not fit the model, or its arrays were moved away before;
 * - `ERR_MODEL_LOAD`: a session cannot be opened;
 * - `ERR_MODEL_OUTPUT`: a backend or model gives results that do not fit its batch;
 * - `ERR_BACKEND_MISSING`: an optional peer is not installed.
 */
export type ModelErrorCode =
  | 'ERR_MODEL_INPUT'
  | 'ERR_MODEL_LOAD'
  | 'ERR_MODEL_OUTPUT'
  | 'ERR_BACKEND_MISSING'

/** An error of one item. */
export function itemError(code: ModelErrorCode, message: string): SpindleError {
  return new SpindleError(code, message)
}

/** An error that no item is to blame for. It fails the stage whatever its failure budget. */
export function modelError(
  code: ModelErrorCode,
  message: string,
  cause?: unknown,
): InfrastructureError {
  return new InfrastructureError(code, message, cause === undefined ? undefined : { cause })
}

/** An error as plain data, as it crosses to another thread. */
export interface Fault {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly isInfrastructure: boolean
}

/** The data of a thrown value. */
export function faultOf(error: unknown): Fault {
  const { name, message, stack, code, isInfrastructure } = (
    typeof error === 'object' && error !== null ? error : { message: String(error) }
  ) as Partial<Record<keyof Fault, unknown>>
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : String(error),
    stack: typeof stack === 'string' ? stack : undefined,
    code: typeof code === 'string' ? code : undefined,
    isInfrastructure: isInfrastructure === true,
  }
}

/** The error that a fault describes. */
export function errorOf(fault: Fault): Error {
  const { name, message, stack, code, isInfrastructure } = fault
  const error = isInfrastructure
    ? new InfrastructureError(code ?? 'ERR_MODEL_LOAD', message)
    : Object.assign(new Error(message), { name }, code === undefined ? {} : { code })
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack })
  return error
}

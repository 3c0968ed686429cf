import { show } from '../check.ts'
import { InfrastructureError, messageOf, SpindleError, TimeoutError } from '../errors.ts'

// Structured cloning keeps of an error its name (if it is a standard one), message, stack and cause. Users match on codes and fields, so
// errors are taken apart here and put together on the other side.

/** Something thrown, as plain data. */
export type WireError =
  | { readonly isError: false; readonly value: unknown }
  | {
      readonly isError: true
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      readonly fields: Readonly<Record<string, unknown>>
      readonly cause: WireError | undefined
      readonly errors: readonly WireError[] | undefined
    }

const MAX_DEPTH = 8

/** Takes apart what was thrown. What of it cannot be cloned crosses as text. */
export function toWire(thrown: unknown, depth = 0): WireError {
  if (!(thrown instanceof Error)) return { isError: false, value: cloneable(thrown) }
  const fields: Record<string, unknown> = {}
  for (const key of Object.keys(thrown)) {
    if (key !== 'cause' && key !== 'errors' && key !== 'name')
      fields[key] = cloneable(Reflect.get(thrown, key))
  }
  const isNested = depth < MAX_DEPTH
  const errors: unknown = Reflect.get(thrown, 'errors')
  return {
    isError: true,
    name: String(thrown.name),
    message: String(thrown.message),
    stack: thrown.stack,
    fields,
    cause: isNested && 'cause' in thrown ? toWire(thrown.cause, depth + 1) : undefined,
    errors: isNested && Array.isArray(errors) ? errors.map((error) => toWire(error, depth + 1)) : undefined,
  }
}

const standard = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError } as const

/**
 * Puts an error together again: the class where it is a standard one or ours, else an `Error` of the same name. Its stack is that of where it
 * was thrown, with that of the caller, if given, after it.
 */
export function fromWire(wire: WireError, callerStack = ''): unknown {
  if (!wire.isError) return wire.value
  const error = construct(wire)
  for (const [key, value] of Object.entries(wire.fields)) hide(error, key, value, true)
  if (error.name !== wire.name) hide(error, 'name', wire.name, false)
  if (wire.cause !== undefined) hide(error, 'cause', fromWire(wire.cause), false)
  if (wire.stack !== undefined) {
    const stack = callerStack === '' ? wire.stack : `${wire.stack}\n${callerStack}`
    hide(error, 'stack', stack, false)
  }
  return error
}

function construct(wire: WireError & { readonly isError: true }): Error {
  const { name, message, fields, errors } = wire
  const code = String(fields.code)
  if (fields.isInfrastructure === true) return new InfrastructureError(code, message)
  if (name === 'TimeoutError' && code === 'ERR_TIMEOUT') return new TimeoutError(message)
  if (name === 'SpindleError') return new SpindleError(code, message)
  if (name === 'AbortError' || (name === 'TimeoutError' && fields.code === undefined))
    return new DOMException(message, name)
  if (errors !== undefined)
    return new AggregateError(
      errors.map((one) => fromWire(one)),
      message,
    )
  const Known = standard[name as keyof typeof standard]
  return Known === undefined ? new Error(message) : new Known(message)
}

function hide(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true })
}

function cloneable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null)
    return typeof value === 'function' || typeof value === 'symbol' ? show(value) : value
  if (value instanceof Error) return messageOf(value)
  try {
    return structuredClone(value)
  } catch {
    return show(value)
  }
}

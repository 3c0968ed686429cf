import { InfrastructureError, SpindleError, TimeoutError } from '../../errors.ts'
import { isError, keysOf, peek, readText } from '../../user-code.ts'
import { setMember } from './walk-value.ts'
import { type Portable, toPortable } from './wire-fields.ts'

// Structured cloning keeps the name (if it is a standard one), message, stack and cause of an
// error. Users also match on codes and fields, so errors are taken apart here and rebuilt on the
// other side. Taking an error apart never throws, even if its properties run code.

/** A thrown value as plain data. References between errors are kept. */
export type WireError = WireValue | WireThrown

interface WireValue {
  readonly isError: false
  readonly value: unknown
  readonly inside: readonly WireInside[]
}

/** An error within a value: the keys that lead to it. */
interface WireInside {
  readonly path: readonly string[]
  readonly error: WireError
}

export interface WireThrown {
  readonly isError: true
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly isDom: boolean
  readonly fields: Readonly<Record<string, unknown>>
  readonly inside: readonly WireInside[]
  readonly cause: WireError | undefined
  readonly errors: readonly WireError[] | undefined
}

/**
 * Maximum depth of causes, errors of errors, and errors in fields; and maximum number of errors
 * sent with one.
 */
const MOST_DEPTH = 32
const MOST_ERRORS = 1000
/** Maximum length of a message and of a stack, in UTF-16 units. */
const MOST_TEXT = 2 ** 20

/** Takes a thrown value apart. Parts that cannot be cloned are sent as text. Never throws. */
export function toWire(thrown: unknown): WireError {
  return new Dismantling().wire(thrown, 0)
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * One error and all errors that it leads to. The order is that of cloning: fields first, then
 * causes, then errors.
 */
class Dismantling {
  readonly #known: Map<object, WireError> = new Map()

  wire(thrown: unknown, depth: number): WireError {
    if (!isError(thrown)) {
      const { value, errors } = toPortable(thrown)
      return { isError: false, value, inside: this.#inside([], errors, depth) }
    }
    const known = this.#known.get(thrown)
    if (known !== undefined) return known
    if (depth > MOST_DEPTH || this.#known.size >= MOST_ERRORS) return leftOut
    const wire: Writable<WireThrown> = {
      isError: true,
      name: readText(thrown, 'name', 'Error'),
      message: shortened(readText(thrown, 'message', 'an error whose message cannot be read')),
      stack: stackOf(thrown),
      isDom: isInstance(thrown, DOMException),
      fields: {},
      inside: [],
      cause: undefined,
      errors: undefined,
    }
    this.#known.set(thrown, wire)
    const errors = errorsOf(thrown)
    this.#addFields(wire, thrown, errors !== undefined, depth)
    if (hasMember(thrown, 'cause')) wire.cause = this.wire(peek(thrown, 'cause'), depth + 1)
    wire.errors = errors?.slice(0, MOST_ERRORS).map((error) => this.wire(error, depth + 1))
    return wire
  }

  #addFields(wire: Writable<WireThrown>, thrown: Error, isAggregate: boolean, depth: number): void {
    const fields: Record<string, unknown> = {}
    const inside: WireInside[] = []
    for (const key of keysToSend(thrown)) {
      if (key === 'errors' && isAggregate) continue
      const { value, errors } = toPortable(peek(thrown, key))
      setMember(fields, key, value)
      inside.push(...this.#inside([key], errors, depth))
    }
    wire.fields = fields
    wire.inside = inside
  }

  #inside(path: readonly string[], errors: Portable['errors'], depth: number): WireInside[] {
    return errors.map((found) => ({
      path: [...path, ...found.path],
      error: this.wire(found.error, depth + 1),
    }))
  }
}

const leftOut: WireError = { isError: false, value: 'more errors, which are left out', inside: [] }

/** Own fields. `code` is included even if it is on the class's prototype. */
function keysToSend(thrown: Error): string[] {
  const keys = keysOf(thrown).filter((key) => !APART.has(key))
  if (!keys.includes('code') && typeof peek(thrown, 'code') === 'string') keys.push('code')
  return keys
}

const APART: ReadonlySet<string> = new Set(['cause', 'name', 'message', 'stack'])

function hasMember(value: object, key: string): boolean {
  try {
    return key in value
  } catch {
    return false
  }
}

/**
 * The errors of an `AggregateError`. In other classes a field of that name, such as the errors by
 * field of a validation, is an ordinary field.
 */
function errorsOf(thrown: Error): readonly unknown[] | undefined {
  const errors = peek(thrown, 'errors')
  if (!Array.isArray(errors)) return undefined
  return isInstance(thrown, AggregateError) || peek(thrown, 'name') === 'AggregateError'
    ? errors
    : undefined
}

function isInstance(value: unknown, type: new (...args: never[]) => unknown): boolean {
  try {
    return value instanceof type
  } catch {
    return false
  }
}

function stackOf(thrown: Error): string | undefined {
  const stack = peek(thrown, 'stack')
  return typeof stack === 'string' ? shortened(stack) : undefined
}

function shortened(text: string): string {
  return text.length <= MOST_TEXT
    ? text
    : `${text.slice(0, MOST_TEXT)}… (${text.length} characters)`
}

const standard = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
} as const

/**
 * Rebuilds an error. It gets its class if that is a standard one or Spindle's, else it is an
 * `Error` with the same name. Its stack is that of where it was thrown, followed by that of the
 * caller, if given.
 */
export function fromWire(wire: WireError, callerStack = ''): unknown {
  return revive(wire, callerStack, new Map())
}

function revive(wire: WireError, callerStack: string, known: Map<WireError, unknown>): unknown {
  const inner = (one: WireError): unknown => revive(one, '', known)
  if (!wire.isError) {
    for (const { path, error } of wire.inside) putAt(wire.value as object, path, inner(error))
    return wire.value
  }
  const again = known.get(wire)
  if (again !== undefined) return again
  const error = construct(wire)
  known.set(wire, error)
  for (const [key, value] of Object.entries(wire.fields)) define(error, key, value, true)
  for (const { path, error: one } of wire.inside) putAt(error, path, inner(one))
  if (error.name !== wire.name) define(error, 'name', wire.name, false)
  if (wire.errors !== undefined) define(error, 'errors', wire.errors.map(inner), false)
  if (wire.cause !== undefined) define(error, 'cause', inner(wire.cause), false)
  if (wire.stack !== undefined) {
    const stack = callerStack === '' ? wire.stack : `${wire.stack}\n${callerStack}`
    define(error, 'stack', stack, false)
  }
  return error
}

function putAt(root: object, path: readonly string[], value: unknown): void {
  let holder = root
  for (const key of path.slice(0, -1)) holder = (holder as Record<string, object>)[key] as object
  setMember(holder, path.at(-1) as string, value)
}

function construct({ name, message, fields, errors, isDom }: WireThrown): Error {
  const { code } = fields
  if (isDom) return new DOMException(message, name)
  if (typeof code === 'string') {
    if (fields.isInfrastructure === true) return new InfrastructureError(code, message)
    if (name === 'TimeoutError' && code === 'ERR_TIMEOUT') return new TimeoutError(message)
    if (name === 'SpindleError') return new SpindleError(code, message)
  } else if (name === 'AbortError' || name === 'TimeoutError')
    return new DOMException(message, name)
  if (errors !== undefined) return new AggregateError([], message)
  const Known = standard[name as keyof typeof standard]
  return Known === undefined ? new Error(message) : new Known(message)
}

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true })
}

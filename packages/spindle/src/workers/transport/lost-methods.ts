import { types } from 'node:util'
import { plain, SHOWN_ONCE } from '../../plain-text.ts'
import { isFirstWarning } from '../../shared-warning.ts'

// Structured cloning makes a plain object of an instance of a class: its fields arrive, its methods
// do not. The program then fails far from the cause, so there is one warning, in development.

/** Values that each thread checks. A mistake of this kind is in every value of a stage. */
const MOST_CHECKED = 100

let left = process.env.NODE_ENV === 'production' ? 0 : MOST_CHECKED

/** Warns once if a value that is about to cross would lose methods. */
export function warnOfLostMethods(value: object): void {
  if (left === 0) return
  left--
  const name = classIn(value)
  if (name === undefined) return
  left = 0
  if (!isFirstWarning()) return
  process.emitWarning(
    `${plain(`An object of class ${name} is sent to another thread or process, where it arrives as a plain object without its methods. Send plain data, and make the object from it on the other side.`)} ${SHOWN_ONCE}`,
    { code: 'SPINDLE_METHODS_LOST' },
  )
}

/** The class of the value, of its elements or of its members, if it has methods to lose. */
function classIn(value: object): string | undefined {
  try {
    return losing(value) ?? membersOf(value).map(losing).find(Boolean)
  } catch {
    // A getter or a Proxy of the user's.
    return undefined
  }
}

function membersOf(value: object): unknown[] {
  if (Array.isArray(value)) return value.slice(0, 1)
  return isPlain(Object.getPrototypeOf(value)) ? Object.values(value).slice(0, 20) : []
}

function isPlain(prototype: unknown): boolean {
  return prototype === null || prototype === Object.prototype
}

function losing(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || isCloned(value)) return undefined
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === null || isPlain(prototype)) return undefined
  const { constructor: made } = prototype
  if (typeof made !== 'function' || made.name === '') return undefined
  // Node's and V8's own classes are cloned properly or refused.
  if (Function.prototype.toString.call(made).includes('[native code]')) return undefined
  return hasMethods(prototype) ? made.name : undefined
}

/** Whether cloning keeps the class. */
function isCloned(value: object): boolean {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return true
  if (types.isAnyArrayBuffer(value) || types.isMap(value) || types.isSet(value)) return true
  if (types.isDate(value) || types.isRegExp(value) || types.isNativeError(value)) return true
  if (types.isBoxedPrimitive(value) || types.isProxy(value)) return true
  // Classes of Node that are cloned or transferred by code of their own: Blob, MessagePort, …
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at))
    if (
      Object.getOwnPropertySymbols(at).some(({ description = '' }) =>
        /^messaging_/.test(description),
      )
    )
      return true
  return false
}

function hasMethods(prototype: object): boolean {
  for (
    let at: object | null = prototype;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    const own = Object.getOwnPropertyDescriptors(at)
    for (const [name, { value, get }] of Object.entries(own))
      if (name !== 'constructor' && (typeof value === 'function' || get !== undefined)) return true
  }
  return false
}

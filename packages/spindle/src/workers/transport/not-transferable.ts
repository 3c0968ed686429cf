import { types } from 'node:util'
import { nodeV8 } from '../../builtins.ts'
import { show } from '../../check.ts'
import { messageOf, SpindleError } from '../../errors.ts'
import { CannotCross, isMemory, MOST_LEVELS } from './walk-value.ts'

/** The destination of a value, and a test of what can be sent there. */
export interface Border {
  readonly to: 'thread' | 'process'
  readonly canCross: (value: unknown) => boolean
}

const toThread: Border = { to: 'thread', canCross: canBeCloned }
/** For Node's own channel, which would treat a view of shared memory as one of plain memory. */
export const toProcess: Border = { to: 'process', canCross: canBeSerialized }

/**
 * The error for a `value` that cannot be sent to another thread or process: `ERR_NOT_TRANSFERABLE`,
 * with the path of the first field that cannot. `cause` is the error of the attempt. It never
 * throws, and the message contains none of the value's data.
 */
export function notTransferable(
  value: unknown,
  what: string,
  cause: unknown,
  { to, canCross }: Border = toThread,
): SpindleError {
  const found = find(value, what, canCross)
  // V8's message about a function contains its whole source.
  const isSaid = found !== undefined && found.thrown === undefined
  const reason = found === undefined ? messageOf(cause) : `${found.path} is ${found.description}`
  const options =
    isSaid || cause instanceof CannotCross ? {} : { cause: found?.thrown?.error ?? cause }
  return new SpindleError(
    'ERR_NOT_TRANSFERABLE',
    `${what} cannot cross to another ${to}: ${reason}`,
    options,
  )
}

interface Found {
  readonly path: string
  readonly description: string
  /** The error that a getter threw. */
  readonly thrown?: { readonly error: unknown }
}

/** A value and its position: the step from its holder. */
interface Place {
  readonly value: unknown
  readonly step: string
  readonly holder: Place | undefined
  readonly level: number
}

/** Maximum number of values to inspect in the search for the field. */
const MOST_PLACES = 100_000

/** The first field that cannot be sent, in the order of cloning. Works without recursion. */
function find(root: unknown, what: string, canCross: Border['canCross']): Found | undefined {
  const seen = new Set<object>()
  const waiting: Place[] = [{ value: root, step: what, holder: undefined, level: 1 }]
  /** Cannot be sent; a reason inside it is preferred. */
  let suspect: Place | undefined
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { value, level } = place
    if (typeof value !== 'object' || value === null) {
      if (typeof value === 'function' || typeof value === 'symbol') return found(place)
      continue
    }
    if (seen.has(value)) continue
    seen.add(value)
    if (seen.size > MOST_PLACES) break
    if (types.isProxy(value)) return found(place)
    if (!isContainer(value)) {
      if (canCross(value)) continue
      if (isMemory(value)) return found(place)
      suspect ??= place
    }
    if (level > MOST_LEVELS)
      return { path: what, description: `nested more than ${MOST_LEVELS} levels deep` }
    try {
      waiting.push(...membersOf(place).reverse())
    } catch (error) {
      return unreadable(place, error)
    }
  }
  return suspect === undefined ? undefined : found(suspect)
}

function found(place: Place): Found {
  return { path: pathOf(place), description: describe(place.value) }
}

function unreadable(place: Place, error: unknown): Found {
  const [step, thrown] = error instanceof GetterFailed ? [error.step, error.cause] : ['', error]
  return {
    path: `${pathOf(place)}${step}`,
    description: `a getter that throws: ${messageOf(thrown)}`,
    thrown: { error: thrown },
  }
}

/** Whether the content of an object decides whether it can be sent. */
function isContainer(value: object): boolean {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function describe(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object' || value === null) return show(value)
  if (types.isProxy(value)) return 'a Proxy'
  if (isMemory(value)) {
    const memory = ArrayBuffer.isView(value) ? value.buffer : value
    if (memory instanceof SharedArrayBuffer) return 'shared memory'
    if (memory.byteLength === 0)
      return 'a buffer that was given away already: return a copy of what is kept'
  }
  const name = nameOfClass(value)
  return name === '' ? 'an object that cannot be cloned' : `an instance of ${name}`
}

function nameOfClass(value: object): string {
  try {
    const { name } = value.constructor
    return typeof name === 'string' ? name : ''
  } catch {
    return ''
  }
}

/** A member that could not be read. */
class GetterFailed extends Error {
  readonly step: string

  constructor(step: string, cause: unknown) {
    super('', { cause })
    this.step = step
  }
}

function membersOf(place: Place): Place[] {
  const { value, level } = place
  if (typeof value !== 'object' || value === null || isMemory(value)) return []
  const found: Place[] = []
  const add = (step: string, member: unknown): void => {
    if (typeof member === 'object' || typeof member === 'function' || typeof member === 'symbol')
      found.push({ value: member, step, holder: place, level: level + 1 })
  }
  if (value instanceof Map) {
    for (const [key, member] of value) {
      add(`.key(${stepOf(key)})`, key)
      add(`.get(${stepOf(key)})`, member)
    }
  } else if (value instanceof Set) {
    let at = 0
    for (const member of value) add(`.values()[${at++}]`, member)
  } else {
    const isList = Array.isArray(value)
    for (const key of Object.keys(value)) {
      const step = isList ? `[${key}]` : /^[\w$]+$/.test(key) ? `.${key}` : `[${show(key)}]`
      add(step, read(value, key, step))
    }
  }
  return found
}

/** A key of a `Map` in a path. A key that is not a name or number is described. */
function stepOf(key: unknown): string {
  return typeof key === 'object' && key !== null ? `an instance of ${nameOfClass(key)}` : show(key)
}

function read(holder: object, key: string, step: string): unknown {
  try {
    return (holder as Record<string, unknown>)[key]
  } catch (error) {
    throw new GetterFailed(step, error)
  }
}

function pathOf(place: Place): string {
  const steps: string[] = []
  for (let at: Place | undefined = place; at !== undefined; at = at.holder) steps.push(at.step)
  return steps.reverse().join('')
}

function canBeSerialized(value: unknown): boolean {
  try {
    nodeV8().serialize(value)
    return true
  } catch {
    return false
  }
}

function canBeCloned(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}

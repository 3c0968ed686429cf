import { types } from 'node:util'
import { nodeV8 } from '../../builtins.ts'
import { show } from '../../check.ts'
import { isError, keysOf, peek } from '../../user-code.ts'
import { type Memory, setMember, walk } from './walk-value.ts'

/** A value as data that can be sent to every thread and process, without the errors in it. */
export interface Portable {
  readonly value: unknown
  /** The errors in it, with the keys that lead to each. */
  readonly errors: readonly { readonly path: readonly string[]; readonly error: Error }[]
}

/** Maximum depth of fields of errors, and maximum number of members of one field. */
const MOST_LEVELS = 100
const MOST_MEMBERS = 10_000

/**
 * A field of an error, or a thrown value that is not an error. Parts that cannot be sent become
 * text. Never throws.
 */
export function toPortable(value: unknown): Portable {
  const reading = new Reading()
  return { value: reading.read(value, [], 1), errors: reading.errors }
}

class Reading {
  readonly errors: { readonly path: readonly string[]; readonly error: Error }[] = []
  readonly #copies: Map<object, unknown> = new Map()
  #members = 0

  read(value: unknown, path: readonly string[], level: number): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') return show(value)
    if (typeof value !== 'object' || value === null) return value
    if (isError(value)) {
      this.errors.push({ path, error: value })
      return undefined
    }
    if (types.isProxy(value)) return 'a Proxy'
    const known = this.#copies.get(value)
    if (known !== undefined) return known
    const isList = Array.isArray(value)
    if (!isList && !isPlain(value)) return cloned(value)
    if (level > MOST_LEVELS) return 'nested too deep'
    const copy: object = isList ? [] : {}
    this.#copies.set(value, copy)
    for (const key of keysOf(value)) {
      if (++this.#members > MOST_MEMBERS) break
      setMember(copy, key, this.read(peek(value, key), [...path, key], level + 1))
    }
    return copy
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Serialised rather than cloned: what can be sent to a process can be sent everywhere. */
function cloned(value: object): unknown {
  try {
    walk(value, refuseShared)
    const { deserialize, serialize } = nodeV8()
    return deserialize(serialize(value)) as unknown
  } catch {
    return show(value)
  }
}

/** Throws for shared memory and views of it, which would otherwise arrive as copies. */
function refuseShared(memory: Memory): void {
  if ((ArrayBuffer.isView(memory) ? memory.buffer : memory) instanceof SharedArrayBuffer)
    throw new TypeError('shared memory')
}

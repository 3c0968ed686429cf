import { types } from 'node:util'

/**
 * Maximum depth of nested objects in a value that is sent to another thread or process. V8 reads
 * nested objects by recursion: at about 1,900 levels it overflows the stack of a main thread, which
 * then gets neither the value nor an error that it could catch.
 */
export const MOST_LEVELS = 1000

/** With more holes than this, a list is no longer walked index by index. */
const MANY_HOLES = 1000

/** Why a value cannot be sent, found before it is sent. */
export class CannotCross extends Error {}

/** Memory: a buffer, or a view of one. */
export type Memory = ArrayBuffer | SharedArrayBuffer | ArrayBufferView

/**
 * Walks a value in the order of structured cloning, without recursion, and calls `visit` once for
 * each buffer and view. It calls getters, so it may throw their errors. `enter` is called for each
 * pair of an object and its holder.
 *
 * @throws {CannotCross} for a proxy, and for a value of more than {@link MOST_LEVELS} levels.
 */
export function walk(
  root: object,
  visit: (memory: Memory) => void = ignore,
  enter?: (member: object, holder: object) => void,
): void {
  const seen = new Set<object>()
  const waiting: object[] = [root]
  const levels: number[] = [1]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const level = levels.pop() as number
    if (seen.has(value)) continue
    seen.add(value)
    if (isMemory(value)) {
      visit(value)
      continue
    }
    if (level > MOST_LEVELS)
      throw new CannotCross(`it is nested more than ${MOST_LEVELS} levels deep`)
    if (types.isProxy(value)) throw new CannotCross('it holds a Proxy')
    const from = waiting.length
    addMembers(value, waiting)
    if (enter !== undefined)
      for (let i = from; i < waiting.length; i++) enter(waiting[i] as object, value)
    // The list is a stack, so the members are reversed: the first is taken first, with everything
    // inside it.
    for (let low = from, high = waiting.length - 1; low < high; low++, high--) {
      const first = waiting[low] as object
      waiting[low] = waiting[high] as object
      waiting[high] = first
    }
    for (let i = from; i < waiting.length; i++) levels.push(level + 1)
  }
}

export function isMemory(value: object): value is Memory {
  return (
    ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer
  )
}

/** Appends the objects that a value contains to a list. */
function addMembers(value: object, to: object[]): void {
  if (Array.isArray(value)) addElements(value, to)
  else if (value instanceof Map) {
    for (const [key, member] of value) {
      add(key, to)
      add(member, to)
    }
  } else if (value instanceof Set) for (const member of value) add(member, to)
  else if (types.isNativeError(value)) add(value.cause, to)
  else if (!isLeaf(value)) {
    for (const key of Object.keys(value)) add((value as Record<string, unknown>)[key], to)
  }
}

function addElements(list: readonly unknown[], to: object[]): void {
  let holes = 0
  for (let i = 0; i < list.length; i++) {
    const member = list[i]
    if (typeof member === 'object') add(member, to)
    else if (member === undefined && !(i in list) && ++holes > MANY_HOLES) {
      for (const key of Object.keys(list))
        if (!(Number(key) <= i)) add((list as unknown as Record<string, unknown>)[key], to)
      return
    }
  }
}

function add(member: unknown, to: object[]): void {
  if (typeof member === 'object' && member !== null) to.push(member)
}

/** Whether cloning takes nothing of an object except its internal data. */
function isLeaf(value: object): boolean {
  return types.isDate(value) || types.isRegExp(value) || types.isBoxedPrimitive(value)
}

/**
 * A copy of `root` in which some buffers and views are replaced. Only objects that contain one of
 * them, directly or not, are copied. Shared and cyclic references are kept. `onReplaced` gets the
 * copy that holds a replacement, and the key.
 */
export function withReplaced(
  root: object,
  replacements: ReadonlyMap<object, unknown>,
  onReplaced: (replaced: object, holder: object, key: unknown) => void = ignore,
): unknown {
  if (replacements.has(root)) return replacements.get(root)
  const copies = emptyCopies(holdersOf(root, replacements))
  for (const [original, copy] of copies) {
    const replaced = (member: unknown, key: unknown): unknown => {
      if (typeof member !== 'object' || member === null) return member
      if (replacements.has(member)) {
        onReplaced(member, copy, key)
        return replacements.get(member)
      }
      return copies.get(member) ?? member
    }
    fill(copy, original, replaced)
  }
  return copies.get(root) ?? root
}

function ignore(): void {}

/** The objects in `root` that contain one of `members`, directly or not. */
function holdersOf(root: object, members: ReadonlyMap<object, unknown>): ReadonlySet<object> {
  const holders = new Map<object, object[]>()
  walk(root, ignore, (member, holder) => {
    const known = holders.get(member)
    if (known === undefined) holders.set(member, [holder])
    else known.push(holder)
  })
  const found = new Set<object>()
  const waiting: object[] = [...members.keys()]
  for (let member = waiting.pop(); member !== undefined; member = waiting.pop()) {
    for (const holder of holders.get(member) ?? []) {
      if (found.has(holder) || types.isNativeError(holder)) continue
      found.add(holder)
      waiting.push(holder)
    }
  }
  return found
}

function emptyCopies(originals: ReadonlySet<object>): Map<object, object> {
  const copies = new Map<object, object>()
  for (const original of originals) {
    if (Array.isArray(original)) {
      const list: unknown[] = []
      list.length = original.length
      copies.set(original, list)
    } else if (original instanceof Map) copies.set(original, new Map())
    else if (original instanceof Set) copies.set(original, new Set())
    else copies.set(original, {})
  }
  return copies
}

function fill(
  copy: object,
  original: object,
  replaced: (member: unknown, key: unknown) => unknown,
): void {
  if (original instanceof Map) {
    for (const [key, member] of original)
      (copy as Map<unknown, unknown>).set(replaced(key, undefined), replaced(member, key))
  } else if (original instanceof Set) {
    for (const member of original) (copy as Set<unknown>).add(replaced(member, undefined))
  } else {
    for (const key of Object.keys(original))
      setMember(copy, key, replaced((original as Record<string, unknown>)[key], key))
  }
}

/** Sets an own member, even if it is called `__proto__`. */
export function setMember(holder: object, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(holder, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
  else (holder as Record<string, unknown>)[key] = value
}

/** The class name of a view. A `Buffer` is a `Uint8Array`, as in cloning. */
export function classOf(memory: Memory): string {
  if (memory instanceof ArrayBuffer) return 'ArrayBuffer'
  if (memory instanceof SharedArrayBuffer) return 'SharedArrayBuffer'
  return (typedArrayTag.call(memory) as string | undefined) ?? 'DataView'
}

const typedArrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => unknown

type ViewConstructor = new (
  buffer: ArrayBufferLike,
  offset?: number,
  length?: number,
) => ArrayBufferView

/** A view of that class over `buffer`: over all of it, or over `length` bytes from `offset` on. */
export function viewOf(
  name: string,
  buffer: ArrayBufferLike,
  offset = 0,
  byteLength: number = buffer.byteLength - offset,
): ArrayBufferView {
  const View = (globalThis as unknown as Record<string, ViewConstructor>)[name] as ViewConstructor
  const { BYTES_PER_ELEMENT = 1 } = View as { readonly BYTES_PER_ELEMENT?: number }
  return new View(buffer, offset, byteLength / BYTES_PER_ELEMENT)
}

import { peek } from '../../user-code.ts'

const DEEPEST = 4

/**
 * Estimates the bytes that a value keeps in memory, for `maxBytes`. It counts buffers and views by
 * their length, strings by two bytes a unit, and `Blob`s by their size. Arrays and plain objects
 * count by the sum of their members (four levels deep), and other values as 8.
 */
export function sizeOf(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length * 2
  if (typeof value !== 'object' || value === null) return 8
  try {
    return sizeOfObject(value, depth)
  } catch {
    // A getter or a Proxy that throws makes the value unreadable.
    return 8
  }
}

function sizeOfObject(value: object, depth: number): number {
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return value.byteLength
  if (value instanceof Blob) return value.size
  if (depth >= DEEPEST) return 8
  if (Array.isArray(value)) return sizeOfList(value, depth)
  let bytes = 8
  for (const name in value) bytes += sizeOf(peek(value, name), depth + 1)
  return bytes
}

/**
 * After this many holes, only the members that exist are visited, because a list may have a billion
 * holes.
 */
const MANY_HOLES = 1000

function sizeOfList(list: readonly unknown[], depth: number): number {
  let bytes = 8
  let holes = 0
  for (let i = 0; i < list.length; i++) {
    const member = list[i]
    bytes += sizeOf(member, depth + 1)
    if (member !== undefined || i in list || ++holes <= MANY_HOLES) continue
    return Object.values(list).reduce((sum: number, one) => sum + sizeOf(one, depth + 1), 8)
  }
  return bytes
}

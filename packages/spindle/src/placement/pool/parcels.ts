/** Buffers smaller than this go with their message. */
const LARGE_BYTES = 1 << 14

/** Where in a value a buffer was. */
export type Path = readonly (string | number)[]

/** Puts bytes somewhere and remembers where in the value they belong; whether there was a place. */
export type PutAside = (bytes: Uint8Array, view: string, path: Path) => boolean

/**
 * The value without its large buffers, each of which is given to `putAside`. Looks into plain objects and lists; what holds such a buffer is
 * copied, the rest is kept. Throws where there is shared memory, which processes do not share.
 */
export function withoutBuffers(value: unknown, putAside: PutAside, path: Path = []): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || isShared(value)) {
    const bytes = bytesOf(value)
    if (bytes.byteLength < LARGE_BYTES) return value
    return putAside(bytes, Object.prototype.toString.call(value).slice(8, -1), path) ? undefined : value
  }
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i]
      if (typeof member !== 'object' || member === null) continue
      const kept = withoutBuffers(member, putAside, [...path, i])
      if (kept === member) continue
      copy ??= [...value]
      copy[i] = kept
    }
    return copy ?? value
  }
  if (value instanceof Map || value instanceof Set) {
    for (const member of value instanceof Map ? [...value.keys(), ...value.values()] : value)
      refuseShared(member)
    return value
  }
  if (Object.prototype.toString.call(value) !== '[object Object]') return value
  let copy: Record<string, unknown> | undefined
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (typeof member !== 'object' || member === null) continue
    const kept = withoutBuffers(member, putAside, [...path, key])
    if (kept === member) continue
    copy ??= { ...value }
    copy[key] = kept
  }
  return copy ?? value
}

/** Puts a buffer back where it was. `root` is what holds the value, under `at`. */
export function putBack(
  root: Record<PropertyKey, unknown>,
  at: PropertyKey,
  path: Path,
  bytes: Uint8Array,
  view: string,
): void {
  let holder = root
  let key = at
  for (const step of path) {
    holder = holder[key] as Record<PropertyKey, unknown>
    key = step
  }
  holder[key] = viewOf(bytes, view)
}

type ViewConstructor = new (buffer: ArrayBufferLike) => unknown

function viewOf(bytes: Uint8Array, name: string): unknown {
  if (name === 'ArrayBuffer') return bytes.buffer
  const View = (globalThis as unknown as Record<string, ViewConstructor>)[name] as ViewConstructor
  return new View(bytes.buffer)
}

function bytesOf(value: object): Uint8Array {
  refuseShared(value)
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  const { buffer, byteOffset, byteLength } = value as ArrayBufferView
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function isShared(value: object): boolean {
  return value instanceof SharedArrayBuffer
}

/** Whether a value is shared memory or a view of it. */
export function isSharedMemory(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return isShared(ArrayBuffer.isView(value) ? value.buffer : value)
}

function refuseShared(value: unknown): void {
  if (isSharedMemory(value)) throw new TypeError('shared memory cannot be shared with another process')
}
